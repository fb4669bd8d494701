package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams"
)

// TestHardenedKey opens a key of the profile hardened, which earlier versions had. The
// program that locked the model is that of commit 1183e7f, with --profile hardened
// --budget 20%.
func TestHardenedKey(t *testing.T) {
	out := filepath.Join(t.TempDir(), "model.onnx")
	folder := filepath.Join("testdata", "hardened")
	if _, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{
		Locked: filepath.Join(folder, "locked.onnx"), Key: advparams.KeyFile{Path: filepath.Join(folder, "model.key")}, Out: out,
	}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(data)
	if have := hex.EncodeToString(sum[:]); have != "2d484d913d771a883c774c9a30312d3cb53bb044db456f9b1a7e5d7a275ff508" {
		t.Errorf("unlocked to %s", have)
	}
}
