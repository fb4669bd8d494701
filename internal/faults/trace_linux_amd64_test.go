package faults

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// subjectVariable makes the test the program that it traces.
const subjectVariable = "ADVPARAMS_FAULTS_SUBJECT"

func TestMain(m *testing.M) {
	switch os.Getenv(subjectVariable) {
	case "parent":
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), subjectVariable+"=child")
		if err := errors.Join(subject(), child.Run()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		os.Exit(0)
	case "child":
		if os.Mkdir("made", 0o777) != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// subject changes files, one of them outside of the folder that counts.
func subject() error {
	f, err := os.OpenFile("new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err1 := f.WriteString("hello ")
	_, err2 := f.WriteAt([]byte("world"), 6)
	return errors.Join(err1, err2, f.Sync(), f.Truncate(5), f.Close(),
		os.WriteFile("../outside", nil, 0o666), os.Rename("new", "old"), os.Link("old", "again"), os.Remove("old"), os.Chmod("again", 0o640))
}

var subjectCalls = strings.Split(`openat new
write new, 6 bytes at 0
pwrite64 new, 5 bytes at 6
fsync new
ftruncate new
renameat new → old
linkat old → again
unlinkat old
fchmodat again
mkdirat made`, "\n")

// runSubject runs the subject in a folder of its own.
func runSubject(t *testing.T, decide func(n int, c *Call) Fault) (calls []string, status syscall.WaitStatus, found map[string]string, stderr string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o777); err != nil {
		t.Fatal(err)
	}
	errors, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer errors.Close()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Dir, cmd.Stderr = root, errors
	cmd.Env = append(os.Environ(), subjectVariable+"=parent")
	list, status, err := Run(cmd, root, decide)
	if unsupported(err) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		calls = append(calls, c.String())
	}
	found = map[string]string{}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, _ := os.ReadFile(filepath.Join(root, e.Name()))
		found[e.Name()] = string(text)
	}
	text, err := os.ReadFile(errors.Name())
	if err != nil {
		t.Fatal(err)
	}
	return calls, status, found, string(bytes.TrimSpace(text))
}

func unsupported(err error) bool { return errors.Is(err, ErrUnsupported) }

// All calls are seen, those of children too.
func TestCalls(t *testing.T) {
	calls, status, found, stderr := runSubject(t, func(int, *Call) Fault { return Fault{} })
	if status.ExitStatus() != 0 || !slices.Equal(calls, subjectCalls) {
		t.Errorf("status %v, %q\ncalls %q\nwant  %q", status, stderr, calls, subjectCalls)
	}
	if len(found) != 2 || found["again"] != "hello" {
		t.Errorf("files %q", found)
	}
}

// A kill comes before the call, or in the middle of its data.
func TestKill(t *testing.T) {
	for n, want := range []map[string]string{
		{}, {"new": ""}, {"new": "hello "}, {"new": "hello world"}, {"new": "hello world"}, {"new": "hello"},
		{"old": "hello"}, {"old": "hello", "again": "hello"}, {"again": "hello"}, {"again": "hello"},
	} {
		for _, torn := range []bool{false, true} {
			calls, status, found, _ := runSubject(t, func(i int, _ *Call) Fault { return Fault{Kill: i == n, Torn: torn} })
			want := want
			switch {
			case torn && n == 1:
				want = map[string]string{"new": "hel"}
			case torn && n == 2:
				want = map[string]string{"new": "hello wo"}
			}
			if !status.Signaled() || len(calls) != n+1 || fmt.Sprint(found) != fmt.Sprint(want) {
				t.Errorf("killed at %d (torn %v): %v, %d calls, files %q, want %q", n, torn, status, len(calls), found, want)
			}
		}
	}
}

// A call that fails is not made.
func TestErrno(t *testing.T) {
	for n, name := range subjectCalls {
		name, _, _ = strings.Cut(name, " ")
		calls, status, found, stderr := runSubject(t, func(i int, _ *Call) Fault {
			if i == n {
				return Fault{Errno: syscall.EDQUOT}
			}
			return Fault{}
		})
		last := n == len(subjectCalls)-1
		if status.ExitStatus() != 3 || !strings.Contains(stderr, "quota") && !last || !strings.Contains(calls[n], "quota") {
			t.Errorf("%s fails: status %v, %q, %q", name, status, stderr, calls)
		}
		if _, made := found["made"]; made == last {
			t.Errorf("%s fails: files %q", name, found)
		}
	}
}
