//go:build unix

package batch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// within fails the test if f takes long: it waits for what never comes.
func within(t *testing.T, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("waits for ever")
	}
}

// TestLeftBehind: what a run that was killed left in the state folder goes when the next one
// takes the lock, although that has nothing to write.
func TestLeftBehind(t *testing.T) {
	b := setUp(t, "", "fine")
	expectStates(t, b.run(t.Context()), "done 0")
	dead := exec.Command("true")
	if err := dead.Run(); err != nil {
		t.Skip(err)
	}
	left := strings.Replace(atomicfile.TempName(), fmt.Sprintf("-%d-", os.Getpid()), fmt.Sprintf("-%d-", dead.Process.Pid), 1)
	put(t, filepath.Join(b.dir, StateFolder), left, "half a record")
	mine := atomicfile.TempName()
	put(t, filepath.Join(b.dir, StateFolder), mine, "on its way")
	expectStates(t, b.run(t.Context()), "unchanged 0")
	if _, err := os.Stat(filepath.Join(b.dir, StateFolder, left)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", left, err)
	}
	if _, err := os.Stat(filepath.Join(b.dir, StateFolder, mine)); err != nil {
		t.Error(err)
	}
}

// TestStateOfStrangers puts links, pipes and devices where a batch keeps records, locks
// and logs. It refuses them, and writes to nothing they lead to.
func TestStateOfStrangers(t *testing.T) {
	link := func(target string) func(string) error {
		return func(path string) error { return os.Symlink(target, path) }
	}
	pipe := func(path string) error { return syscall.Mkfifo(path, 0o666) }
	for _, file := range []string{"m00.locked.onnx.lock", "m00.locked.onnx.log", "m00.locked.onnx.json", ""} {
		for _, c := range []struct {
			name string
			make func(path string) error
			want string
		}{
			{"link to a file", link("../victim"), "is a symbolic link"},
			{"link to outside", link("/dev/null"), "is a symbolic link"},
			{"link to nothing", link("../new"), "is a symbolic link"},
			{"pipe", pipe, "is a named pipe"},
			{"folder", func(path string) error { return os.Mkdir(path, 0o777) }, "is a folder"},
		} {
			if file == "" && c.name == "folder" {
				continue // which it is
			}
			name := file
			if name == "" {
				name = "the folder itself"
			}
			t.Run(name+", "+c.name, func(t *testing.T) {
				b := setUp(t, "", "fine")
				victim := put(t, b.dir, "victim", "precious")
				folder := filepath.Join(b.dir, StateFolder)
				if file != "" {
					if err := os.Mkdir(folder, 0o777); err != nil {
						t.Fatal(err)
					}
				}
				if err := c.make(filepath.Join(folder, file)); err != nil {
					t.Skip(err)
				}
				within(t, func() {
					s := b.run(t.Context())
					expectStates(t, s, "failed 1")
					if r := s.Models[0]; !strings.Contains(r.Error, c.want) || !strings.Contains(r.Hint, "remove it") {
						t.Errorf("error %q, hint %q; want %s", r.Error, r.Hint, c.want)
					}
				})
				if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
					t.Errorf("the victim is %q, %v", text, err)
				}
				if _, err := os.Lstat(filepath.Join(b.dir, "new")); err == nil {
					t.Error("a file was made where the link leads")
				}
			})
		}
	}
}

// TestLogIsNew replaces a log instead of writing to it: it may have another name.
func TestLogIsNew(t *testing.T) {
	b := setUp(t, "", "fine")
	victim := put(t, b.dir, "victim", "precious")
	put(t, b.dir, StateFolder+"/x", "")
	if err := os.Link(victim, filepath.Join(b.dir, StateFolder, "m00.locked.onnx.log")); err != nil {
		t.Skip(err)
	}
	expectStates(t, b.run(t.Context()), "done 0")
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("the victim is %q, %v", text, err)
	}
}

// TestRecordNamesPipe has a record name a pipe among the outputs. Nothing waits for it.
func TestRecordNamesPipe(t *testing.T) {
	b := setUp(t, "", "fine")
	expectStates(t, b.run(t.Context()), "done 0")
	if err := syscall.Mkfifo(filepath.Join(b.dir, "pipe"), 0o666); err != nil {
		t.Skip(err)
	}
	b.edit(t, StateFolder+"/m00.locked.onnx.json", `"path": "m00.locked.onnx",
     "bytes": 4`, `"path": "pipe",
     "bytes": 0`)
	within(t, func() { expectStates(t, b.run(t.Context()), "done 0") })
}

// TestScratchOfStrangers has others prepare the folder for copies.
func TestScratchOfStrangers(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(folder, victim string) error
		want string
	}{
		{"a link", func(folder, victim string) error { return os.Symlink(victim, folder) }, "is a symbolic link"},
		{"a file", func(folder, _ string) error { return os.WriteFile(folder, nil, 0o666) }, "is not a folder"},
		{"one that others may write to", func(folder, _ string) error { return mkdir(folder, 0o777) }, "others may write to it"},
		{"another user's", func(folder, _ string) error { return mkdir(folder, 0o755, os.Geteuid()+1) }, "belongs to another user"},
		{"a link in it", func(folder, victim string) error {
			if err := mkdir(folder, 0o700); err != nil {
				return err
			}
			return os.Symlink(victim, filepath.Join(folder, "1"))
		}, "is a symbolic link"},
		{"an open folder in it", func(folder, _ string) error {
			if err := mkdir(folder, 0o700); err != nil {
				return err
			}
			return mkdir(filepath.Join(folder, "1"), 0o755)
		}, "others may use it"},
		{"another user's folder in it", func(folder, _ string) error {
			if err := mkdir(folder, 0o700); err != nil {
				return err
			}
			return mkdir(filepath.Join(folder, "1"), 0o700, os.Geteuid()+1)
		}, "belongs to another user"},
		{"a pipe for the lock", func(folder, _ string) error {
			if err := mkdir(folder, 0o700); err != nil {
				return err
			}
			return syscall.Mkfifo(filepath.Join(folder, "1.lock"), 0o600)
		}, "is a named pipe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			victim := filepath.Join(dir, "victim")
			precious := put(t, victim, "jobs/precious", "x")
			folder := filepath.Join(dir, "cache")
			if err := c.make(folder, victim); err != nil {
				t.Skip(err)
			}
			within(t, func() {
				s, err := OpenScratch(folder)
				if err == nil {
					s.Close()
				}
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %s", err, c.want)
				}
			})
			if _, err := os.Stat(precious); err != nil {
				t.Error(err)
			}
		})
	}
}

// mkdir makes a folder with exactly a mode and, where that is permitted, an owner.
func mkdir(path string, mode os.FileMode, owner ...int) error {
	if err := os.Mkdir(path, 0o700); err != nil {
		return err
	}
	for _, uid := range owner {
		if err := os.Chown(path, uid, -1); err != nil {
			return err
		}
	}
	return os.Chmod(path, mode)
}
