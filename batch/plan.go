package batch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/advparams/advparams/batch/objects"
)

// Plan is the work that a manifest asks for, given the files that exist.
type Plan struct {
	Jobs []*Job // sorted by path
}

// Job is one model and what to do with it. Its paths are URLs of objects, absolute
// paths or, below the working directory, relative paths.
type Job struct {
	Model string
	// Size is that of the model and of external data that is named after it, in
	// bytes; 0 if the model is missing.
	Size int64

	Output string
	Key    string
	Report string // "" for none

	Options
}

// Plan finds the models and where their outputs go. The store is asked for models
// at URLs; it may be nil if there are none.
func (m *Manifest) Plan(ctx context.Context, store objects.Store) (*Plan, error) {
	found, err := m.find(&finder{ctx: ctx, store: store})
	if err != nil {
		if _, ok := errors.AsType[*storeError](err); ok {
			return nil, err // not a mistake in the manifest
		}
		return nil, &ManifestError{Manifest: baseOf(m.path), Err: err}
	}
	p := &Plan{}
	for _, path := range slices.Sorted(maps.Keys(found)) {
		p.Jobs = append(p.Jobs, found[path].job)
	}
	return p, nil
}

// match is a model and the entry that named it.
type match struct {
	job   *Job
	line  int
	exact bool // the entry has its name, not a pattern
}

// find returns the jobs by the paths of the models.
func (m *Manifest) find(f *finder) (map[string]*match, error) {
	found := map[string]*match{}
	for i := range m.entries {
		e := &m.entries[i]
		paths, exact, err := f.paths(m, e)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", e.line, err)
		}
		for _, path := range paths {
			job, err := m.job(e, path, f.size(path))
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", e.line, err)
			}
			found[path] = &match{job, e.line, exact}
		}
	}
	return found, unique(found)
}

// unique removes files that a pattern matches but another model's job writes, such as
// locked models of an earlier run. It makes sure that no file is written twice, and
// none is both a model and an output.
func unique(found map[string]*match) error {
	writers := map[string]string{}
	for path, f := range found {
		for _, out := range f.job.outputs() {
			writers[out] = path
		}
	}
	for path, f := range found {
		if _, written := writers[f.job.Model]; written && !f.exact {
			delete(found, path)
		}
	}
	clear(writers)
	for _, path := range slices.Sorted(maps.Keys(found)) {
		f := found[path]
		for _, out := range f.job.outputs() {
			if out == "" {
				continue
			}
			if other, taken := writers[out]; taken {
				return advise(fmt.Errorf("line %d: %s would be written for %s and for %s", f.line, out, other, path),
					"use {{.Dir}}, {{.Stem}} and {{.Name}} in output, key and report to tell models apart")
			}
			writers[out] = path
		}
	}
	for _, f := range found {
		if _, written := writers[f.job.Model]; written {
			return fmt.Errorf("line %d: %s is a model and would be written, too", f.line, f.job.Model)
		}
	}
	return nil
}

// paths returns the absolute paths of the models of an entry. exact reports whether
// the entry names one model, and is no pattern.
func (f *finder) paths(m *Manifest, e *entry) (paths []string, exact bool, err error) {
	pattern := m.abs(e.Path)
	switch {
	case objects.IsURL(pattern) && !hasMeta(pattern):
		if err := objects.Check(pattern); err != nil {
			return nil, false, err
		}
		// The list includes external data that is named after the model.
		_, err := f.list(pattern)
		return []string{pattern}, true, err
	case objects.IsURL(pattern):
	default:
		// A name may look like a pattern.
		if _, err := os.Lstat(pattern); err == nil || !hasMeta(e.Path) {
			return []string{pattern}, true, nil
		}
	}
	for _, p := range append([]string{pattern}, e.Except...) {
		if n := alternatives(p); n > maxAlternatives {
			return nil, false, fmt.Errorf("%q stands for more than %d patterns", e.Path, maxAlternatives)
		}
	}
	list, err := f.matches(pattern)
	if err != nil {
		return nil, false, fmt.Errorf("%q: %w", e.Path, err)
	}
	for _, path := range list {
		excepted := false
		for _, except := range e.Except {
			ok, err := doublestar.PathMatch(m.abs(except), path)
			if objects.IsURL(path) {
				ok, err = doublestar.Match(m.abs(except), path)
			}
			if err != nil {
				return nil, false, fmt.Errorf("except %q: %w", except, err)
			}
			excepted = excepted || ok
		}
		if !excepted {
			paths = append(paths, path)
		}
	}
	n := len(paths)
	paths = slices.DeleteFunc(paths, f.written)
	switch {
	case n == 0:
		return nil, false, fmt.Errorf("%q matches no file", e.Path)
	case len(paths) == 0:
		return nil, false, advise(fmt.Errorf("%q matches only outputs of earlier runs", e.Path), "to lock one of them once more, write its name without a pattern")
	}
	return paths, false, nil
}

// abs makes a path of the manifest absolute.
func (m *Manifest) abs(path string) string {
	switch {
	case objects.IsURL(path):
		return objects.Clean(path)
	case filepath.IsAbs(path):
		return filepath.Clean(path)
	}
	return joined(dirOf(m.path), path)
}

// job makes the job for one model of an entry.
func (m *Manifest) job(e *entry, model string, size int64) (*Job, error) {
	j := &Job{Model: short(model), Size: size, Options: e.Options}
	output, key, report := m.patterns(e, model)
	for _, out := range []struct {
		name, pattern string
		path          *string
	}{{"output", output, &j.Output}, {"key", key, &j.Key}, {"report", report, &j.Report}} {
		if out.pattern == "" {
			continue
		}
		path, err := m.expand(out.name, out.pattern, model)
		if err != nil {
			return nil, err
		}
		*out.path = short(path)
	}
	path := func(p string) string {
		if p == "" {
			return ""
		}
		return short(m.abs(p))
	}
	j.Data.Path, j.Verify.Data.Path = path(e.Data.Path), path(e.Verify.Data.Path)
	j.Attack.Data.Path, j.Attack.Test.Path = path(e.Attack.Data.Path), path(e.Attack.Test.Path)
	j.Seal.RecipientsFiles = each(e.Seal.RecipientsFiles, path)
	j.Verify.Identities = each(e.Verify.Identities, path)
	return j, nil
}

// each returns the results of f for a list.
func each(list []string, f func(string) string) []string {
	var out []string
	for _, s := range list {
		out = append(out, f(s))
	}
	return out
}

// short returns a path relative to the working directory if it lies below that, for
// people to read. It returns other paths as they are.
func short(path string) string {
	if objects.IsURL(path) {
		return path
	}
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	rel, err := filepath.Rel(wd, path)
	if err != nil || !filepath.IsLocal(rel) {
		return path
	}
	return rel
}

// bySize returns the jobs sorted by size, the largest first.
func bySize(jobs []*Job) []*Job {
	return slices.SortedFunc(slices.Values(jobs), func(a, b *Job) int {
		return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Model, b.Model))
	})
}
