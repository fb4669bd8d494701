package perturb

import (
	"errors"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/task"
)

// TestWeak: a classifier that is hardly right more often than guesses is not locked by its
// labels; one that is right under other numbers is said to be. One that is weak, but not by
// luck, is locked.
func TestWeak(t *testing.T) {
	m, set := demo(t, dataset.Train, 320)
	relabelled := func(f func(i, label int) int) *dataset.Set {
		labels := make([]int, set.Len())
		for i, label := range set.Labels() {
			labels[i] = f(i, label)
		}
		return set.WithLabels(labels)
	}
	for _, c := range []struct {
		name   string
		labels func(i, label int) int
		check  func(err error) bool
	}{
		{"few more right than by guesses", func(i, label int) int {
			if i%40 == 0 {
				return label
			}
			return (i * 7) % 16
		}, func(err error) bool {
			e, ok := errors.AsType[*WeakError](err)
			return ok && e.Samples == 320 && e.Accuracy > e.Chance && e.Accuracy < 0.12
		}},
		{"other numbers", func(_, label int) int { return (label + 5) % 16 }, func(err error) bool {
			e, ok := errors.AsType[*OrderError](err)
			return ok && e.Accuracy < 0.05 && e.Renamed > 0.9 && e.Renamed <= 1
		}},
		{"nothing right", func(i, label int) int {
			if k := (i * 7) % 16; k != label {
				return k
			}
			return (label + 1) % 16
		}, func(err error) bool { _, ok := errors.AsType[*UselessError](err); return ok }},
	} {
		r, err := Search(t.Context(), m, relabelled(c.labels), Options{})
		if r != nil || !c.check(err) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	weak := relabelled(func(i, label int) int {
		if i%4 == 0 {
			return label
		}
		return (i * 7) % 16
	})
	r, err := Search(t.Context(), m, weak, Options{})
	if err != nil || !Weak(r.Before) || r.Locked.Quality > r.Locked.Useless() {
		t.Errorf("a quarter right: %v, %v", r, err)
	}
	few := set.Subset([]int{0, 1, 2, 3, 4})
	if _, err := Search(t.Context(), m, few, Options{Task: task.Classification{}}); !errors.As(err, new(*SamplesError)) {
		t.Errorf("five samples: %v", err)
	}
}

// TestUselessMessage: what is too much the same depends on whether there are classes.
func TestUselessMessage(t *testing.T) {
	alike := task.Score{Chance: 0.95, Quality: 0.96, Metrics: []task.Metric{{Name: "cosine", Value: 1, Useless: 0.5}}}
	classes := alike
	classes.Classes = []task.Class{{Samples: 1}}
	for want, s := range map[string]task.Score{"outputs of different samples are too alike for the task x": alike, "nearly all labels are the same": classes} {
		if got := (&UselessError{Model: "m", Task: "x", Score: s}).Error(); !strings.Contains(got, want) {
			t.Errorf("%q, want %q in it", got, want)
		}
	}
}
