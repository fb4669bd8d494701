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

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
)

// worker does one job, holding its lock.
type worker struct {
	cfg     *Config
	shared  *contents
	job     *Job
	record  *record
	child   *child
	stage   *stage
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
	limit := &TimeoutError{time.Duration(j.Timeout)}
	if j.Timeout > 0 {
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
	case errors.Is(cause, limit):
		w.fail(exitcode.Failed, limit)
	case cause != nil:
		w.result.State = Interrupted
		w.result.Status, w.result.Retryable, w.result.Error = exitcode.Failed, true, "interrupted"
	default:
		w.fail(exitcode.Failed, err)
	}
	w.result.Seconds = time.Since(start).Seconds()
	return w.result, nil
}

// hint returns what can be done about an error.
func (w *worker) hint(err error) string {
	if w.cfg.Hint != nil {
		return w.cfg.Hint(err)
	}
	return objects.HintOf(err)
}

// fail makes the result a failure.
func (w *worker) fail(status int, err error) {
	r := w.result
	r.State, r.Status, r.Retryable = Failed, status, exitcode.Retryable(status)
	r.Error, r.Hint = err.Error(), w.hint(err)
}

// locked does the job under its lock. The error is one that is not in the
// result yet.
func (w *worker) locked(ctx context.Context, threads int) error {
	j := w.job
	for _, path := range []string{j.state(""), j.Key, j.Report} {
		if path == "" || objects.IsURL(path) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
	}
	var file *os.File
	if path := j.state(".lock"); !objects.IsURL(path) {
		l, err := acquire(path)
		if err != nil {
			return err
		}
		defer l.release()
		file = l.file
	} else {
		if w.cfg.Store == nil {
			return errNoStore(path)
		}
		held, l, err := acquireObject(ctx, w.cfg.Store, path)
		if err != nil {
			return err
		}
		defer l.release(ctx)
		ctx = held
	}
	err := w.work(ctx, threads, file)
	if context.Cause(ctx) == errLost {
		return &heldError{owner{Host: "?"}}
	}
	return err
}

// work does the job; lock is the open lock file, if it is one.
func (w *worker) work(ctx context.Context, threads int, lock *os.File) (err error) {
	j := w.job
	if w.record, err = j.readRecord(ctx, w.cfg.Store); err != nil {
		return err
	}
	scratch, err := w.folder()
	if err != nil {
		return err
	}
	w.child = &child{command: w.cfg.Command, threads: threads, scratch: scratch, lock: lock}
	w.stage = newStage(j, w.cfg.Store, filepath.Join(scratch, "stage"))
	if err := os.RemoveAll(scratch); err != nil { // of a run that was killed
		return err
	}
	defer os.RemoveAll(scratch)
	defer w.close(ctx)
	var from sources
	if from.model, err = w.inputs(ctx, j.Model, &w.record.Inputs); err != nil || from.model == nil {
		return err // else it is in the result
	}
	if !j.does(wire.StepProtect) {
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
	log, err := os.Create(w.logFile())
	w.child.log = log
	w.result.Log = w.job.Log()
	return err
}

// logFile is where the log is written to.
func (w *worker) logFile() string {
	if path := w.job.Log(); !objects.IsURL(path) {
		return path
	}
	return filepath.Join(w.child.scratch, "log")
}

// run has a child process do a step of the job, and again if that fails for
// reasons that may go away. Its error is errCrowded, or that of ctx.
func (w *worker) run(ctx context.Context, r *wire.Request) (outcome, error) {
	if err := w.begin(); err != nil {
		return outcome{}, err
	}
	r.Names = w.stage.names
	crashed := false
	for try := 0; ; try++ {
		o := w.child.run(ctx, r)
		crashed = crashed || o.crashed
		o.crashed = crashed // in any of the tries
		w.record.PeakMemory = max(w.record.PeakMemory, o.peak)
		w.result.PeakMemory = max(w.result.PeakMemory, o.peak)
		switch {
		case ctx.Err() != nil:
			return o, ctx.Err()
		case o.killed && w.crowded:
			return o, errCrowded
		case !exitcode.Retryable(o.status) || try >= w.job.Retries:
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
	if list := *known; len(list) > 0 && baseOf(list[0].Path) == baseOf(model) &&
		!slices.ContainsFunc(list, func(f FileState) bool { return !f.unchanged(ctx, w.cfg.Store) }) {
		return list, nil
	}
	*known = nil
	if ok, err := w.fetchModel(ctx, model); err != nil || !ok {
		return nil, err
	}
	o, err := w.run(ctx, &wire.Request{Inputs: &wire.Inputs{Model: w.stage.path(model)}})
	if err != nil {
		return nil, err
	}
	if o.err != nil {
		w.fail(o.status, o.err)
		return nil, nil
	}
	if len(o.response.Inputs) == 0 {
		return nil, fmt.Errorf("%s: the step found no file", model)
	}
	var files []FileState
	for _, f := range o.response.Inputs {
		files = append(files, w.stage.origin(model, FileState{Path: f.Path, Size: f.Size, Time: f.Modified, SHA256: f.SHA256}))
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
	s := w.record.settled(ctx, w.cfg.Store, step, fingerprint, w.cfg.RetryFailed)
	if s == nil {
		if s, err = w.attempt(ctx, step, fingerprint, from); err != nil {
			return false, err
		}
	}
	if err := w.result.add(step, s); err != nil {
		return false, err
	}
	partial := step == wire.StepProtect && s.Status == exitcode.Target && len(s.Outputs) > 0
	return s.State == stateDone || partial, nil
}

// attempt does a step and records what came of it.
func (w *worker) attempt(ctx context.Context, step, fingerprint string, from *sources) (*stepRecord, error) {
	j, r := w.job, w.record
	if w.result.State == Unchanged {
		w.result.State = Done
	}
	paths := j.stepOutputs(step, from.model)
	claimed, err := w.claim(ctx, paths)
	if err != nil {
		return nil, err
	}
	local, release, err := w.bring(ctx, step, from)
	if err != nil {
		return nil, err
	}
	defer release()
	before := r.Steps[step]
	unclean := before != nil && before.Unclean
	host, _ := os.Hostname()
	s := &stepRecord{Fingerprint: fingerprint, State: stateStarted, Unclean: true, Started: time.Now().UTC(), Host: host}
	r.Model, r.Steps[step] = j.Model, s
	switch step {
	case wire.StepProtect:
		delete(r.Steps, wire.StepVerify)
		if a := r.Steps[wire.StepAttack]; a != nil {
			a.State = stateStarted // what it noted is of use if the locked model comes out the same
		}
	case wire.StepAttack:
		if before == nil || before.Fingerprint != fingerprint {
			// What is noted there is of other attacks.
			if err := w.removeNotes(ctx); err != nil {
				return nil, err
			}
		} else if err := w.fetchNotes(ctx, local); err != nil {
			return nil, err
		}
	}
	if err := r.write(ctx, w.cfg.Store, j); err != nil {
		return nil, err
	}
	request := local.request(step, w.child.threads)
	request.Force = claimed.replace || unclean
	o, err := w.run(ctx, request)
	if step == wire.StepAttack {
		w.keepNotes(ctx, local)
	}
	if err != nil {
		return nil, err
	}
	s.Seconds = time.Since(s.Started).Seconds()
	s.State, s.Status = stateDone, o.status
	if o.err != nil {
		s.State, s.Error, s.Hint = stateFailed, o.err.Error(), w.hint(o.err)
		s.Unclean = unclean || o.crashed
	} else {
		s.Unclean = false
	}
	if s.Result, err = findings(step, o.response); err != nil {
		return nil, err
	}
	if s.Result != nil {
		claimed.unclean = unclean
		if p := o.response.Protect; p != nil {
			if paths, err = w.written(p, paths[:2], claimed, from.model); err != nil {
				return nil, err
			}
		}
		if err := w.outputs(ctx, step, s, paths, claimed); err != nil {
			return nil, err
		}
	}
	return s, r.write(ctx, w.cfg.Store, j)
}

// findings returns what a step found out, as records keep it; nil if nothing.
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

// stepOutputs returns the files that a step writes, as far as that can be told
// beforehand. In another folder than the model's, its external data keeps its
// names.
func (j *Job) stepOutputs(step string, inputs []FileState) []string {
	switch {
	case step == wire.StepVerify && j.Report != "":
		return []string{j.Report}
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

func sameFolder(a, b string) bool {
	if objects.IsURL(a) || objects.IsURL(b) {
		return a == b
	}
	ia, erra := os.Stat(a)
	ib, errb := os.Stat(b)
	return erra == nil && errb == nil && os.SameFile(ia, ib)
}

// absolute makes a path absolute, if the working directory is known.
func absolute(path string) string {
	if objects.IsURL(path) {
		return path
	}
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// claims are what is known of files to be written.
type claims struct {
	replace bool            // some are there, and ours
	unclean bool            // so may be some that nobody knows of
	fresh   map[string]bool // objects that are not there, and must not be when they are written
}

// claim makes sure that files to be written are absent or ours. If all are
// absent, the step does not replace any: a file that another model's job writes at
// the same time is safe.
func (w *worker) claim(ctx context.Context, paths []string) (*claims, error) {
	c := &claims{fresh: map[string]bool{}}
	for _, path := range paths {
		ours := w.isOurs(path)
		there, err := w.exists(ctx, path)
		if err != nil {
			return nil, err
		}
		if there && !ours && !w.cfg.Force {
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

func (w *worker) isOurs(path string) bool {
	return slices.ContainsFunc(w.record.Ours, func(p string) bool { return absolute(p) == absolute(path) })
}

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
// external data of the model. It makes sure that the model was the one that the
// fingerprint is of.
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

// outputs publishes and records what a step wrote.
func (w *worker) outputs(ctx context.Context, step string, s *stepRecord, paths []string, c *claims) error {
	// The model, which all else belongs to, appears last.
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

// close closes the log, and puts it into object storage if it belongs there.
func (w *worker) close(ctx context.Context) {
	c, ok := w.child.log.(io.Closer)
	if !ok {
		return
	}
	c.Close()
	if url := w.job.Log(); objects.IsURL(url) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if _, err := w.cfg.Store.Put(ctx, url, w.logFile(), false); err != nil {
			w.result.Log = ""
		}
	}
}
