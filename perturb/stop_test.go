package perturb

import (
	"context"
	"errors"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// TestStopped: a search that is stopped returns what it has found, with the measure of that.
func TestStopped(t *testing.T) {
	m, set := demo(t, dataset.Train, 400)
	whole, err := Search(t.Context(), m, set, Options{Target: 0.02, MaxParams: 12})
	var missed *TargetError
	if err != nil && !errors.As(err, &missed) {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	why := errors.New("enough")
	r, err := Search(ctx, m, set, Options{Target: 0.02, MaxParams: 12, Progress: func(p Progress) {
		if p.Changed == 1 {
			stop(why)
		}
	}})
	if !errors.As(err, &missed) || missed.Stopped != why || !errors.Is(err, ErrTarget) {
		t.Fatalf("the error is %v", err)
	}
	if len(r.Changes) != 1 || len(whole.Changes) > 0 && r.Changes[0].Tensor == "" {
		t.Errorf("changes %v", r.Changes)
	}
	if q := accuracyOf(t, m, set, r.Changes, nil); q != r.Locked.Quality || missed.Reached != q || missed.Changed != 1 {
		t.Errorf("the accuracy is %v, the result says %v and the error %v after %d", q, r.Locked.Quality, missed.Reached, missed.Changed)
	}
}

// TestStoppedLate: a search that is at the target when it is stopped, and only looks for
// fewer changes, has no error.
func TestStoppedLate(t *testing.T) {
	m, set := demo(t, dataset.Train, 400)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	r, err := Search(ctx, m, set, Options{Progress: func(p Progress) {
		if p.Accuracy <= p.Target {
			stop()
		}
	}})
	if err != nil || r.Locked.Quality > r.Target {
		t.Errorf("%v, %v", r, err)
	}
}

// TestStoppedAtOnce: there is no result where nothing was measured.
func TestStoppedAtOnce(t *testing.T) {
	m, set := demo(t, dataset.Train, 64)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r, err := Search(ctx, m, set, Options{})
	var missed *TargetError
	if r != nil || !errors.As(err, &missed) || !errors.Is(missed.Stopped, context.Canceled) {
		t.Errorf("%v, %v", r, err)
	}
}

// TestPlateau: a search is stuck when the objective has not fallen for some rounds.
func TestPlateau(t *testing.T) {
	p := plateau{lowest: 1}
	for i := range patience {
		if p.flat(0.9 - 0.01*float64(i)) {
			t.Fatal("stuck while the objective falls")
		}
	}
	lowest := p.lowest
	for i := range patience {
		if got := p.flat(lowest - 0.9*progress*float64(i)/patience); got != (i == patience-1) {
			t.Errorf("round %d without progress: %v", i+1, got)
		}
	}
}

// TestHopeless: what the first samples of a block say is no reason to give a set of changes
// up if they are all of one class, and others are to come.
func TestHopeless(t *testing.T) {
	score := func(labels ...int) task.Score {
		tally := task.Classification{}.NewTally()
		logits := nd.New(nd.Float32, len(labels), 3)
		truth := nd.New(nd.Int64, len(labels))
		for i, label := range labels {
			logits.Float32s()[3*i+1] = 1 // the answer is always 1
			truth.Int64s()[i] = int64(label)
		}
		if err := tally.Add([]nd.Array{logits}, truth); err != nil {
			t.Fatal(err)
		}
		return tally.Score()
	}
	several, one := score(0, 1, 1, 2), score(1, 1, 1, 1)
	right := score(1, 1, 1)
	for _, c := range []struct {
		before task.Score
		want   bool
	}{{several, false}, {one, true}} {
		s := &minimal{search: &search{opt: Options{Task: task.Classification{}}}}
		s.result.Before = c.before
		if got := s.hopeless(right, 3); got != c.want {
			t.Errorf("three right answers of one class: hopeless %v, want %v", got, c.want)
		}
		if got := s.outOfReach(right, 3, 20); got != c.want {
			t.Errorf("three right answers of one class: out of reach %v, want %v", got, c.want)
		}
	}
}
