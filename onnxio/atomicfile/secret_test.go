package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func createPrivate(t *testing.T, s *Set, path, text string) {
	t.Helper()
	f, err := s.CreatePrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// A secret never replaces a file, even with Force, and not a late one either.
func TestSecretReplacesNothing(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "key")
		s := Set{Force: true}
		defer s.Abort()
		create(t, &s, filepath.Join(dir, "model"), "locked")
		createPrivate(t, &s, path, "new")
		put(t, path, "old")
		var exists *ExistsError
		if err := s.Commit(); !errors.As(err, &exists) || !exists.Secret {
			t.Errorf("Commit: %v, want an ExistsError about a secret", err)
		}
		expectTree(t, dir, "key=old")
		again := Set{Force: true}
		defer again.Abort()
		if _, err := again.CreatePrivate(path); !errors.As(err, &exists) || !exists.Secret {
			t.Errorf("CreatePrivate: %v, want an ExistsError about a secret", err)
		}
	})
}

// Secrets have their names before other files have theirs, and what refers to
// others comes last.
func TestSecretsFirst(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "model"), "original")
	var order []string
	link = func(root *os.Root, from, to string) error {
		order = append(order, to)
		return root.Link(from, to)
	}
	t.Cleanup(func() { link = (*os.Root).Link })
	s := Set{}
	create(t, &s, filepath.Join(dir, "locked"), "1")
	create(t, &s, filepath.Join(dir, "data"), "2")
	createPrivate(t, &s, filepath.Join(dir, "key"), "3")
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(order, " "), "key data locked"; got != want {
		t.Errorf("published in the order %q, want %q", got, want)
	}
}

// A secret stays if what it opens cannot be put back.
func TestSecretStaysIfNeeded(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "model"), "original")
	put(t, filepath.Join(dir, "late"), "0")
	s := Set{Force: true}
	create(t, &s, filepath.Join(dir, "late"), "1")
	model := create(t, &s, filepath.Join(dir, "model"), "locked")
	createPrivate(t, &s, filepath.Join(dir, "key"), "secret")
	link = func(root *os.Root, from, to string) error {
		if from == "late" { // both it and the original are lost in the middle of Commit
			return errors.Join(root.Remove("late"), root.Remove(model.backup), errors.ErrUnsupported)
		}
		return root.Link(from, to)
	}
	t.Cleanup(func() { link = (*os.Root).Link })
	if err := s.Commit(); err == nil {
		t.Fatal("Commit succeeded")
	}
	expectTree(t, dir, "key=secret", "model=locked")
}

// Spare keeps files that Force would replace.
func TestSpare(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "identity"), "AGE-SECRET-KEY-")
	precious := errors.New("precious")
	s := Set{Force: true, Spare: func(path string) error {
		if filepath.Base(path) == "identity" {
			return precious
		}
		return nil
	}}
	defer s.Abort()
	if _, err := s.Create(filepath.Join(dir, "identity")); !errors.Is(err, precious) {
		t.Errorf("Create: %v, want the error of Spare", err)
	}
}

// Names from strangers do not lead out of the folder, nor through links.
func TestCreateBelow(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	put(t, filepath.Join(outside, ".bashrc"), "mine")
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Skip(err)
	}
	info, err := os.Stat(filepath.Join(outside, ".bashrc"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../x", "/etc/x", "link/.bashrc", "link/new", "a/../../x"} {
		s := Set{Force: true}
		if f, err := s.CreateBelow(dir, name, info.Mode().Perm()); err == nil {
			t.Errorf("%s is accepted, as %s", name, f.Name())
		}
		s.Abort()
	}
	s := Set{}
	f, err := s.CreateBelow(dir, "weights/part/0.bin", info.Mode().Perm())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "weights", "part", "0.bin")); string(text) != "1" {
		t.Errorf("weights/part/0.bin holds %q (%v)", text, err)
	}
	if text, _ := os.ReadFile(filepath.Join(outside, ".bashrc")); string(text) != "mine" {
		t.Errorf("a file outside holds %q", text)
	}
}

// The next set that writes to a folder removes what dead processes left there, and
// nothing else.
func TestSweep(t *testing.T) {
	dir := t.TempDir()
	dead := ".advparams-" + machine() + "-999999999-0123456789abcdef"
	mine := tempName(tempEnding)
	other := ".advparams-00000000-999999999-0123456789abcdef.tmp"
	for _, name := range []string{dead + tempEnding, dead + backupEnding, dead + ".key", mine, other, "model.tmp"} {
		put(t, filepath.Join(dir, name), "")
	}
	below := filepath.Join(dir, "sub", "folder")
	if err := os.MkdirAll(below, 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(below, dead+tempEnding), "")
	var s Set
	create(t, &s, filepath.Join(dir, "new"), "")
	if _, err := s.CreateBelow(dir, "sub/folder/data", 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(below, dead+tempEnding)); err == nil {
		t.Error("what is left in a folder below stays")
	}
	for name, want := range map[string]bool{
		dead + tempEnding: false, dead + backupEnding: false, dead + ".key": true, mine: true, other: true, "model.tmp": true, "new": true,
	} {
		if _, err := os.Lstat(filepath.Join(dir, name)); (err == nil) != want || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: there is %v, want %v", name, err == nil, want)
		}
	}
}

// A process that was killed is dead, even if nobody has asked for its exit status yet.
func TestZombie(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self, "-test.run=^$")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	if !alive(os.Getpid()) {
		t.Error("this process is dead")
	}
	child.Process.Kill()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux shows processes that have ended")
	}
	for i := 0; alive(child.Process.Pid); i++ {
		if i == 1000 {
			t.Fatal("a killed child is alive")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
