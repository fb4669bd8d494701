package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/hint"
)

// tree lists a folder's entries with the contents of files.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	list := []string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.IsDir() {
			name += "/"
		} else if data, err := os.ReadFile(path); err == nil {
			name += "=" + string(data)
		}
		list = append(list, filepath.ToSlash(name))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func expectTree(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("folder holds %q, want %q", got, want)
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func create(t *testing.T, s *Set, path, text string) *File {
	t.Helper()
	f, err := s.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	return f
}

// withoutLinks runs a test as on a file system that has no hard links.
func withoutLinks(t *testing.T) {
	link = func(*os.Root, string, string) error { return errors.ErrUnsupported }
	t.Cleanup(func() { link = (*os.Root).Link })
}

func eachLinking(t *testing.T, test func(t *testing.T)) {
	t.Run("links", test)
	t.Run("no links", func(t *testing.T) {
		withoutLinks(t)
		test(t)
	})
}

func TestCommit(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		var s Set
		defer s.Abort()
		f := create(t, &s, filepath.Join(dir, "a"), "1")
		if f.Path() != filepath.Join(dir, "a") {
			t.Errorf("Path is %s", f.Path())
		}
		if err := s.MkdirAll(filepath.Join(dir, "x", "y")); err != nil {
			t.Fatal(err)
		}
		if err := create(t, &s, filepath.Join(dir, "x", "y", "b"), "2").Close(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "a")); err == nil {
			t.Error("a is there before Commit")
		}
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		expectTree(t, dir, "a=1", "x/", "x/y/", "x/y/b=2")
		s.Abort() // does nothing any more
		expectTree(t, dir, "a=1", "x/", "x/y/", "x/y/b=2")
		if err := s.Commit(); err == nil {
			t.Error("a second Commit succeeds")
		}
		if _, err := s.Create(filepath.Join(dir, "c")); err == nil {
			t.Error("Create after Commit succeeds")
		}
		if err := s.MkdirAll(filepath.Join(dir, "c")); err == nil {
			t.Error("MkdirAll after Commit succeeds")
		}
	})
}

func TestAbort(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "old"), "0")
	s := Set{Force: true}
	create(t, &s, filepath.Join(dir, "old"), "1")
	if err := s.MkdirAll(filepath.Join(dir, "x", "y")); err != nil {
		t.Fatal(err)
	}
	create(t, &s, filepath.Join(dir, "x", "b"), "2")
	s.Abort()
	expectTree(t, dir, "old=0")
	if err := s.Commit(); err == nil {
		t.Error("Commit after Abort succeeds")
	}
}

func TestForceReplaces(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a"), "0")
		s := Set{Force: true}
		create(t, &s, filepath.Join(dir, "a"), "1")
		create(t, &s, filepath.Join(dir, "b"), "2")
		if err := s.Commit(); err != nil {
			t.Fatal(err)
		}
		expectTree(t, dir, "a=1", "b=2")
	})
}

// A name that is taken between Create and Commit is not replaced, and the files
// that Commit had already named are taken back.
func TestLateConflict(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		var s Set
		create(t, &s, filepath.Join(dir, "a"), "1")
		create(t, &s, filepath.Join(dir, "b"), "2")
		put(t, filepath.Join(dir, "b"), "other")
		if err := s.Commit(); !errors.Is(err, ErrExists) {
			t.Errorf("Commit: %v, want ErrExists", err)
		}
		expectTree(t, dir, "b=other")
	})
}

// A set that cannot be completed puts back the files it had replaced.
func TestForceUndo(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a"), "0")
		s := Set{Force: true}
		create(t, &s, filepath.Join(dir, "a"), "1")
		create(t, &s, filepath.Join(dir, "b"), "2")
		if err := os.Mkdir(filepath.Join(dir, "b"), 0o755); err != nil { // no file can replace it
			t.Fatal(err)
		}
		if err := s.Commit(); err == nil {
			t.Error("Commit succeeds")
		}
		expectTree(t, dir, "a=0", "b/")
	})
}

// The first step of a replacement is undone as well.
func TestForceUndoUnpublished(t *testing.T) {
	eachLinking(t, func(t *testing.T) {
		dir := t.TempDir()
		put(t, filepath.Join(dir, "a"), "0")
		s := Set{Force: true}
		f := create(t, &s, filepath.Join(dir, "a"), "1")
		os.Remove(f.Name()) // somebody tidied up: the rename will fail
		if err := s.Commit(); err == nil {
			t.Error("Commit succeeds")
		}
		expectTree(t, dir, "a=0")
	})
}

func TestCommitReportsWriteErrors(t *testing.T) {
	dir := t.TempDir()
	var s Set
	f := create(t, &s, filepath.Join(dir, "a"), "1")
	f.File.Close()
	err := s.Commit()
	if err == nil || strings.Contains(err.Error(), ".tmp") || !strings.Contains(err.Error(), filepath.Join(dir, "a")) {
		t.Errorf("Commit: %v, want an error that names the file", err)
	}
	expectTree(t, dir)
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "taken"), "0")
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, path, want string
		force, hinted    bool
	}{
		{"exists", "taken", "exists already", false, true},
		{"folder", "folder", "it is a folder", false, true},
		{"folder, forced", "folder", "it is a folder", true, true},
		{"missing folder", "no/such/file", "does not exist", false, true},
		{"file for a folder", "taken/file", "taken", false, false},
		{"no name", "folder/", "is not the name of a file", false, false},
		{"twice", "twice", "would be written twice", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Set{Force: c.force}
			defer s.Abort()
			create(t, &s, filepath.Join(dir, "twice"), "")
			path := dir + string(filepath.Separator) + filepath.FromSlash(c.path)
			_, err := s.Create(path)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
			if (hint.Of(err) != "") != c.hinted {
				t.Errorf("hint is %q", hint.Of(err))
			}
			if (c.name == "exists") != errors.Is(err, ErrExists) {
				t.Errorf("errors.Is(ErrExists) is wrong for %v", err)
			}
		})
	}
	expectTree(t, dir, "folder/", "taken=0")
	var s Set
	if err := s.MkdirAll(filepath.Join(dir, "taken", "x")); err == nil {
		t.Error("MkdirAll below a file succeeds")
	}
}

func TestUnwritableFolder(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("every folder is writable for this user")
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	var s Set
	_, err := s.Create(filepath.Join(dir, "a"))
	if !errors.Is(err, fs.ErrPermission) || hint.Of(err) == "" {
		t.Errorf("error %v, hint %q", err, hint.Of(err))
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no permission bits")
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "model"), "0")
	if err := os.Chmod(filepath.Join(dir, "model"), 0o640); err != nil {
		t.Fatal(err)
	}
	private, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := Set{Force: true}
	defer s.Abort()
	create(t, &s, filepath.Join(dir, "new"), "")
	create(t, &s, filepath.Join(dir, "model"), "")
	if _, err := s.CreatePrivate(filepath.Join(dir, "key")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.CreateLike(filepath.Join(dir, "like"), private); err != nil {
		t.Fatal(err)
	}
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"model": 0o640, "key": 0o600, "like": private.Mode().Perm()} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v (%v), want %v", name, info.Mode(), err, want)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "new")); err != nil || info.Mode().Perm()&^0o644 != 0 {
		t.Errorf("new has mode %v (%v), want at most 0644", info.Mode(), err)
	}
}

// A symbolic link is replaced itself; what it points to stays.
func TestForceReplacesSymlink(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "target"), "0")
	if err := os.Symlink("target", filepath.Join(dir, "a")); err != nil {
		t.Skip(err)
	}
	var careful Set
	if _, err := careful.Create(filepath.Join(dir, "a")); !errors.Is(err, ErrExists) {
		t.Errorf("without force: %v, want ErrExists", err)
	}
	s := Set{Force: true}
	create(t, &s, filepath.Join(dir, "a"), "1")
	if err := s.Commit(); err != nil {
		t.Fatal(err)
	}
	expectTree(t, dir, "a=1", "target=0")
}
