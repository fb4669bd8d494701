package perturb

import (
	"context"
	"errors"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// TestStopped: a search that is stopped returns what it has found, with the measure of that.
func TestStopped(t *testing.T) {
	m, set := demo(t, dataset.Train, 400)
	whole, err := Search(t.Context(), m, set, Options{Target: 0.02})
	var missed *TargetError
	if err != nil && !errors.As(err, &missed) {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	defer stop(nil)
	why := errors.New("enough")
	r, err := Search(ctx, m, set, Options{Target: 0.02, Progress: func(p Progress) {
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
