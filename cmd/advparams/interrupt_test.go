//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/advparams/advparams/internal/exitcode"
)

// TestInterruptedAtRandom sends the signal of Ctrl-C to commands at random moments. A command
// then has either done all its work, or nothing: no file of it is left, and the exit status
// is 130. ADVPARAMS_INTERRUPTS is the number of moments for each command.
func TestInterruptedAtRandom(t *testing.T) {
	moments, _ := strconv.Atoi(os.Getenv("ADVPARAMS_INTERRUPTS"))
	if moments == 0 {
		moments = 3
	}
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"model", "model.onnx"}, {"data", "data.npz", "4000"}, {"data", "test.npz", "4000"}} {
		if err := makeFixture(args); err != nil {
			t.Fatal(err)
		}
	}
	protect := []string{"protect", "model.onnx", "--data", "data.npz", "-o", "locked.onnx", "--key", "model.key", "--plain-key", "-q"}
	if status := run(context.Background(), protect, io.Discard, os.Stderr); status != exitcode.Done {
		t.Fatal("protect failed")
	}
	inputs := []string{"data.npz", "locked.onnx", "model.key", "model.onnx", "test.npz"}
	random := rand.New(rand.NewPCG(18, 0))
	for _, c := range []string{
		"protect model.onnx --data data.npz -o out.onnx --key out.key --plain-key --report out.html",
		"protect model.onnx --profile sealed --data data.npz -o out.onnx --key out.key --plain-key",
		"unlock locked.onnx --key model.key -o out.onnx",
		"verify --locked locked.onnx --original model.onnx --key model.key --data test.npz --report out.html",
		"attack locked.onnx --data data.npz --test test.npz --epochs 1 --attacks fine-tune,prune --report out.html",
		"gradients model.onnx --data data.npz -o out.npz",
		"bench model.onnx --repeat 200",
		"inspect model.onnx",
	} {
		stopped := 0
		whole := interrupt(t, c, time.Hour)
		for range moments {
			if interrupt(t, c, time.Duration(random.Int64N(int64(whole.took)+1))).status == exitcode.Interrupted {
				stopped++
			}
			left, err := filepath.Glob("*")
			if err != nil {
				t.Fatal(err)
			}
			hidden, _ := filepath.Glob(".*")
			if files := append(left, hidden...); strings.Join(files, " ") != strings.Join(inputs, " ") {
				t.Errorf("%s: files left: %q", c, files)
			}
		}
		t.Logf("%s: %d of %d stopped", c, stopped, moments)
	}
}

type interruption struct {
	status int
	took   time.Duration
}

// interrupt runs a command, stops it after a while, and removes its outputs if it was done.
func interrupt(t *testing.T, line string, after time.Duration) interruption {
	t.Helper()
	before, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	cmd, errs := batchCommand(".")
	cmd.Args = append([]string{"advparams"}, strings.Fields(line)...)
	cmd.Stderr = errs
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
	_ = cmd.Wait()
	timer.Stop()
	took := time.Since(begun)
	status := cmd.ProcessState.ExitCode()
	early := cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled() // before the program listened
	switch {
	case status == exitcode.Done:
		for _, name := range strings.Fields(line) {
			if strings.HasPrefix(name, "out.") {
				os.Remove(name)
			}
		}
	case !early && (status != exitcode.Interrupted || !bytes.Contains(errs.Bytes(), []byte("interrupted"))):
		t.Errorf("%s, stopped after %v: status %d, %s", line, after, status, errs)
	}
	if now, _ := filepath.Glob("*"); len(now) != len(before) {
		t.Errorf("%s: %q before, %q after", line, before, now)
	}
	return interruption{status, took}
}
