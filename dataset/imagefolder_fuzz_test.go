package dataset

import (
	"bytes"
	"image/gif"
	"image/jpeg"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
)

// FuzzImageFolder opens a folder with the given files, one a line, that all hold the same
// bytes, for models that take colours or grey. What can be opened has as many samples as
// it says, each of the right shape with numbers between 0 and 1.
func FuzzImageFolder(f *testing.F) {
	img := gradientImage(5, 3, "x.png")
	var asJPEG, asGIF bytes.Buffer
	if err := jpeg.Encode(&asJPEG, img, nil); err != nil {
		f.Fatal(err)
	}
	if err := gif.Encode(&asGIF, img, nil); err != nil {
		f.Fatal(err)
	}
	png := pngOf(f, img)
	for _, names := range []string{"a.png\nb.jpeg\nc.gif", "a/x.png\nb/y.JPG", "train/a/1.png\ntrain/b/1.png\nval/a/2.png", "test/a/x.png\n.git/x.png\na/.x.png", "train/x.png\nTRAIN/y/x.png", "a/b/c/d.png"} {
		for _, content := range [][]byte{png, png[:len(png)/2], asJPEG.Bytes(), asGIF.Bytes(), {}} {
			f.Add(names, content)
		}
	}
	f.Fuzz(func(t *testing.T, names string, content []byte) {
		if len(names) > 1<<8 || len(content) > 1<<12 {
			return
		}
		root := t.TempDir()
		for name := range strings.SplitSeq(names, "\n") {
			path := filepath.Join(root, filepath.FromSlash(name))
			if !filepath.IsLocal(filepath.FromSlash(name)) || os.MkdirAll(filepath.Dir(path), 0o700) != nil {
				continue
			}
			_ = os.WriteFile(path, content, 0o600) // there may be a folder
		}
		for _, shape := range [][]int{{-1, 3, 3, 5}, {-1, 1, 4, 4}, {-1, 2, 2, 3}} {
			for _, split := range []Split{"", Train, Test} {
				spec := model(shape...)
				spec.Split = split
				s, err := Open(root, spec)
				if err != nil {
					if err.Error() == "" {
						t.Fatal("empty error")
					}
					continue
				}
				checkSamples(t, s, shape)
			}
		}
	})
}

func checkSamples(t *testing.T, s *Set, shape []int) {
	t.Helper()
	if labels := s.Labels(); labels != nil && len(labels) != s.Len() {
		t.Fatalf("%d labels of %d samples", len(labels), s.Len())
	}
	batch, err := s.Batch(0, s.Len())
	if err != nil {
		return
	}
	want := append([]int{s.Len()}, shape[1:]...)
	a := batch["x"]
	if !slices.Equal(a.Shape, want) || a.DType() != nd.Float32 {
		t.Fatalf("%v of shape %v, want %v", a.DType(), a.Shape, want)
	}
	for _, v := range a.Float32s() {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("a colour of %v", v)
		}
	}
}
