package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/guard"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/onnxio/atomicfile"
)

// worker does one job while it holds the job's lock.
type worker struct {
	cfg     *Config
	shared  *contents
	job     *Job
	record  *record
	child   *child
	state   *os.Root // the state folder; nil if outputs are in object storage
	stage   *stage
	result  *Result
	crowded bool // other jobs run at the same time
}

// errCrowded says that a job was killed while others ran. It gets another try with
// all of the memory.
var errCrowded = errors.New("killed beside other jobs")

// do does a job and returns its result. The error is nil, errCrowded or a heldError.
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
	return hint.Of(err)
}

// fail makes the result a failure.
func (w *worker) fail(status int, err error) {
	r := w.result
	r.State, r.Status, r.Retryable = Failed, status, exitcode.Retryable(status)
	r.Error, r.Hint = err.Error(), w.hint(err)
}

// makeFolder makes a folder and its parents, durably: a key in it is no way back if the
// folder is lost.
func makeFolder(dir string) error {
	var made atomicfile.Set
	defer made.Abort()
	if err := made.MkdirAll(dir); err != nil {
		return err
	}
	return made.Commit()
}

// locked takes the job's lock and does the job. An error is not in the result yet.
func (w *worker) locked(ctx context.Context, threads int) error {
	j := w.job
	for _, path := range []string{j.Output, j.Key, j.Report} {
		if path == "" || objects.IsURL(path) {
			continue
		}
		if err := makeFolder(filepath.Dir(path)); err != nil {
			return err
		}
	}
	var file *os.File
	if path := j.state(".lock"); !objects.IsURL(path) {
		var err error
		if w.state, err = j.openState(true); err != nil {
			return err
		}
		defer w.state.Close()
		l, err := acquire(w.state, baseOf(path), &w.shared.locks)
		if err != nil {
			return err
		}
		defer l.release()
		file = l.file
		atomicfile.Sweep(w.state) // a run that was killed may have been writing its last record
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
		return &heldError{owner: owner{Host: "?"}}
	}
	return err
}

// work does the job. lock is the open lock file; nil if the lock is an object.
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
	if err := w.clear(); err != nil { // what a killed run left
		return err
	}
	defer w.clear()
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

// begin makes the log and the folder for temporary files, before the first step.
func (w *worker) begin() error {
	if w.child.log != nil {
		return nil
	}
	var err error
	if w.job.Remote() {
		err = os.MkdirAll(w.child.scratch, 0o700)
	} else {
		err = w.state.Mkdir(filepath.Base(w.child.scratch), 0o700)
	}
	if err != nil {
		return err
	}
	var log *os.File
	if w.state != nil {
		log, err = guard.Create(w.state, baseOf(w.job.Log()), 0o666)
	} else {
		log, err = os.Create(w.logFile())
	}
	if err != nil {
		return err
	}
	w.child.log = log
	w.result.Log = w.job.Log()
	return nil
}

// clear removes the folder for temporary files.
func (w *worker) clear() error {
	if w.job.Remote() {
		return os.RemoveAll(w.child.scratch)
	}
	return w.state.RemoveAll(filepath.Base(w.child.scratch))
}

// logFile returns the file that the log is written to. The log of outputs in
// object storage is uploaded at the end.
func (w *worker) logFile() string {
	if path := w.job.Log(); !objects.IsURL(path) {
		return path
	}
	return filepath.Join(w.child.scratch, "log")
}

// run has a child process do a step of the job. A step that fails for reasons that
// may go away is repeated, as often as the job allows. The error is errCrowded, or
// that of ctx.
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

// inputs returns the files of a model with their digests. It returns none if that
// fails; the reason is then in the result, or is the error. known has the files in
// the record, and is brought up to date.
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

// step does a step unless it is done already. It reports whether the job goes on.
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

// attempt does a step and records its outcome.
func (w *worker) attempt(ctx context.Context, step, fingerprint string, from *sources) (*stepRecord, error) {
	j, r := w.job, w.record
	if w.result.State == Unchanged {
		w.result.State = Done
	}
	paths := j.stepOutputs(step, from.model)
	keyIsOurs := w.isOurs(j.Key)
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
			a.State = stateStarted // its notes are good again if the locked model comes out the same
		}
	case wire.StepAttack:
		if before == nil || before.Fingerprint != fingerprint {
			// The notes are those of other attacks.
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
	if request.Protect != nil {
		request.Protect.KeepOldKey = request.Force
	}
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
			if keyIsOurs && p.OldKey != "" {
				// It opened a locked model that this one replaces, and the original is there.
				os.Remove(p.OldKey)
			}
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

// close closes the log, and uploads it if it belongs in object storage.
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
