package advparams

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/advparams/advparams/minimal"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
)

// LockedRuntimeError means that a lock holds here and not in another program. It wraps
// ErrTarget.
type LockedRuntimeError struct {
	Model, Runtime     string
	Measure            string // what Reached and Target are
	Reached, Here, Max float64
}

func (e *LockedRuntimeError) Error() string {
	return fmt.Sprintf("%s: the locked model has the %s %.4f in %s, %.4f here, and is useless up to %.4f", e.Model, e.Measure, e.Reached, e.Runtime, e.Here, e.Max)
}

// Unwrap returns ErrTarget.
func (e *LockedRuntimeError) Unwrap() error { return ErrTarget }

// checkRuntime finds mistakes in Runtime, and, before long work, whether the program is there.
func (o *ProtectOptions) checkRuntime() error {
	switch {
	case o.Runtime == "":
		return nil
	case o.Runtime != OnnxRuntime:
		return &OptionError{Option: "Runtime", Value: o.Runtime, Reason: "is not onnxruntime"}
	case !o.Data.Given():
		return optionf("Runtime", "there is no data to measure on")
	}
	python := pythonOf(o.Python)
	out, err := exec.Command(python, "-c", "import numpy, onnxruntime").CombinedOutput()
	if err == nil {
		return nil
	}
	text := strings.TrimSpace(string(out))
	if text = text[strings.LastIndexByte(text, '\n')+1:]; text == "" {
		text = err.Error()
	}
	return &RuntimeError{Python: python, Missing: true, Message: text}
}

// byRuntime measures what lock would write in another program, on the samples of the search,
// and adds it to p. It is an error if the lock does not hold there. For as long as that takes,
// the locked model exists in a temporary folder.
func (o *ProtectOptions) byRuntime(ctx context.Context, lock lockTo, ready *samples.Prepared, here task.Score, p *Protection) error {
	if o.Runtime == "" {
		return nil
	}
	o.see().Report("measuring in "+o.Runtime, 0, 1, "")
	scratch, err := newScratch()
	if err != nil {
		return err
	}
	defer scratch.remove()
	var set atomicfile.Set
	defer set.Abort()
	path := scratch.path(filepath.Base(o.Model))
	if _, err := lock(&set, path); err != nil {
		return err
	}
	if err := set.Commit(); err != nil {
		return err
	}
	m, err := onnxio.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	if p.Runtime, err = byRuntime(ctx, ready, m, o.Python, o.Threads); err != nil {
		return err
	}
	found := p.Runtime.score
	most := max(p.Target, found.Useless(), here.Quality) + minimal.Slack
	if found.Quality > most && o.Profile != Sealed {
		return &LockedRuntimeError{Model: o.Model, Runtime: o.Runtime, Measure: ready.Task.Traits().Quality, Reached: found.Quality, Here: here.Quality, Max: most}
	}
	return nil
}
