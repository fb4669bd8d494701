package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/advparams/advparams/internal/faults"
)

// TestLossOfPower looks at what a file system may hold if power is lost in the middle of
// a command: renames, names and data that were not made durable may be there or not. In
// each state the model is there, or the key that brings it back.
func TestLossOfPower(t *testing.T) {
	for _, s := range stories() {
		if s.model == "" || s.journal != "" { // package seal tests its journal
			continue
		}
		t.Run(strings.ReplaceAll(s.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			e := begin(t, &s)
			calls := e.record(t)
			states, lost := e.crash(t, calls, func(format string, args ...any) { t.Errorf(format, args...) })
			t.Logf("%d states after %d calls", states, len(calls))
			if lost > 0 || !e.inPlace() {
				return
			}
			// The same calls without the durable ones lose the model: the test can fail.
			calls = slices.DeleteFunc(calls, func(c faults.Call) bool { return c.Name == "fsync" })
			if _, lost := e.crash(t, calls, func(string, ...any) {}); lost == 0 {
				t.Error("nothing is lost without fsync")
			}
		})
	}
}

// record runs the command and returns its calls, with all data.
func (e *experiment) record(t *testing.T) []faults.Call {
	calls, status, stderr := e.run(t, e.copy(t), func(_ int, c *faults.Call) faults.Fault {
		switch c.Name {
		case "copy_file_range", "sendfile", "splice", "ioctl": // the program writes instead
			return faults.Fault{Errno: syscall.ENOSYS}
		}
		return faults.Fault{}
	})
	if status.ExitStatus() != 0 {
		t.Fatalf("status %d: %s", status.ExitStatus(), stderr)
	}
	return slices.DeleteFunc(calls, func(c faults.Call) bool { return strings.HasPrefix(c.Path, "tmp") || c.Name == "fallocate" })
}

// lockedModel returns the locked model that the command makes beside the original, or "".
func (e *experiment) lockedModel() string {
	for _, name := range []string{"l.onnx", "out/l.onnx", "out/m.onnx"} {
		if e.args[0] != "unlock" && e.after[name] != "" {
			return name
		}
	}
	return ""
}

// crash checks all states that a loss of power may leave. It returns how many there are,
// and in how many a model is lost.
func (e *experiment) crash(t *testing.T, calls []faults.Call, report failer) (states, lost int) {
	before := faults.Disk{}
	mode := map[string]string{} // of files, which the model of a disk leaves out
	for name, text := range e.before {
		m, content, file := strings.Cut(text, " ")
		if file {
			before[name] = content
		} else {
			before[name+"/"] = ""
		}
		mode[name] = m
	}
	if e.stdout != "" {
		before[e.stdout] = "" // the shell has made it
	}
	locked := e.lockedModel()
	counts := func(name string) bool {
		return name == e.key || name == locked || slices.Contains(e.precious, name)
	}
	err := faults.AfterCrash(before, calls, counts, func(d faults.Disk) bool {
		states++
		found := files{}
		for name, content := range d {
			found[strings.TrimSuffix(name, "/")] = mode[name] + " " + content
		}
		if content := e.after[locked]; locked != "" && content != e.before[locked] && strings.HasSuffix(content, " "+d[locked]) && !strings.HasSuffix(e.after[e.key], " "+d[e.key]) {
			report("state %d: a locked model without its key", states)
		}
		if e.intact(found) {
			return true
		}
		dir := t.TempDir()
		for _, name := range append(slices.Clone(e.precious), e.key) {
			if content, ok := d[name]; ok {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		bad := false
		e.survives(func(format string, args ...any) {
			bad = true
			report("state %d: "+format, append([]any{states}, args...)...)
		}, t, dir, found)
		if bad {
			lost++
		}
		return lost < 10
	})
	if err != nil {
		t.Fatal(err)
	}
	return states, lost
}
