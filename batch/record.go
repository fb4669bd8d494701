package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// record is what one run remembers of a model for the next: the file
// <output>.json in the state folder.
type record struct {
	Version int         `json:"version"`
	Model   string      `json:"model"`
	Inputs  []FileState `json:"inputs"`
	Locked  []FileState `json:"locked,omitempty"` // files of the locked model, if the job does not make it
	// Ours are the outputs that may be replaced if they exist.
	Ours       []string               `json:"ours"`
	PeakMemory int64                  `json:"peak_memory_bytes,omitempty"`
	Steps      map[string]*stepRecord `json:"steps"`
}

// States of a step. A step in stateStarted was interrupted, unless somebody holds
// the lock.
const (
	stateStarted = "started"
	stateDone    = "done"
	stateFailed  = "failed"
)

// stepRecord is the last attempt at a step.
type stepRecord struct {
	Fingerprint string `json:"fingerprint"` // of all that the result depends on
	State       string `json:"state"`
	Status      int    `json:"status"`
	// Unclean says that the step was cut off since it last succeeded. It may have
	// left some of its outputs, including files that only the step knows of.
	Unclean bool            `json:"unclean,omitempty"`
	Error   string          `json:"error,omitempty"`
	Hint    string          `json:"hint,omitempty"`
	Started time.Time       `json:"started"`
	Seconds float64         `json:"seconds"`
	Host    string          `json:"host"`
	Outputs []FileState     `json:"outputs,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"` // what the step found out
}

// readRecord returns the record of a job. If there is none, or it cannot be
// understood, the record is empty, and the work is done again.
func (j *Job) readRecord(ctx context.Context, store objects.Store) (*record, error) {
	empty := &record{Version: 1, Model: j.Model, Steps: map[string]*stepRecord{}}
	var text []byte
	var err error
	if path := j.state(".json"); !objects.IsURL(path) {
		text, err = j.readState(".json")
	} else if store != nil {
		text, _, err = store.Read(ctx, path)
	} else {
		err = errNoStore(path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return empty, nil
	}
	if err != nil {
		return nil, err
	}
	r := record{Model: j.Model} // shares nothing with the empty one
	if err := json.Unmarshal(text, &r); err != nil || r.Version != 1 || r.Steps == nil {
		return empty, nil
	}
	for _, s := range r.Steps {
		if s == nil {
			return empty, nil
		}
	}
	r.paths(func(p string) string {
		if objects.IsURL(p) || filepath.IsAbs(p) {
			return p
		}
		return joined(dirOf(j.Output), p)
	})
	return &r, nil
}

// paths applies f to all paths in the record.
func (r *record) paths(f func(string) string) {
	files := func(list []FileState) {
		for i := range list {
			list[i].Path = f(list[i].Path)
		}
	}
	files(r.Inputs)
	files(r.Locked)
	r.Ours = each(r.Ours, f)
	for _, s := range r.Steps {
		files(s.Outputs)
	}
}

// clone returns a copy. Changing its paths leaves the original as it is.
func (r *record) clone() *record {
	c := *r
	c.Inputs, c.Locked = slices.Clone(r.Inputs), slices.Clone(r.Locked)
	c.Steps = map[string]*stepRecord{}
	for name, s := range r.Steps {
		one := *s
		one.Outputs = slices.Clone(s.Outputs)
		c.Steps[name] = &one
	}
	return &c
}

// write replaces the record on disk, whole and synced, or in object storage. Paths
// in it are relative to the folder of the output, so that a tree can be moved.
func (r *record) write(ctx context.Context, store objects.Store, j *Job) error {
	folder := absolute(dirOf(j.Output))
	c := r.clone()
	c.paths(func(p string) string {
		if objects.IsURL(p) || objects.IsURL(folder) {
			if rel, ok := relPath(folder, absolute(p)); ok {
				return rel
			}
			return absolute(p)
		}
		if rel, err := filepath.Rel(folder, absolute(p)); err == nil {
			p = rel
		}
		return filepath.ToSlash(p)
	})
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	if path := j.state(".json"); objects.IsURL(path) {
		_, err := store.Write(ctx, path, append(text, '\n'))
		return err
	}
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.CreateBelow(dirOf(j.Output), StateFolder+"/"+baseOf(j.Output)+".json", 0o644)
	if err != nil {
		return err
	}
	if _, err := f.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.Path(), err)
	}
	return out.Commit()
}

// settled returns the record of a step that need not be done: one with this
// fingerprint that is done or failed for good, and whose outputs are as they were
// written. It returns nil for any other.
func (r *record) settled(ctx context.Context, store objects.Store, step, fingerprint string, retryFailed bool) *stepRecord {
	s := r.Steps[step]
	if s == nil || s.Fingerprint != fingerprint {
		return nil
	}
	switch {
	case s.State == stateFailed && s.Status > exitcode.Failed && !retryFailed:
	case s.State == stateDone:
	default:
		return nil
	}
	if new(Result).read(step, s.Result) != nil {
		return nil
	}
	for _, f := range s.Outputs {
		if !f.unchanged(ctx, store) {
			return nil
		}
	}
	return s
}
