package onnxio

import (
	"crypto/sha256"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A record of millions of changes is applied as it is stored: nothing is made for each
// of them.
func TestRestoreMemory(t *testing.T) {
	const n = 1_000_000
	locked, original := make([]byte, 2*n), make([]byte, 2*n)
	rec := &Record{Patches: []TensorPatch{
		{Tensor: "signs", Stride: 2, Width: 1, Flip: 0x80}, {Tensor: "values", Offset: 1, Stride: 2, Width: 1, Original: make([]byte, n)},
	}}
	for i := range int64(n) {
		original[2*i], locked[2*i] = byte(i), byte(i)^0x80
		rec.Patches[0].Indices.Append(i)
		rec.Patches[1].Indices.Append(i)
		locked[2*i+1] = 7
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "locked.bin")
	if err := os.WriteFile(path, locked, 0o644); err != nil {
		t.Fatal(err)
	}
	rec.Files = []FileRecord{{
		Name: "model.bin", LockedName: "locked.bin", Size: 2 * n, LockedSize: 2 * n,
		SHA256: sha256.Sum256(original), LockedSHA256: sha256.Sum256(locked),
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := restore(path, rec, filepath.Join(dir, "model.bin"), false); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes for %d changes", used, 2*n)
	}
}
