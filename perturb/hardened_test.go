package perturb

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient/kernel"
)

func TestHardenedDemo(t *testing.T) {
	m, train := demo(t, dataset.Train, 512)
	workers := kernel.NewWorkers(2)
	defer workers.Close()
	opt := HardenedOptions{Options: Options{Workers: workers, Calibration: 128}}
	first, err := Hardened(context.Background(), m, train, opt)
	if err != nil {
		t.Fatal(err)
	}
	most := int(DefaultBudget * float64(first.Total))
	if n := len(first.Changes); n > most || n < most*3/4 || n%2 != 0 {
		t.Errorf("%d changes of at most %d", n, most)
	}
	if first.Before < 0.9 || first.Locked > first.Target {
		t.Errorf("accuracy %.3f → %.3f, target %.3f", first.Before, first.Locked, first.Target)
	}
	names, changed := first.PerTensor()
	if len(names) < 5 {
		t.Errorf("changes in %q only", names)
	}
	for _, name := range names {
		if a := m.Lookup(name); len(a.Dims) < 2 {
			t.Errorf("%d changes in %s, which is no layer's weight", changed[name], name)
		}
	}
	// Of the first layer nothing is left where it was, unless it is of two equal values.
	front := m.Proto().GetGraph().GetNode()[0].GetInput()[1]
	if n := m.Lookup(front).Len(); changed[front] < n*9/10 {
		t.Errorf("%d of %d elements of %s are changed", changed[front], n, front)
	}
	moved := map[site]bool{}
	var old, now []uint64
	for _, c := range first.Changes {
		if at := (site{c.Tensor, c.Index}); moved[at] {
			t.Errorf("%s[%d] is moved twice", c.Tensor, c.Index)
		} else {
			moved[at] = true
		}
		if m.Lookup(c.Tensor).Bits(c.Index) != c.Old {
			t.Errorf("%s[%d]: old bits %#x are not those of the file", c.Tensor, c.Index, c.Old)
		}
	}
	// The values of each tensor are the same as a whole.
	for _, name := range names {
		old, now = old[:0], now[:0]
		for _, c := range first.Changes {
			if c.Tensor == name {
				old, now = append(old, c.Old), append(now, c.New)
			}
		}
		slices.Sort(old)
		slices.Sort(now)
		if !slices.Equal(old, now) {
			t.Errorf("the values of %s are not a permutation", name)
		}
	}
	_, test := demo(t, dataset.Test, 512)
	if locked := accuracyOf(t, m, test, first.Changes, workers); locked > 0.125 {
		t.Errorf("test accuracy of the locked model is %.4f; chance is 0.0625", locked)
	}
	opt.Workers = nil
	second, err := Hardened(context.Background(), m, train, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Changes, second.Changes) {
		t.Error("two runs differ")
	}
}

func TestHardenedLimits(t *testing.T) {
	m, train := demo(t, dataset.Train, 128)
	ctx := context.Background()
	small := Options{Calibration: 64}
	r, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Budget: 0.0001})
	if !errors.Is(err, ErrTarget) || r == nil || len(r.Changes) == 0 || len(r.Changes) > 4 {
		t.Errorf("4 parameters: %+v, %v", r, err)
	}
	if _, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Spread: 1.5}); err == nil {
		t.Error("more than the budget is spread")
	}
	for _, budget := range []float64{-1, 1.5, 1e-9} {
		if _, err := Hardened(ctx, m, train, HardenedOptions{Options: small, Budget: budget}); err == nil || errors.Is(err, ErrTarget) {
			t.Errorf("budget %v: %v", budget, err)
		}
	}
	stopped, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Hardened(stopped, m, train, HardenedOptions{Options: small}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
