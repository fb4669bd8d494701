package batch

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/batch/objects"
	"github.com/advparams/advparams/internal/exitcode"
)

// Config says how to run jobs.
type Config struct {
	// Command is the advparams program and its first arguments, if any.
	Command []string
	// Tool identifies the program. Work that another program did is done again.
	Tool string
	// Workers is the largest number of models at a time; 0 means one per core.
	Workers int
	// Resources are shared among the models.
	Resources Resources
	// RetryFailed tries models again that failed with a status other than 1.
	RetryFailed bool
	// Force replaces outputs that no earlier run wrote.
	Force bool
	// Store has the objects at URLs; it may be nil if there are none. Scratch is a
	// folder for copies of objects (OpenScratch). Copies of data sets take up to
	// CacheSize; 0 means no limit.
	Store     objects.Store
	Scratch   string
	CacheSize Size
	// Hint, if not nil, returns what can be done about an error, for
	// [Result.Hint]. Otherwise that is what the error's own method Hint returns.
	Hint func(error) string
	// Progress, if not nil, is called when a model is done or has to wait, one call
	// at a time.
	Progress func(Progress)
}

// poll is the time between attempts to take a model that another run works on.
const poll = time.Second

// Run does the jobs and returns the result of each. When ctx ends, Run begins no
// more jobs, tells running steps to stop, and returns when they have. Jobs may
// fail; Run itself does not.
func Run(ctx context.Context, jobs []*Job, cfg Config) *Summary {
	s := newScheduler(ctx, jobs, &cfg)
	start := time.Now()
	s.loop(ctx)
	sum := summarise(s.results(jobs))
	sum.Seconds = time.Since(start).Seconds()
	return sum
}

// task is a job to be scheduled.
type task struct {
	job    *Job
	memory int64     // estimate in bytes
	alone  bool      // no other task may run at the same time
	after  time.Time // earliest start, if another run held the job; else zero
}

// ended is a task that has run.
type ended struct {
	task   *task
	result *Result
	err    error // heldError or errCrowded: the task has to run again; else nil
}

// scheduler starts tasks while there are workers and memory for them. The task
// that needs the most memory goes first, and smaller ones run beside it as far as
// they fit. A task that needs more memory than there is runs alone.
type scheduler struct {
	cfg     *Config
	shared  contents
	tracker *tracker
	done    map[*Job]*Result

	pending []*task
	running map[*task]bool
	back    chan ended
}

func newScheduler(ctx context.Context, jobs []*Job, cfg *Config) *scheduler {
	if cfg.Resources.Cores < 1 {
		cfg.Resources.Cores = 1
	}
	if cfg.Workers < 1 {
		cfg.Workers = cfg.Resources.Cores
	}
	s := &scheduler{cfg: cfg, tracker: newTracker(jobs, time.Now), done: map[*Job]*Result{}, running: map[*task]bool{}, back: make(chan ended)}
	s.shared.cache = newCache(ctx, cfg.Store, filepath.Join(cfg.Scratch, "data"), cfg.CacheSize)
	var g errgroup.Group
	g.SetLimit(fetches)
	for _, j := range bySize(jobs) {
		t := &task{job: j}
		s.pending = append(s.pending, t)
		g.Go(func() error {
			r, err := j.readRecord(ctx, cfg.Store)
			if err != nil {
				r = &record{} // the error comes up again when the job runs
			}
			t.memory = j.estimate(r)
			return nil
		})
	}
	_ = g.Wait()
	slices.SortStableFunc(s.pending, func(a, b *task) int { return cmp.Compare(b.memory, a.memory) })
	return s
}

// loop runs all tasks.
func (s *scheduler) loop(ctx context.Context) {
	for len(s.pending)+len(s.running) > 0 {
		if ctx.Err() != nil && len(s.running) == 0 {
			return
		}
		for ctx.Err() == nil {
			t := s.next(time.Now())
			if t == nil {
				break
			}
			s.start(ctx, t)
		}
		select {
		case e := <-s.back:
			s.finish(e)
		case <-s.wake(ctx):
		}
	}
}

// wake returns a channel that fires when waiting tasks may be ready. It returns nil
// if only the end of a running task can change anything.
func (s *scheduler) wake(ctx context.Context) <-chan time.Time {
	if ctx.Err() != nil && len(s.running) > 0 || !slices.ContainsFunc(s.pending, func(t *task) bool { return !t.after.IsZero() }) {
		return nil
	}
	return time.After(poll / 4)
}

// next removes the first task that can start now from those pending and returns it;
// nil if there is none.
func (s *scheduler) next(now time.Time) *task {
	if len(s.running) >= s.cfg.Workers {
		return nil
	}
	var used int64
	for t := range s.running {
		if t.alone {
			return nil
		}
		used += t.memory
	}
	most := int64(s.cfg.Resources.Memory)
	for i, t := range s.pending {
		if now.Before(t.after) {
			continue
		}
		fits := !t.alone && (most <= 0 || used+t.memory <= most)
		if len(s.running) > 0 && !fits {
			continue
		}
		t.alone = t.alone || most > 0 && t.memory > most
		s.pending = slices.Delete(s.pending, i, i+1)
		return t
	}
	return nil
}

// start runs a task in a goroutine.
func (s *scheduler) start(ctx context.Context, t *task) {
	// The cores are divided among the models that will run at a time.
	share := min(s.cfg.Workers, len(s.running)+1+len(s.pending))
	if t.alone {
		share = 1
	}
	threads := max(s.cfg.Resources.Cores/share, 1)
	s.running[t] = true
	s.tracker.begin()
	go func() {
		r, err := do(ctx, s.cfg, &s.shared, t.job, threads, !t.alone && s.cfg.Workers > 1)
		s.back <- ended{t, r, err}
	}()
}

// finish takes in a task that has run, and reports progress.
func (s *scheduler) finish(e ended) {
	delete(s.running, e.task)
	var p Progress
	switch {
	case e.err == nil:
		s.done[e.task.job] = e.result
		p = s.tracker.end(e.task.job, e.result)
	case errors.Is(e.err, errCrowded):
		e.task.alone = true
		s.pending = append(s.pending, e.task)
		p = s.tracker.postpone(e.task.job, e.err)
	default:
		first := e.task.after.IsZero()
		pause := poll
		if objects.IsURL(e.task.job.Output) {
			// A random pause keeps runs that want the same model out of step.
			pause = 5*poll + rand.N(5*poll)
		}
		e.task.after = time.Now().Add(pause)
		s.pending = append(s.pending, e.task)
		p = s.tracker.postpone(e.task.job, e.err)
		if !first {
			return
		}
	}
	if s.cfg.Progress != nil {
		s.cfg.Progress(p)
	}
}

// results returns the results in the order of the jobs.
func (s *scheduler) results(jobs []*Job) []*Result {
	list := make([]*Result, len(jobs))
	for i, j := range jobs {
		list[i] = s.done[j]
		if list[i] == nil {
			list[i] = newResult(j)
			list[i].State, list[i].Status, list[i].Retryable = Waiting, exitcode.Failed, true
		}
	}
	return list
}
