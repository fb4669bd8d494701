package batch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// worker does one job, holding its lock.
type worker struct {
	cfg     *Config
	shared  *contents
	job     *Job
	record  *record
	child   *child
	result  *Result
	crowded bool // other jobs ran at the same time
}

// errCrowded says that a job was killed while others ran: it deserves a try
// with all of the memory.
var errCrowded = errors.New("killed beside other jobs")

// do does a job and returns its result, or a heldError, or errCrowded.
func do(ctx context.Context, cfg *Config, shared *contents, j *Job, threads int, crowded bool) (*Result, error) {
	w := &worker{cfg: cfg, shared: shared, job: j, result: newResult(j), crowded: crowded}
	start := time.Now()
	limit := errors.New("timed out")
	if j.Timeout > 0 {
		limit = hint.With(fmt.Errorf("not done after %v", time.Duration(j.Timeout)), "raise the model's timeout in the manifest")
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(j.Timeout), limit)
		defer cancel()
	}
	err := w.locked(ctx, threads)
	if _, held := errors.AsType[*heldError](err); held || errors.Is(err, errCrowded) {
		return nil, err
	}
	switch cause := context.Cause(ctx); {
	case err == nil:
	case cause == limit:
		w.fail(statusFailed, limit)
	case cause != nil:
		w.result.State = Interrupted
		w.result.Status, w.result.Retryable, w.result.Error = statusFailed, true, "interrupted"
	default:
		w.fail(statusFailed, err)
	}
	w.result.Seconds = time.Since(start).Seconds()
	return w.result, nil
}

// fail makes the result a failure.
func (w *worker) fail(status int, err error) {
	r := w.result
	r.State, r.Status, r.Retryable = Failed, status, status == statusFailed
	r.Error, r.Hint = err.Error(), hint.Of(err)
}

// locked does the job under its lock. The error is one that is not in the
// result yet.
func (w *worker) locked(ctx context.Context, threads int) error {
	j := w.job
	for _, path := range []string{j.state(""), j.Key, j.Report} {
		if path == "" {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
	}
	l, err := acquire(j.state(".lock"))
	if err != nil {
		return err
	}
	defer l.release()
	if w.record, err = j.readRecord(); err != nil {
		return err
	}
	scratch, err := filepath.Abs(j.state(".tmp"))
	if err != nil {
		return err
	}
	w.child = &child{command: w.cfg.Command, threads: threads, scratch: scratch, lock: l.file}
	if err := os.RemoveAll(scratch); err != nil { // of a run that was killed
		return err
	}
	defer os.RemoveAll(scratch)
	defer w.close()
	var from sources
	if from.model, err = w.inputs(ctx, j.Model, &w.record.Inputs); err != nil || from.model == nil {
		return err // else it is in the result
	}
	if !j.does(stepProtect) {
		if from.locked, err = w.inputs(ctx, j.Output, &w.record.Locked); err != nil || from.locked == nil {
			return err
		}
	}
	for _, step := range steps {
		if !j.does(step) {
			continue
		}
		if ok, err := w.step(ctx, step, &from); err != nil || !ok {
			return err
		}
	}
	return nil
}

// begin opens the log and the folder for temporary files before the first command.
func (w *worker) begin() error {
	if w.child.log != nil {
		return nil
	}
	if err := os.MkdirAll(w.child.scratch, 0o700); err != nil {
		return err
	}
	log, err := os.Create(w.job.Log())
	w.child.log = log
	w.result.Log = w.job.Log()
	return err
}

// run runs a command of the job. Its error is errCrowded, or that of ctx.
func (w *worker) run(ctx context.Context, args ...string) (outcome, error) {
	if err := w.begin(); err != nil {
		return outcome{}, err
	}
	crashed := false
	for try := 0; ; try++ {
		o := w.child.run(ctx, args...)
		crashed = crashed || o.crashed
		o.crashed = crashed // in any of the tries
		w.record.PeakMemory = max(w.record.PeakMemory, o.peak)
		w.result.PeakMemory = max(w.result.PeakMemory, o.peak)
		switch {
		case ctx.Err() != nil:
			return o, ctx.Err()
		case o.killed && w.crowded:
			return o, errCrowded
		case o.status != statusFailed || try >= w.job.Retries:
			return o, nil
		}
		w.result.Retries++
		select {
		case <-ctx.Done():
			return o, ctx.Err()
		case <-time.After(time.Second << try):
		}
	}
}

// inputs returns the files of a model with their digests; none if that fails.
// known is what the record has of them, and is brought up to date.
func (w *worker) inputs(ctx context.Context, model string, known *[]FileState) ([]FileState, error) {
	if list := *known; len(list) > 0 && filepath.Base(list[0].Path) == filepath.Base(model) &&
		!slices.ContainsFunc(list, func(f FileState) bool { return !f.unchanged() }) {
		return list, nil
	}
	*known = nil
	o, err := w.run(ctx, InputsCommand, dashed(model), "--json", "--quiet")
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		w.fail(o.status, o.err)
		return nil, nil
	}
	var files []FileState
	if err := json.Unmarshal(o.stdout, &files); err != nil || len(files) == 0 {
		return nil, fmt.Errorf("%s printed %q", InputsCommand, o.stdout)
	}
	*known = files
	return files, nil
}

// step does a step unless it is done. It reports whether the job goes on.
func (w *worker) step(ctx context.Context, step string, from *sources) (bool, error) {
	fingerprint, err := w.job.fingerprint(step, w.cfg.Tool, from, w.shared)
	if err != nil {
		return false, err
	}
	s := w.record.settled(step, fingerprint, w.cfg.RetryFailed)
	if s == nil {
		if s, err = w.attempt(ctx, step, fingerprint, from.model); err != nil {
			return false, err
		}
	}
	w.result.add(step, s)
	partial := step == stepProtect && s.Status == statusTarget && len(s.Outputs) > 0
	return s.State == stateDone || partial, nil
}

// attempt does a step and records what came of it.
func (w *worker) attempt(ctx context.Context, step, fingerprint string, inputs []FileState) (*stepRecord, error) {
	j, r := w.job, w.record
	if w.result.State == Unchanged {
		w.result.State = Done
	}
	paths := j.stepOutputs(step, inputs)
	replace, err := w.claim(paths)
	if err != nil {
		return nil, err
	}
	before := r.Steps[step]
	unclean := before != nil && before.Unclean
	host, _ := os.Hostname()
	s := &stepRecord{Fingerprint: fingerprint, State: stateStarted, Unclean: true, Started: time.Now().UTC(), Host: host}
	r.Model, r.Steps[step] = j.Model, s
	switch step {
	case stepProtect:
		delete(r.Steps, stepVerify)
		if a := r.Steps[stepAttack]; a != nil {
			a.State = stateStarted // what it noted is of use if the locked model comes out the same
		}
	case stepAttack:
		if before == nil || before.Fingerprint != fingerprint {
			// What is noted there is of other attacks.
			if err := os.Remove(j.notes()); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	if err := r.write(j); err != nil {
		return nil, err
	}
	args := append(j.stepArgs(step, w.child.threads), "--json", "--quiet")
	if (replace || unclean) && step != stepAttack {
		args = append(args, "--force")
	}
	o, err := w.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	s.Seconds = time.Since(s.Started).Seconds()
	s.State, s.Status = stateDone, o.status
	if o.err != nil {
		s.State, s.Error, s.Hint = stateFailed, o.err.Error(), hint.Of(o.err)
		s.Unclean = unclean || o.crashed
	} else {
		s.Unclean = false
	}
	if json.Valid(o.stdout) {
		s.Result = o.stdout
		if err := w.outputs(step, s, paths[:min(len(paths), 2)], inputs); err != nil {
			return nil, err
		}
	}
	return s, r.write(j)
}

// stepOutputs returns the files that a step writes, as far as that can be told
// beforehand. In another folder than the model's, its external data keeps its
// names.
func (j *Job) stepOutputs(step string, inputs []FileState) []string {
	switch {
	case step == stepVerify && j.Report != "":
		return []string{j.Report}
	case step != stepProtect:
		return nil
	}
	paths := []string{j.Output, j.Key}
	from, to := filepath.Dir(j.Model), filepath.Dir(j.Output)
	if sameFolder(from, to) {
		return paths
	}
	for _, f := range inputs[1:] {
		if name, err := filepath.Rel(absolute(from), absolute(f.Path)); err == nil {
			paths = append(paths, filepath.Join(to, name))
		}
	}
	return paths
}

func sameFolder(a, b string) bool {
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	return erra == nil && errb == nil && os.SameFile(ia, ib)
}

// absolute makes a path absolute, if the working directory is known.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// claim makes sure that files to be written are absent or ours, and reports
// whether there are any to replace. If there are none, the step does not
// replace any: a file that another model's job writes at the same time is safe.
func (w *worker) claim(paths []string) (replace bool, err error) {
	for _, path := range paths {
		ours := slices.ContainsFunc(w.record.Ours, func(p string) bool { return absolute(p) == absolute(path) })
		_, err := os.Lstat(path)
		there := err == nil
		if there && !ours && !w.cfg.Force {
			return false, hint.With(fmt.Errorf("%s %w and is not of an earlier run for this model", path, atomicfile.ErrExists),
				"choose another output in the manifest, or replace it with --force")
		}
		replace = replace || there
		if !ours {
			w.record.Ours = append(w.record.Ours, path)
		}
	}
	return replace, nil
}

// outputs records what a step wrote, and makes sure that the model was the one
// that the fingerprint is of.
func (w *worker) outputs(step string, s *stepRecord, paths []string, inputs []FileState) error {
	if step == stepProtect {
		var printed struct {
			SHA256 struct {
				Original string `json:"original"`
			} `json:"sha256"`
			Files []string `json:"files"`
		}
		if err := json.Unmarshal(s.Result, &printed); err != nil {
			return err
		}
		if printed.SHA256.Original != inputs[0].SHA256 {
			return fmt.Errorf("%s changed while it was worked on", w.job.Model)
		}
		for _, name := range printed.Files[min(1, len(printed.Files)):] {
			paths = append(paths, filepath.Join(filepath.Dir(w.job.Output), filepath.FromSlash(name)))
		}
	}
	s.Outputs = nil
	for _, path := range paths {
		f, err := Stat(path)
		if err != nil {
			return fmt.Errorf("after %s: %w", step, err)
		}
		s.Outputs = append(s.Outputs, f)
	}
	return nil
}

// close closes the log.
func (w *worker) close() {
	if c, ok := w.child.log.(io.Closer); ok {
		c.Close()
	}
}
