package batch

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestSamplesElsewhere: the images that a file of labels refers to count as the data does.
func TestSamplesElsewhere(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) string {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	of := func(path string) [][]string {
		t.Helper()
		p := &ingredients{contents: &contents{}}
		if p.data("data", Data{Path: path}); p.err != nil {
			t.Fatal(p.err)
		}
		return p.list
	}
	write("images/a.png", "1")
	write("labels/a.txt", "0 0.5 0.5 0.1 0.1")
	for _, path := range []string{
		write("data.yaml", "train: images\nnames: [cat]"),
		write("instances.json", `{"images":[{"id":1,"file_name":"a.png"}],"categories":[{"id":1,"name":"c"}],"annotations":[{"id":5,"image_id":1,"category_id":1,"bbox":[0,0,1,1]}]}`),
	} {
		write("images/a.png", "1")
		before := of(path)
		if !reflect.DeepEqual(before, of(path)) {
			t.Errorf("%s: equal files, other digests", path)
		}
		write("images/a.png", "2")
		if reflect.DeepEqual(before, of(path)) {
			t.Errorf("%s: another image, the same digests", path)
		}
	}
	p := &ingredients{contents: &contents{}}
	if p.data("data", Data{Path: write("broken.json", "{")}); p.err == nil {
		t.Error("a broken file has a digest")
	}
}
