package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/advparams/advparams/internal/vectors"
	"github.com/advparams/advparams/onnxio"
)

// statuses has what advparams_open returns by the class of an error in testdata/vectors.
var statuses = map[string]status{
	"": 0, "missing": statusMissing, "mismatch": statusWrongModel, "identity": statusWrongIdentity, "work": statusTooMuchWork,
	"damaged": statusDamagedKey, "version": statusNewerKey, "result": statusWrongResult,
}

func allVectors(t *testing.T) []vectors.Vector {
	t.Helper()
	list, err := vectors.Read(filepath.Join("..", "testdata", "vectors"))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 250 {
		t.Fatalf("%d vectors", len(list))
	}
	return list
}

// TestVectors opens all vectors, several at once, from paths and from memory.
func TestVectors(t *testing.T) {
	var wg sync.WaitGroup
	defer wg.Wait()
	limit := make(chan struct{}, 4)
	for _, v := range allVectors(t) {
		wg.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			r := request{lockedPath: &v.Locked, keyPath: &v.Key}
			if v.Identity != "" {
				r.identityPath = &v.Identity
			}
			if v.Passphrase != "" {
				r.passphrase = &v.Passphrase
			}
			tryRequest(t, v, r)
			locked, err := os.ReadFile(v.Locked)
			if err != nil { // it is not there
				return
			}
			key, err := os.ReadFile(v.Key)
			if err != nil {
				t.Error(err)
			}
			tryRequest(t, v, request{locked: locked, data: dataOf(t, v), key: append([]byte{}, key...), passphrase: r.passphrase, identityPath: r.identityPath})
		})
	}
}

// dataOf returns the data files beside a locked model.
func dataOf(t *testing.T, v vectors.Vector) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	dir := filepath.Dir(v.Locked)
	for _, name := range dataNames(t, v) {
		data, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
		if err != nil {
			t.Error(err)
		}
		all[name] = append([]byte{}, data...)
	}
	return all
}

// dataNames returns the names of the data files beside a locked model.
func dataNames(t *testing.T, v vectors.Vector) (names []string) {
	t.Helper()
	if err := fs.WalkDir(os.DirFS(filepath.Dir(v.Locked)), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name == "original":
			return fs.SkipDir
		case !d.IsDir() && !slices.Contains([]string{"locked.onnx", "model.key"}, name):
			names = append(names, name)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	return names
}

func tryRequest(t *testing.T, v vectors.Vector, r request) {
	o, err := open(r)
	got := status(0)
	if err != nil {
		got = statusOf(err)
	}
	if want, known := statuses[v.Error]; !known || got != want {
		t.Errorf("%s: status %d, want %d for %q: %v", v.Name, got, want, v.Error, err)
	}
	if err != nil {
		if text := describe(err); o != nil || strings.ContainsAny(text, "\n\x00") || text == "" {
			t.Errorf("%s: %q, %v", v.Name, text, o)
		}
		return
	}
	defer o.Close()
	for i, f := range v.Files {
		if data := o.Files()[i].Bytes(); fmt.Sprintf("%x", sha256.Sum256(data)) != f.SHA256 {
			t.Errorf("%s: %s is not the original", v.Name, f.Original)
		}
	}
}

// TestStatusOf has errors that no vector makes.
func TestStatusOf(t *testing.T) {
	for _, c := range []struct {
		err  error
		want status
	}{
		{fs.ErrNotExist, statusMissing},
		{fs.ErrPermission, statusIO},
		{argumentError("x"), statusArgument},
		{&identityError{fs.ErrInvalid}, statusWrongIdentity},
		{fmt.Errorf("a file: %w", onnxio.ErrMismatch), statusWrongModel},
		{fmt.Errorf("a file: %w", onnxio.ErrRecord), statusWrongResult},
	} {
		if got := statusOf(c.err); got != c.want {
			t.Errorf("%v: status %d, want %d", c.err, got, c.want)
		}
	}
}

// TestHeader compares the numbers in advparams.h with those here.
func TestHeader(t *testing.T) {
	header, err := os.ReadFile("advparams.h")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]status{
		"ARGUMENT": statusArgument, "IO": statusIO, "MISSING": statusMissing, "WRONG_MODEL": statusWrongModel,
		"WRONG_IDENTITY": statusWrongIdentity, "TOO_MUCH_WORK": statusTooMuchWork, "DAMAGED_KEY": statusDamagedKey,
		"NEWER_KEY": statusNewerKey, "WRONG_RESULT": statusWrongResult, "MEMORY": statusMemory,
	} {
		if line := fmt.Sprintf("ADVPARAMS_%s = %d,", name, want); !bytes.Contains(header, []byte(line)) {
			t.Errorf("advparams.h does not say %s", line)
		}
	}
}
