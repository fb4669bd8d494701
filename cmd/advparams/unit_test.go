package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("disk full"), 1},
		{context.Canceled, 130},
		{&internalError{value: "x"}, 1},
		{usagef("no such flag"), 2},
		{perturb.ErrTarget, 3},
		{key.ErrIdentity, 4},
		{key.ErrDamaged, 4},
		{onnxio.ErrMismatch, 4},
		{onnxio.ErrRecord, 4},
		{gradient.ErrUnsupported, 5},
		{&gradient.UnsupportedError{}, 5},
	} {
		if have := exitStatus(c.err); have != c.want {
			t.Errorf("%v: exit status %d, want %d", c.err, have, c.want)
		}
		if c.err != nil {
			if have := exitStatus(fmt.Errorf("model.onnx: %w", c.err)); have != c.want {
				t.Errorf("%v, wrapped: exit status %d, want %d", c.err, have, c.want)
			}
		}
	}
}

// TestAdvise: the command says in terms of flags what to do about errors of the
// libraries.
func TestAdvise(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string // part of the hint
	}{
		{&gradient.UnsupportedError{}, "advparams inspect"},
		{&gradient.LogitsError{}, "--output"},
		{&perturb.TargetError{}, "raise --max-params or --target-accuracy; --profile sealed needs no search"},
		{&perturb.TargetError{Stuck: true}, "--beam 4"},
		{&perturb.TargetError{Spent: true}, "more time with --time-limit"},
		{&perturb.NoCandidatesError{}, "--include and --exclude"},
		{&dataset.CountError{}, "--batch-axis NAME=none"},
		{&perturb.UselessError{}, "--task"},
		{&task.GuessError{}, "--task outputs"},
		{&task.LabelError{}, "--task regression"},
		{&task.LabelError{Binary: true}, "--task says"},
		{&task.LabelError{Classes: 10}, "from 0 to 9"},
		{task.ErrNoClasses, "--task"},
		{task.ErrNoLabels, "--labels model"},
		{&task.UnknownError{}, "the tasks are classification"},
		{&dataset.ClassesError{Text: "1.5"}, "--task regression"},
		{&dataset.ClassesError{}, "argmax; --task"},
		{&synth.InputsError{}, "--data"},
		{&synth.ShapeError{}, "--shape 3,224,224"},
		{&synth.ShapeError{Sample: []string{"80", "time"}}, "--shape 80,time with a number for time"},
		{&atomicfile.ExistsError{}, "--force"},
		{&gradient.MemoryError{}, "--memory 16GiB"},
		{&gradient.MemoryError{Fixed: true}, "a smaller batch"},
		{&gradient.LimitError{}, "--memory"},
		{&synth.MemoryError{}, "fewer samples"},
		{onnxio.ErrMismatch, "locked model and the key"},
		{errors.New("disk full"), ""},
	} {
		if have := advise(fmt.Errorf("model.onnx: %w", c.err)); !strings.Contains(have, c.want) || (have == "") != (c.want == "") {
			t.Errorf("%v: hint %q, want one with %q", c.err, have, c.want)
		}
	}
}

// JSON that is printed has no characters that steer a terminal, and means the same.
func TestPrintableJSON(t *testing.T) {
	for _, name := range []string{"plain, 日本", "\u009b31m", "\u202eright to left", "\x7f", "\U000e0001", "a \"quote\" and \\"} {
		var out bytes.Buffer
		a := &app{stdout: &out, json: true}
		if err := a.result(map[string]string{"name": name}, nil); err != nil {
			t.Fatal(err)
		}
		if i := strings.IndexFunc(strings.TrimSuffix(out.String(), "\n"), func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is printed as %q", name, out.String())
		}
		var back map[string]string
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["name"] != name {
			t.Errorf("%q comes back as %q (%v)", name, back["name"], err)
		}
	}
}

// TestInternalError makes sure that a panic is reported and does not look like
// the user's mistake.
func TestInternalError(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{stdout: &out, stderr: &errs}
	status := a.guard(func() error { panic("index out of range") })
	if status != exitcode.Failed || !strings.Contains(errs.String(), "error: internal error: index out of range") ||
		!strings.Contains(errs.String(), "please report") || !strings.Contains(errs.String(), "unit_test.go") {
		t.Errorf("status %d, %s", status, errs.String())
	}
}

func TestInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{{"model", "model.onnx"}, {"data", "data.npz", "100"}} {
		if err := makeFixture(args); err != nil {
			t.Fatal(err)
		}
	}
	protect := []string{"protect", "model.onnx", "--data", "data.npz", "-o", "locked.onnx", "--key", "model.key", "--plain-key"}
	if status := run(context.Background(), append(protect, "-q"), io.Discard, os.Stderr); status != exitcode.Done {
		t.Fatal("protect failed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, args := range [][]string{
		{"protect", "model.onnx", "--data", "data.npz", "-o", "out.onnx", "--key", "k", "--plain-key"},
		{"protect", "model.onnx", "--data", "data.npz", "--labels", "model", "-o", "out.onnx", "--key", "k", "--plain-key"},
		{"unlock", "locked.onnx", "--key", "model.key", "-o", "out.onnx"},
		{"unlock", "locked.onnx", "--key", "model.key", "--in-place"},
		{"unlock", "locked.onnx", "--key", "model.key", "-o", "-"},
		{"gradients", "model.onnx", "--data", "data.npz", "-o", "out.npz"},
		{"verify", "--locked", "locked.onnx", "--key", "model.key"},
		{"verify", "--locked", "model.onnx", "--data", "data.npz", "--report", "report.html"},
		{"bench", "model.onnx"},
	} {
		var out, errs bytes.Buffer
		if status := run(ctx, append(args, "-q"), &out, &errs); status != exitcode.Interrupted || !strings.HasSuffix(errs.String(), "error: interrupted\n") {
			t.Errorf("%q: status %d, %s", args, status, errs.String())
		}
	}
	files, err := os.ReadDir(".")
	if err != nil || len(files) != 4 {
		t.Errorf("files left behind: %v, %v", files, err)
	}
}

// TestInFlags: a mistake in options is told in terms of flags, is wrong usage, and
// says what to do.
func TestInFlags(t *testing.T) {
	for _, c := range []struct {
		err        error
		text, hint string // hint: a part of it
	}{
		{&advparams.OptionError{Option: "MaxParams", Value: -1, Reason: "is negative"}, "--max-params -1 is negative", ""},
		{&advparams.OptionError{Option: "Data.Limit", Value: -1, Reason: "is negative"}, "--limit -1 is negative", ""},
		{&advparams.OptionError{Option: "Test.Limit", Value: -1, Reason: "is negative"}, "--test-limit -1 is negative", ""},
		{&advparams.OptionError{Option: "Include", Value: "bn*", Reason: "matches no parameter"}, `--include "bn*" matches no parameter`, "advparams inspect"},
		{&advparams.OptionError{Option: "Unbounded", Reason: "is odd"}, "--bounds: is odd", ""},
		{&advparams.OptionError{Option: "TimeLimit", Reason: "is odd"}, "--time-limit: is odd", ""},
		{&advparams.OpenAxesError{Input: "ids", Shape: "ids int64[?]"}, "--shape: input ids int64[?] has open axes", "--shape ids=…"},
	} {
		err := inFlags(c.err)
		if err.Error() != c.text || exitStatus(err) != exitcode.Usage {
			t.Errorf("%v, exit status %d, want %s", err, exitStatus(err), c.text)
		}
		if have := advise(err); !strings.Contains(have, c.hint) || (have == "") != (c.hint == "") {
			t.Errorf("%v: hint %q, want one with %q", err, have, c.hint)
		}
	}
	other := errors.New("disk full")
	if inFlags(other) != other {
		t.Error("another error is changed")
	}
}

// TestFlagsOfOptions: every flag that messages name exists.
func TestFlagsOfOptions(t *testing.T) {
	root := newRoot(&app{})
	for option, flag := range flags {
		found := false
		for _, cmd := range root.Commands() {
			found = found || cmd.Flags().Lookup(strings.TrimPrefix(flag, "--")) != nil
		}
		if !found {
			t.Errorf("%s: no command has %s", option, flag)
		}
	}
}
