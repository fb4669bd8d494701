package main

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/faults"
	"github.com/advparams/advparams/seal"
)

// faultsVariable makes TestFaults try everything, as `make test-faults` does.
const faultsVariable = "ADVPARAMS_FAULTS"

// A trial is one fault at one system call of a story.
type trial struct {
	call  int
	kill  bool
	torn  bool // after half of the data
	errno syscall.Errno
	full  bool // all later calls that need room fail too
}

func (f trial) String() string {
	switch {
	case f.torn:
		return fmt.Sprintf("killed in the middle of call %d", f.call)
	case f.kill:
		return fmt.Sprintf("killed before call %d", f.call)
	}
	return fmt.Sprintf("%s at call %d", f.errno, f.call)
}

// trials returns what can happen at a call.
func trials(n int, c *faults.Call) []trial {
	list := []trial{{call: n, kill: true}, {call: n, errno: syscall.EIO}}
	if len(c.Data) > 1 {
		list = append(list, trial{call: n, kill: true, torn: true})
	}
	if !c.Frees() {
		list = append(list, trial{call: n, errno: syscall.ENOSPC, full: true}, trial{call: n, errno: syscall.EDQUOT, full: true})
	}
	return list
}

// TestFaults kills commands at every system call that changes a file, and lets each
// fail. No model is lost, a command that fails leaves everything as it was, and the
// same command again does its work. Without faultsVariable it tries a few calls of
// each command.
func TestFaults(t *testing.T) {
	all := os.Getenv(faultsVariable) != ""
	for _, s := range stories() {
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			e := begin(t, &s)
			var kills, errs int
			for n := range e.calls {
				for _, f := range trials(n, &e.calls[n]) {
					if !all && !sampled(s.name, f, len(e.calls)) {
						continue
					}
					if f.kill {
						kills++
					} else {
						errs++
					}
					e.try(t, f)
				}
			}
			t.Logf("%d calls: killed %d times, %d errors", len(e.calls), kills, errs)
		})
	}
}

// sampled chooses about one trial of each kind for a story.
func sampled(name string, f trial, calls int) bool {
	h := fnv.New32a()
	fmt.Fprintf(h, "%s %v", name, f)
	return h.Sum32()%uint32(calls) == 0
}

type experiment struct {
	*story
	start  string // the folder that it begins with
	before files
	after  files // of a run that was left alone
	calls  []faults.Call
}

// begin prepares a story, and runs it once without a fault.
func begin(t *testing.T, s *story) *experiment {
	start := t.TempDir()
	s.prepare(t, start)
	e := &experiment{story: s, before: tree(t, start), start: start}
	e.learn(t)
	return e
}

// learn runs the command without a fault.
func (e *experiment) learn(t *testing.T) {
	dir := e.copy(t)
	calls, status, stderr := e.run(t, dir, func(int, *faults.Call) faults.Fault { return faults.Fault{} })
	if status.ExitStatus() != exitcode.Done {
		t.Fatalf("status %d: %s", status.ExitStatus(), stderr)
	}
	e.calls, e.after = calls, tree(t, dir)
	for name := range e.after {
		if e.before[name] != e.after[name] && !e.mayChange(name) {
			t.Fatalf("%s is changed", name)
		}
	}
}

func (e *experiment) mayChange(name string) bool {
	return name == "tmp" || strings.HasPrefix(name, "tmp/") || slices.ContainsFunc(e.changes, func(p string) bool {
		ok, _ := path.Match(p, name)
		return ok
	})
}

// copy makes a folder like the one at the beginning.
func (e *experiment) copy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	copyTree(t, e.start, dir)
	return dir
}

// copyTree copies a folder with its permission bits.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(from, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		return os.Chmod(filepath.Join(to, strings.TrimPrefix(p, from)), info.Mode().Perm())
	})
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the command with faults.
func (e *experiment) run(t *testing.T, dir string, decide func(int, *faults.Call) faults.Fault) ([]faults.Call, syscall.WaitStatus, string) {
	t.Helper()
	cmd := e.command(dir)
	stdout, err := os.Create(filepath.Join(dir, cmp.Or(e.stdout, "tmp/stdout")))
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	stderr, err := os.CreateTemp(t.TempDir(), "stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	calls, status, err := faults.Run(cmd, dir, decide)
	if errors.Is(err, faults.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(stderr.Name())
	if err != nil {
		t.Fatal(err)
	}
	return calls, status, string(text)
}

// try runs the command with one fault, and checks what is left.
func (e *experiment) try(t *testing.T, f trial) {
	t.Helper()
	dir := e.copy(t)
	var at string
	calls, status, stderr := e.run(t, dir, func(n int, c *faults.Call) faults.Fault {
		switch {
		case n == f.call:
			at = c.String()
			return faults.Fault{Kill: f.kill, Torn: f.torn, Errno: f.errno}
		case n > f.call && f.full && !c.Frees() && !strings.HasPrefix(c.Name, "rename"):
			return faults.Fault{Errno: f.errno}
		}
		return faults.Fault{}
	})
	fail := func(format string, args ...any) {
		t.Helper()
		t.Errorf("%v, %s (status %d): %s", f, at, status.ExitStatus(), fmt.Sprintf(format, args...))
	}
	if len(calls) <= f.call { // the order of calls may differ
		return
	}
	found := tree(t, dir)
	if strings.Contains(stderr, "panic") || strings.Contains(stderr, "goroutine ") {
		fail("it crashed: %s", stderr)
	}
	for name, want := range e.before {
		if found[name] != want && !e.mayChange(name) {
			fail("%s is changed", name)
		}
	}
	e.survives(fail, t, dir, found)
	switch {
	case f.kill:
		e.again(fail, t, dir)
	case status.ExitStatus() == exitcode.Done:
		e.complete(fail, found, calls[f.call])
	default:
		if message := strings.ToLower(stderr); !strings.Contains(message, f.errno.Error()) || !strings.Contains(message, "advparams: error: ") {
			if e.name != "batch" { // which names the files that have the reasons
				fail("the message is %q", stderr)
			}
		}
		if calls[f.call].Path == "tmp/stdout" { // what it says about its work comes after it
			e.complete(fail, found, calls[f.call])
		} else {
			e.unchanged(fail, found, calls[f.call])
		}
		e.again(fail, t, dir)
	}
}

type failer = func(format string, args ...any)

// survives checks that the model is there, or comes back with the key.
func (e *experiment) survives(fail failer, t *testing.T, dir string, found files) {
	t.Helper()
	if e.intact(found) {
		return
	}
	back := t.TempDir()
	copyTree(t, dir, back)
	_, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{
		Locked: filepath.Join(back, e.model), InPlace: true, Key: advparams.KeyFile{Path: filepath.Join(back, e.key)},
	})
	restored := tree(t, back)
	original := e.original()
	for _, name := range e.precious {
		if restored[name] != original[name] {
			fail("%s is lost (unlocking: %v)", name, err)
		}
	}
}

// intact reports whether the model is there, unlocked.
func (e *experiment) intact(found files) bool {
	original := e.original()
	return !slices.ContainsFunc(e.precious, func(name string) bool { return found[name] != original[name] })
}

// original returns the files of the models as they were before anything was locked.
func (e *experiment) original() files {
	if e.args[0] == "unlock" && e.after["u.onnx"] != "" {
		return files{e.model: e.after["u.onnx"]}
	}
	if e.args[0] == "unlock" && e.after["out/m.onnx"] != "" {
		original := files{}
		for _, name := range e.precious {
			original[name] = e.after["out/"+name]
		}
		return original
	}
	if e.args[0] == "unlock" {
		return e.after
	}
	return e.before
}

// complete checks that a command that reports success has done its work.
func (e *experiment) complete(fail failer, found files, failed faults.Call) {
	for name, want := range e.after {
		if found[name] == want || strings.HasPrefix(name, "tmp") || e.varies(name) && found[name] != "" {
			continue
		}
		fail("it reports success, and %s is wrong", name)
	}
	for name := range found {
		if name == e.journal && failed.Path != name {
			fail("it leaves its journal")
		}
		if isTemporary(name) && !failed.Temporary() && !strings.HasPrefix(failed.Path, "tmp/") && !settling(name) {
			fail("it leaves %s", name)
		}
	}
}

// settling reports whether a file is what a process leaves that was killed before it
// locked its folder, or after it emptied it, which other processes remove after a minute.
func settling(name string) bool {
	dir, file, _ := strings.Cut(strings.TrimPrefix(name, "tmp/"), "/")
	return strings.HasPrefix(dir, "advparams-scratch-") && (file == "" || file == "lock")
}

// varies reports whether the content of a file is different each time.
func (e *experiment) varies(name string) bool {
	if e.random && e.mayChange(name) {
		return true
	}
	switch path.Ext(name) {
	case ".html", ".json", ".jsonl", ".log", ".txt":
		return true
	}
	return false
}

// unchanged checks that a command that failed left nothing but what was there. A batch
// keeps what it has done and notes of it. A name that could not be removed may stay.
func (e *experiment) unchanged(fail failer, found files, failed faults.Call) {
	if _, text, ok := strings.Cut(found[e.journal], " "); ok && !seal.Begun(strings.NewReader(text)) && failed.Path != e.journal {
		fail("it leaves a journal that nothing needs")
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		switch {
		case e.journal != "" && (found[e.journal] != "" || e.intact(found)): // the same command goes on, or all is done
		case isTemporary(name) && !failed.Temporary() && !strings.HasPrefix(failed.Path, "tmp/"):
			fail("it leaves %s", name)
		case isTemporary(name), e.before[name] == found[name], name == e.stdout, strings.HasPrefix(name, "tmp/stdout"), e.name == "batch":
		case failed.Path == name || failed.To == name || strings.HasPrefix(name, failed.Path+"/"):
		default:
			fail("it failed, and %s is changed", name)
		}
	}
}

// again runs the command a second time. It does its work, unless the key is there
// already: then that key is right, and the command works once it is moved away.
func (e *experiment) again(fail failer, t *testing.T, dir string) {
	t.Helper()
	for {
		cmd := e.command(dir)
		if e.stdout != "" {
			return // a shell would empty the file: it has to keep what survived in another one
		}
		text, err := cmd.CombinedOutput()
		if err != nil && e.key != "" && strings.Contains(string(text), e.key+" exists already") {
			if _, err := advparams.Unlock(t.Context(), advparams.UnlockOptions{
				Locked: filepath.Join(dir, e.model), InPlace: true, Key: advparams.KeyFile{Path: filepath.Join(dir, e.key)},
			}); err != nil && e.inPlace() {
				fail("the key that exists does not unlock the model: %v", err)
			}
			if err := os.Remove(filepath.Join(dir, e.key)); err != nil {
				t.Fatal(err)
			}
			if !e.inPlace() {
				os.RemoveAll(filepath.Join(dir, "out"))
				os.Mkdir(filepath.Join(dir, "out"), 0o777)
				os.Remove(filepath.Join(dir, "l.onnx"))
			}
			continue
		}
		if err != nil && e.args[0] != "batch" && strings.Contains(string(text), "exists already") {
			return // all that was to be done was done, but for its last words
		}
		if err != nil {
			fail("the command again: %v: %s", err, text)
			return
		}
		found := tree(t, dir)
		e.complete(fail, found, faults.Call{})
		e.survives(fail, t, dir, found)
		return
	}
}

// inPlace reports whether the command changes the model itself.
func (e *experiment) inPlace() bool {
	return slices.Contains(e.changes, "m.onnx") || slices.Contains(e.changes, "m.onnx*")
}

func isTemporary(name string) bool {
	base := path.Base(name)
	return strings.HasPrefix(base, ".advparams-") && base != ".advparams-batch" || strings.HasPrefix(name, "tmp/") && name != "tmp/stdout"
}

// files are the contents of a folder by name. Folders end in a slash, with no content
// but their mode; links are what they point to.
type files map[string]string

func tree(t *testing.T, dir string) files {
	t.Helper()
	found := files{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		info, err := d.Info()
		if err != nil {
			return err
		}
		if d.IsDir() {
			found[name] = info.Mode().String()
			return nil
		}
		text, err := os.ReadFile(p)
		found[name] = info.Mode().String() + " " + string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
