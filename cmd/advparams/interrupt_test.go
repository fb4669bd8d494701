//go:build unix

package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/advparams/advparams/internal/exitcode"
)

// TestInterruptedAtRandom sends the signal of Ctrl-C to commands at random moments. A command
// then has either done all its work, or nothing: no file of it is left, and the exit status
// is 130. ADVPARAMS_INTERRUPTS is the number of moments for each command.
func TestInterruptedAtRandom(t *testing.T) {
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
		"inspect model.key",
		"keygen -o out.txt",
		"version",
	} {
		stopped := 0
		whole := interrupt(t, c, time.Hour)
		for range moments(3) {
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
		t.Logf("%s: %d of %d stopped", c, stopped, moments(3))
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
	status, took, message := stopped(".", strings.Fields(line), after)
	switch {
	case status == exitcode.Done:
		for _, name := range strings.Fields(line) {
			if strings.HasPrefix(name, "out.") {
				os.Remove(name)
			}
		}
	case message != "":
		t.Errorf("%s, stopped after %v: status %d, %s", line, after, status, message)
	}
	if now, _ := filepath.Glob("*"); len(now) != len(before) {
		t.Errorf("%s: %q before, %q after", line, before, now)
	}
	return interruption{status, took}
}

// stopped runs a command in a folder and stops it after a while. message is what it said, unless
// that is right: it was done, or was interrupted and says so, or had not begun to listen.
func stopped(dir string, args []string, after time.Duration) (status int, took time.Duration, message string) {
	cmd, errs := batchCommand(dir)
	cmd.Args = append([]string{"advparams"}, args...)
	cmd.Stderr = errs
	begun := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, 0, err.Error()
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGINT) })
	_ = cmd.Wait()
	timer.Stop()
	took, status = time.Since(begun), cmd.ProcessState.ExitCode()
	early := cmd.ProcessState.Sys().(syscall.WaitStatus).Signaled()
	if status == exitcode.Done || early || status == exitcode.Interrupted && bytes.Contains(errs.Bytes(), []byte("interrupted")) {
		return status, took, ""
	}
	return status, took, errs.String()
}

// moments is the number of moments at which each command is stopped, usually so many.
func moments(usual int) int {
	n, err := strconv.Atoi(os.Getenv("ADVPARAMS_INTERRUPTS"))
	if err != nil {
		return usual
	}
	return n
}

// TestInterruptedFolders stops commands that fill a folder. Every file there is one that the
// whole command writes, none is half of one, and the same command then does the rest.
func TestInterruptedFolders(t *testing.T) {
	for _, c := range []struct {
		name, command, again string
		moments              int
		inputs               func(dir string) error
	}{
		{"demo", "demo .", "demo . --force", moments(3), func(string) error { return nil }},
		{"batch", "batch m.yaml", "batch m.yaml", moments(3), func(dir string) error {
			for _, args := range [][]string{{"model", "a.onnx"}, {"model", "b.onnx"}, {"data", "data.npz", "500"}} {
				args[1] = filepath.Join(dir, args[1])
				if err := makeFixture(args); err != nil {
					return err
				}
			}
			return os.WriteFile(filepath.Join(dir, "m.yaml"), []byte("version: 1\ndefaults:\n  data: {path: data.npz}\n  seal: {plain: true}\nmodels:\n  - {path: a.onnx, output: out/a.onnx}\n  - {path: b.onnx, output: out/b.onnx}\n"), 0o666)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.name == "demo" && os.Getenv(longVariable) == "" {
				t.Skip("takes half a minute; TestInterruptedDemo is the short form of it")
			}
			t.Parallel()
			random := rand.New(rand.NewPCG(18, 1))
			fill := func(after time.Duration) (dir string, status int, took time.Duration) {
				dir = t.TempDir()
				if err := c.inputs(dir); err != nil {
					t.Fatal(err)
				}
				status, took, message := stopped(dir, strings.Fields(c.command), after)
				if message != "" {
					t.Errorf("stopped after %v: status %d, %s", after, status, message)
				}
				return dir, status, took
			}
			dir, _, whole := fill(time.Hour)
			all := filesIn(t, dir)
			interrupted := 0
			for range c.moments {
				after := time.Duration(random.Int64N(int64(whole) + 1))
				dir, status, _ := fill(after)
				for name := range filesIn(t, dir) {
					if _, ok := all[name]; !ok {
						t.Errorf("stopped after %v: %s is left", after, name)
					}
				}
				if status == exitcode.Done {
					continue
				}
				interrupted++
				if status, _, message := stopped(dir, strings.Fields(c.again), time.Hour); status != exitcode.Done {
					t.Errorf("stopped after %v, and then: status %d, %s", after, status, message)
				}
				if diff := cmp.Diff(all, filesIn(t, dir)); diff != "" {
					t.Errorf("stopped after %v, and then done (-want +got):\n%s", after, diff)
				}
			}
			t.Logf("%d of %d stopped", interrupted, c.moments)
		})
	}
}

// TestInterruptedDemo stops a demo in its first second, while it writes files and while it searches.
// Every file there is whole, and is one that a demo writes.
func TestInterruptedDemo(t *testing.T) {
	t.Parallel()
	whole := t.TempDir()
	if err := makeFixture([]string{"demo", whole}); err != nil {
		t.Fatal(err)
	}
	all := filesIn(t, whole)
	for _, name := range []string{"me.txt", "glyphs.key", "report.html"} {
		all[name] = 0
	}
	all["locked.onnx"], all["unlocked.onnx"] = all["glyphs.onnx"], all["glyphs.onnx"]
	interrupted := 0
	for i := range 5 {
		dir := t.TempDir()
		after := time.Duration(i) * 200 * time.Millisecond
		status, _, message := stopped(dir, []string{"demo", "."}, after)
		if message != "" {
			t.Errorf("stopped after %v: status %d, %s", after, status, message)
		}
		if status == exitcode.Interrupted {
			interrupted++
		}
		for name, size := range filesIn(t, dir) {
			if want, ok := all[name]; status != exitcode.Done && (!ok || size != want) {
				t.Errorf("stopped after %v: %s of %d bytes is left", after, name, size)
			}
		}
	}
	if interrupted == 0 {
		t.Error("no demo was interrupted")
	}
}

// filesIn returns the files below a folder, with the sizes of models and data, which are the
// same in every run.
func filesIn(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	all := map[string]int64{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if size := info.Size(); filepath.Ext(name) == ".onnx" {
			all[name] = size
		} else {
			all[name] = 0
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
