package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/shared"
)

// TestPrecisions locks, verifies and unlocks copies of a trained network in float16
// and in 8-bit integers. Python makes them, the interpreter that PYTHON names, if it
// has the modules.
func TestPrecisions(t *testing.T) {
	if testing.Short() {
		t.Skip("locks trained networks")
	}
	model := shared.Path(t, "models", "cifar10-resnet20.onnx")
	data := shared.Path(t, "data", "cifar10")
	dir := t.TempDir()
	maker := exec.Command(cmp.Or(os.Getenv("PYTHON"), "python3"), "testdata/precisions.py", model, filepath.Join(data, "test_batch.bin.gz"), dir)
	out, err := maker.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() != 3 {
		t.Fatalf("%v: %s", err, out)
	} else if err != nil {
		t.Skipf("no copies in other precisions: %v %s", err, out)
	}
	for _, name := range []string{"float16", "per-tensor", "per-channel"} {
		t.Run(name, func(t *testing.T) { lockAndUnlock(t, filepath.Join(dir, name), data) })
	}
}

// lockAndUnlock makes sure that STEM.onnx, a CIFAR-10 classifier, falls to chance
// and comes back.
func lockAndUnlock(t *testing.T, stem, data string) {
	original, locked, key, back := stem+".onnx", stem+".locked.onnx", stem+".key", stem+".back.onnx"
	command := func(args ...string) []byte {
		t.Helper()
		var out, errs bytes.Buffer
		if status := run(context.Background(), append(args, "-q"), &out, &errs); status != exitcode.Done {
			t.Fatalf("%q: status %d, %s", args, status, errs.String())
		}
		return out.Bytes()
	}
	images := []string{"--data", data, "--mean", "0.4914,0.4822,0.4465", "--std", "0.247,0.2435,0.2616", "--json"}
	command(append([]string{"protect", original, "-o", locked, "--key", key, "--plain-key", "--samples", "1000"}, images...)...)
	var found advparams.Verification
	text := command(append([]string{"verify", "--locked", locked, "--original", original, "--key", key, "--limit", "1000"}, images...)...)
	if err := json.Unmarshal(text, &found); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if *found.Accuracy.Original < 0.75 || *found.Accuracy.Locked > 0.15 || !*found.BitExact {
		t.Errorf("accuracy %.3f before and %.3f after locking, bit exact %v", *found.Accuracy.Original, *found.Accuracy.Locked, *found.BitExact)
	}
	command("unlock", locked, "--key", key, "-o", back)
	want, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if have, err := os.ReadFile(back); err != nil || !bytes.Equal(have, want) {
		t.Errorf("the unlocked file differs: %v", err)
	}
}
