package advparams_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"filippo.io/age"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/vectors"
	"github.com/advparams/advparams/key"
)

// errorClass returns the class of an error in testdata/vectors.
func errorClass(err error) string {
	version, cipher, unknown := (*key.VersionError)(nil), (*key.CipherError)(nil), (*key.UnknownError)(nil)
	work := (*advparams.WorkFactorError)(nil)
	switch {
	case err == nil:
		return ""
	case errors.As(err, &work):
		return "work"
	case errors.As(err, &version), errors.As(err, &cipher), errors.As(err, &unknown):
		return "version"
	case errors.Is(err, advparams.ErrIdentity):
		return "identity"
	case errors.Is(err, advparams.ErrDamaged):
		return "damaged"
	case errors.Is(err, advparams.ErrMismatch):
		return "mismatch"
	case errors.Is(err, advparams.ErrRecord):
		return "result"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	}
	return "other"
}

// TestOpenVectors opens all vectors, in folders and in file systems.
func TestOpenVectors(t *testing.T) {
	list, err := vectors.Read(filepath.Join("testdata", "vectors"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 250 {
		t.Errorf("%d vectors", len(list))
	}
	for _, v := range list {
		t.Run(v.Name, func(t *testing.T) {
			opt := advparams.OpenOptions{Locked: v.Locked, Key: advparams.KeyFile{Path: v.Key}}
			if v.Identity != "" {
				if opt.Key.Identities, err = advparams.Identities(v.Identity); err != nil {
					t.Fatal(err)
				}
			}
			if v.Passphrase != "" {
				opt.Key.Passphrase = func() (string, error) { return v.Passphrase, nil }
			}
			openVector(t, opt, v)
			opt.FS, opt.Locked = os.DirFS(filepath.Dir(v.Locked)), filepath.Base(v.Locked)
			openVector(t, opt, v)
		})
	}
}

func openVector(t *testing.T, opt advparams.OpenOptions, v vectors.Vector) {
	t.Helper()
	o, err := advparams.Open(t.Context(), opt)
	if got := errorClass(err); got != v.Error {
		t.Fatalf("error %v of class %q, want class %q", err, got, v.Error)
	}
	if err != nil {
		if o != nil {
			t.Error("an error and a model")
		}
		return
	}
	if len(o.Files()) != len(v.Files) {
		t.Fatalf("%d files, want %d", len(o.Files()), len(v.Files))
	}
	for i, want := range v.Files {
		f := o.Files()[i]
		if f.Name() != want.Original || f.Size() != want.Size || o.File(want.Original) != f {
			t.Errorf("file %d is %s of %d bytes", i, f.Name(), f.Size())
		}
		data, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size()))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(data)) != want.SHA256 || !bytes.Equal(data, f.Bytes()) {
			t.Errorf("%s is not the original (%v)", f.Name(), err)
		}
	}
	if o.File("no such file") != nil {
		t.Error("there is a file that is none")
	}
	for range 2 {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
	if f := o.Files()[0]; f.Size() > 0 {
		if _, err := f.ReadAt(make([]byte, 1), 0); !errors.Is(err, os.ErrClosed) {
			t.Errorf("reading after Close: %v", err)
		}
	}
}

// TestOpenReadAt reads what io.ReaderAt says at the ends of a file.
func TestOpenReadAt(t *testing.T) {
	dir := filepath.Join("testdata", "vectors", "keys", "float32")
	o, err := advparams.Open(t.Context(), advparams.OpenOptions{Locked: filepath.Join(dir, "locked.onnx"), Key: advparams.KeyFile{Path: filepath.Join(dir, "model.key")}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	f := o.Files()[0]
	for _, c := range []struct {
		at      int64
		n, want int
		err     error
	}{{0, 5, 5, nil}, {f.Size() - 5, 5, 5, nil}, {f.Size() - 5, 6, 5, io.EOF}, {f.Size(), 1, 0, io.EOF}, {f.Size() + 7, 1, 0, io.EOF}, {f.Size(), 0, 0, nil}} {
		if n, err := f.ReadAt(make([]byte, c.n), c.at); n != c.want || err != c.err {
			t.Errorf("%d bytes at %d: %d, %v", c.n, c.at, n, err)
		}
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("a negative offset is read")
	}
}

// TestOpenCancelled opens models for a context that has ended: whatever the steps of a key
// are, and however small its files, which a stream would be through before it looks.
func TestOpenCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	keys, err := filepath.Glob(filepath.Join("testdata", "vectors", "keys", "*", "model.key"))
	if err != nil || len(keys) < 10 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	opened := 0
	for _, path := range keys {
		opt := advparams.OpenOptions{Locked: filepath.Join(filepath.Dir(path), "locked.onnx"), Key: advparams.KeyFile{Path: path}}
		o, err := advparams.Open(t.Context(), opt)
		if err != nil {
			continue // a vector of what is refused, or that needs an identity
		}
		o.Close()
		opened++
		if o, err := advparams.Open(ctx, opt); o != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, %v", path, o, err)
		}
	}
	if opened < 10 {
		t.Errorf("%d keys open", opened)
	}
}

// TestOpenOptions refuses what cannot be opened.
func TestOpenOptions(t *testing.T) {
	for _, opt := range []advparams.OpenOptions{
		{Key: advparams.KeyFile{Path: "model.key"}},
		{Locked: "locked.onnx"},
	} {
		_, err := advparams.Open(t.Context(), opt)
		if _, ok := errors.AsType[*advparams.OptionError](err); !ok {
			t.Errorf("%+v: %v", opt, err)
		}
	}
}

// A locked model that is embedded in a program is unlocked in memory.
func ExampleOpen() {
	file, remove := folder()
	defer remove()
	check(writeDemo(file("")))
	ctx := context.Background()
	identity, err := age.GenerateX25519Identity()
	check(err)
	_, err = advparams.Protect(ctx, advparams.ProtectOptions{
		Model: file("glyphs.onnx"), Profile: advparams.Sealed,
		Locked: file("locked.onnx"), Key: file("glyphs.key"), Recipients: []age.Recipient{identity.Recipient()},
	})
	check(err)
	locked, err := os.ReadFile(file("locked.onnx"))
	check(err)
	embedded := fstest.MapFS{"models/locked.onnx": {Data: locked}} // or of package embed

	model, err := advparams.Open(ctx, advparams.OpenOptions{
		Locked: "models/locked.onnx", FS: embedded,
		Key: advparams.KeyFile{Path: file("glyphs.key"), Identities: []age.Identity{identity}},
	})
	check(err)
	defer model.Close() // which overwrites it
	f := model.Files()[0]
	fmt.Println(f.Name(), f.Size(), "bytes")
	head := make([]byte, 4)
	_, err = f.ReadAt(head, 0)
	check(err)
	fmt.Printf("% x …\n", head)
	// Output:
	// glyphs.onnx 183008 bytes
	// 08 08 12 07 …
}
