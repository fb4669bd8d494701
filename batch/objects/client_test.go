package objects_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/batch/objects/objectstest"
	"github.com/advparams/advparams/internal/hint"
)

// The tests run this binary as the program, with a folder as object storage.
const rootVariable = "OBJECTS_TEST_ROOT"

func TestMain(m *testing.M) {
	if root := os.Getenv(rootVariable); root != "" {
		store := &objectstest.Dir{Root: root, Before: func(op, url string) error {
			switch name := objects.Base(url); {
			case name == "slow":
				time.Sleep(20 * time.Millisecond)
			case name == "odd":
				return refusal{}
			case name == "panic":
				panic("of the store")
			case name == "deadly":
				// Only the first time.
				if os.Remove(filepath.Join(root, "alive")) == nil {
					os.Exit(9)
				}
			}
			return nil
		}}
		if err := objects.Serve(context.Background(), store, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// refusal is an error with a hint.
type refusal struct{}

func (refusal) Error() string { return "not today" }
func (refusal) Hint() string  { return "come tomorrow" }

// client returns a client of a store with one bucket.
func client(t *testing.T) (*objects.Client, string) {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "s3", "zoo"), 0o777); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(rootVariable, root)
	t.Setenv(objects.ProgramVariable, self)
	c := &objects.Client{}
	t.Cleanup(c.Close)
	return c, root
}

func TestClient(t *testing.T) {
	c, root := client(t)
	ctx := t.Context()
	file := filepath.Join(root, "file")
	if err := os.WriteFile(file, []byte("bytes"), 0o666); err != nil {
		t.Fatal(err)
	}
	put, err := c.Put(ctx, "s3://zoo/a/b", file, true)
	if err != nil || put.Size != 5 || put.SHA256 == "" || put.ETag == "" {
		t.Fatalf("%+v, %v", put, err)
	}
	if _, err := c.Put(ctx, "s3://zoo/a/b", file, true); err != nil {
		t.Errorf("the same again: %v", err)
	}
	other := filepath.Join(root, "other")
	if err := os.WriteFile(other, []byte("other bytes"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Put(ctx, "s3://zoo/a/b", other, true); !errors.Is(err, objects.ErrExists) {
		t.Errorf("a second one: %v", err)
	}
	if o, err := c.Stat(ctx, "s3://zoo/a/b"); err != nil || o != put {
		t.Errorf("stat %+v, %v", o, err)
	}
	back := filepath.Join(root, "back")
	if o, err := c.Get(ctx, "s3://zoo/a/b", back); err != nil || o != put {
		t.Errorf("get %+v, %v", o, err)
	}
	if text, _ := os.ReadFile(back); string(text) != "bytes" {
		t.Errorf("the file has %q", text)
	}
	if _, err := c.Write(ctx, "s3://zoo/a/small", []byte{0, 1, 0xff}); err != nil {
		t.Error(err)
	}
	if data, o, err := c.Read(ctx, "s3://zoo/a/small"); err != nil || string(data) != "\x00\x01\xff" || o.Size != 3 {
		t.Errorf("read %q, %+v, %v", data, o, err)
	}
	if list, err := c.List(ctx, "s3://zoo/a/"); err != nil || len(list) != 2 || list[0].URL != "s3://zoo/a/b" || list[1].Size != 3 {
		t.Errorf("list %+v, %v", list, err)
	}
	for range 2 {
		if err := c.Delete(ctx, "s3://zoo/a/b"); err != nil {
			t.Error(err)
		}
	}
	if _, err := c.Stat(ctx, "s3://zoo/a/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a deleted one: %v", err)
	}
	if _, err := c.Stat(ctx, "s3://zoo/odd"); err == nil || err.Error() != "not today" || hint.Of(err) != "come tomorrow" {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
	if _, err := c.Stat(ctx, "s3://zoo/panic"); err == nil || !strings.Contains(err.Error(), "of the store") {
		t.Errorf("a panic: %v", err)
	}
}

// TestClientRestarts checks that the program is started again when it has ended.
func TestClientRestarts(t *testing.T) {
	c, root := client(t)
	if err := os.WriteFile(filepath.Join(root, "alive"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(t.Context(), "s3://zoo/deadly", []byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "alive")); err == nil {
		t.Error("the program did not end")
	}
	c.Close()
	if _, err := c.Stat(t.Context(), "s3://zoo/deadly"); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestClientWithoutProgram(t *testing.T) {
	t.Setenv(objects.ProgramVariable, filepath.Join(t.TempDir(), "none"))
	c := &objects.Client{}
	if _, err := c.Stat(t.Context(), "s3://zoo/a"); err == nil {
		t.Error("no error")
	}
	t.Setenv(objects.ProgramVariable, "")
	t.Setenv("PATH", t.TempDir())
	if _, err := c.Stat(t.Context(), "s3://zoo/a"); err == nil || !strings.Contains(hint.Of(err), objects.ProgramVariable) {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}

// TestClientManyCallers lets many goroutines call. Some of them give up.
func TestClientManyCallers(t *testing.T) {
	c, _ := client(t)
	if _, err := c.Write(t.Context(), "s3://zoo/slow", make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			ctx := t.Context()
			if i%4 == 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 5*time.Millisecond)
				defer cancel()
			}
			data, _, err := c.Read(ctx, "s3://zoo/slow")
			switch {
			case i%4 == 0 && err != nil && !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("given up: %v", err)
			case i%4 != 0 && (err != nil || len(data) != 1<<20):
				t.Errorf("%d bytes, %v", len(data), err)
			}
			if _, err := c.Write(t.Context(), fmt.Sprintf("s3://zoo/%d", i), make([]byte, 1<<18)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestURLs(t *testing.T) {
	const url = "s3://zoo/a/b.onnx"
	if !objects.IsURL(url) || objects.IsURL("/s3/zoo") || objects.IsURL("http://zoo/a") || objects.IsURL("s3:/zoo") {
		t.Error("IsURL")
	}
	for _, c := range [][2]string{
		{objects.Dir(url), "s3://zoo/a"}, {objects.Dir("s3://zoo/a"), "s3://zoo"}, {objects.Dir("s3://zoo"), "s3://zoo"},
		{objects.Base(url), "b.onnx"}, {objects.Join("s3://zoo", "x/../y"), "s3://zoo/y"},
		{objects.Join("gs://zoo/a/", "../../../b"), "gs://zoo/b"}, {objects.Clean("azblob://zoo//a/./b/"), "azblob://zoo/a/b"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s, want %s", c[0], c[1])
		}
	}
	if rel, ok := objects.Rel("s3://zoo", url); !ok || rel != "a/b.onnx" {
		t.Errorf("Rel: %q, %v", rel, ok)
	}
	if _, ok := objects.Rel("s3://zoo/a/b", url); ok {
		t.Error("Rel of a longer one")
	}
	for _, bad := range []string{"s3://", "s3:///x", "s3://zoo", "s3://zoo/a//b", "s3://zoo/a/", "s3://zoo/a\\b", "s3://zoo/../x"} {
		if objects.Check(bad) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	if err := objects.Check(url); err != nil {
		t.Error(err)
	}
}
