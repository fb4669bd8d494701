package batch

import (
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
	// Command is the advparams program, with arguments that come first.
	Command []string
	// Tool identifies the program: with another one, everything is done again.
	Tool string
	// Workers is the largest number of models at a time; 0: one a core.
	Workers   int
	Resources Resources
	// RetryFailed tries models again that failed for good.
	RetryFailed bool
	// Force replaces outputs that are not of an earlier run.
	Force bool
	// Store is asked for what is at URLs; nil: there are none. Copies go to
	// Scratch, those of data sets up to CacheSize (0: all).
	Store     objects.Store
	Scratch   string
	CacheSize Size
	// Hint, if not nil, says what can be done about an error, in place of the
	// error's own method Hint.
	Hint func(error) string
	// Progress, if not nil, is called after each model, one call at a time.
	Progress func(Progress)
}

// poll is the time between attempts to get at a model that another run works on.
const poll = time.Second

// Run does the jobs and returns what came of each. When ctx ends, no more are
// begun, running commands are told to stop, and Run returns when they have. It
// does not fail: a job may.
func Run(ctx context.Context, jobs []*Job, cfg Config) *Summary {
	s := newScheduler(ctx, jobs, &cfg)
	start := time.Now()
	s.loop(ctx)
	sum := summarise(s.results(jobs))
	sum.Seconds = time.Since(start).Seconds()
	return sum
}

// task is a job on its way.
type task struct {
	job    *Job
	memory int64
	alone  bool      // to have all of the machine
	after  time.Time // not before; set when another run had it
}

// ended is a task that came back.
type ended struct {
	task   *task
	result *Result
	err    error // heldError or errCrowded: it has to go again
}

// scheduler starts tasks while there are workers and memory for them: the
// largest first, smaller ones beside it as far as they fit, and by itself what
// takes more than there is.
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
				r = &record{} // which is said when it is the job's turn
			}
			t.memory = j.estimate(r)
			return nil
		})
	}
	_ = g.Wait()
	slices.SortStableFunc(s.pending, func(a, b *task) int { return int(min(max(b.memory-a.memory, -1), 1)) })
	return s
}

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

// wake fires when there is something to look at without a task coming back.
func (s *scheduler) wake(ctx context.Context) <-chan time.Time {
	if ctx.Err() != nil && len(s.running) > 0 || !slices.ContainsFunc(s.pending, func(t *task) bool { return !t.after.IsZero() }) {
		return nil
	}
	return time.After(poll / 4)
}

// next takes the first task that can be started now; nil if there is none.
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

func (s *scheduler) start(ctx context.Context, t *task) {
	// Cores are shared among as many models as will run at a time.
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
			// Not in step with others who want the same.
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

// results returns the results in the order of jobs.
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
