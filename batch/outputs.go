package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/wire"
)

// findings returns what a step found out, in the form that records keep; nil if it
// found out nothing.
func findings(step string, r *wire.Response) (json.RawMessage, error) {
	switch {
	case r == nil:
	case step == wire.StepProtect && r.Protect != nil:
		return json.Marshal(r.Protect)
	case step == wire.StepVerify && r.Verify != nil:
		return json.Marshal(r.Verify)
	case step == wire.StepAttack && r.Attack != nil:
		return json.Marshal(r.Attack)
	}
	return nil, nil
}

// stepOutputs returns the files that a step will write, as far as they can be told
// beforehand. In a folder other than the model's, external data keeps its names.
func (j *Job) stepOutputs(step string, inputs []FileState) []string {
	switch {
	case step == wire.StepVerify && j.Report != "":
		return []string{j.Report}
	case step == wire.StepAttack && j.Report != "":
		return []string{j.attackReport()}
	case step != wire.StepProtect:
		return nil
	}
	paths := []string{j.Output, j.Key}
	from, to := dirOf(j.Model), dirOf(j.Output)
	if sameFolder(from, to) {
		return paths
	}
	for _, f := range inputs[1:] {
		if name, ok := relPath(absolute(from), absolute(f.Path)); ok {
			paths = append(paths, joined(to, filepath.ToSlash(name)))
		}
	}
	return paths
}

// claims is what is known about the files that a step will write.
type claims struct {
	replace bool            // some exist and are ours
	unclean bool            // others may exist that a killed step left
	fresh   map[string]bool // objects that do not exist, and still must not when they are written
}

// claim makes sure that the files to be written do not exist or are ours. If none
// exists, the step replaces no file, so a file that another model's job writes at
// the same time is safe.
func (w *worker) claim(ctx context.Context, paths []string) (*claims, error) {
	c := &claims{fresh: map[string]bool{}}
	for _, path := range paths {
		ours := w.isOurs(path)
		there, err := w.exists(ctx, path)
		if err != nil {
			return nil, err
		}
		// A key in object storage that is not ours could not be kept under another name.
		lost := path == w.job.Key && objects.IsURL(path)
		if there && !ours && (lost || !w.cfg.Force) {
			return nil, &OutputExistsError{path}
		}
		c.replace = c.replace || there
		c.fresh[path] = !there && !ours && !w.cfg.Force
		if !ours {
			w.record.Ours = append(w.record.Ours, path)
		}
	}
	return c, nil
}

// isOurs reports whether a file, if it exists, was written for this model.
func (w *worker) isOurs(path string) bool {
	return slices.ContainsFunc(w.record.Ours, func(p string) bool { return absolute(p) == absolute(path) })
}

// exists reports whether there is a file or object.
func (w *worker) exists(ctx context.Context, path string) (bool, error) {
	if !objects.IsURL(path) {
		_, err := os.Lstat(path)
		return err == nil, nil
	}
	_, err := w.cfg.Store.Stat(ctx, path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// written returns the files that protect wrote: the locked model, the key and the
// external data. It makes sure that the model is still the one with the
// fingerprint.
func (w *worker) written(p *advparams.Protection, paths []string, c *claims, inputs []FileState) ([]string, error) {
	if p.SHA256.Original != inputs[0].SHA256 {
		return nil, fmt.Errorf("%s changed while it was worked on", w.job.Model)
	}
	for _, name := range p.Files[min(1, len(p.Files)):] {
		path := joined(dirOf(w.job.Output), name)
		if paths = append(paths, path); !w.isOurs(path) {
			c.fresh[path] = !w.cfg.Force
			w.record.Ours = append(w.record.Ours, path)
		}
	}
	return paths, nil
}

// outputs publishes and records the files that a step wrote.
func (w *worker) outputs(ctx context.Context, step string, s *stepRecord, paths []string, c *claims) error {
	// The model appears last, because everything else belongs to it.
	s.Outputs = make([]FileState, len(paths))
	for i := range paths {
		i = (i + 1) % len(paths)
		f, err := w.stage.publish(ctx, paths[i], c.fresh[paths[i]] && !c.unclean)
		if err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
		s.Outputs[i] = f
	}
	return nil
}
