package minimal

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/samples"
)

// A search with few samples can fit them, one by one: changes of the rows of a table of
// embeddings, or of weights of some pixels, act on these samples and on no others like them.
// Samples that are put together from two of them each show that.

const (
	fewGiven      = 256     // samples of which all are looked at when changes are chosen
	mostCrossed   = 256     // samples to judge with
	crossedFloats = 1 << 24 // numbers that they may have, unless the samples themselves have more
	crossedRounds = 4       // of going on with crossed samples that the lock does not hold on
)

// crossedFamily is the name of the samples.
const crossedFamily = "samples put together from two each"

// holdCrossed makes the lock hold on samples that are put together from those of the search, if
// these are few. The error is a *MadeUpError if most is left there in the end.
func (l *Lock) holdCrossed(ctx context.Context) error {
	if l.from.Data.MadeUp || !l.Samples.AskOriginal || l.Samples.Set.Len() > fewGiven {
		return nil
	}
	err := l.hold(ctx, crossedRounds, func(round int, judge func(string, *samples.Prepared) error) error {
		set, err := crossed(l.Samples.Set, l.Samples.Look.Inputs, l.from.Data.SeedOr(1)+uint64(round))
		if set == nil || err != nil {
			return err
		}
		l.see.Report("judging on other samples", round, crossedRounds, crossedFamily)
		q, err := l.Samples.Asked(ctx, l.m, set, l.w)
		if err != nil {
			return nil // the model does not take such samples
		}
		if q.Varied(l.m) != nil {
			return nil
		}
		return judge(crossedFamily, q)
	})
	var left *MadeUpError
	if errors.As(err, &left) && !slices.ContainsFunc(left.Families, func(f FamilyScore) bool { return f.Agreement > samples.Intact }) {
		return nil
	}
	return err
}

// crossed returns samples that have one part from a sample and the rest from another, cut at the
// same share of the longest axis of each input; nil if no input can be cut.
func crossed(set *dataset.Set, inputs []gradient.Input, seed uint64) (*dataset.Set, error) {
	rng := rand.New(rand.NewPCG(seed, 0x63726f7373))
	one, err := set.Batch(0, 1)
	if err != nil {
		return nil, err
	}
	size := 1
	for _, x := range one {
		size += x.Len()
	}
	if set.Len() < 2 {
		return nil, nil
	}
	n := max(set.Len(), min(mostCrossed, crossedFloats/size))
	rows, partner, share := make([]int, n), make([]int, n), make([]float64, n)
	for i := range n {
		rows[i] = i % set.Len()
		partner[i] = (i + 1 + rng.IntN(set.Len()-1)) % set.Len()
		share[i] = 0.25 + 0.5*rng.Float64()
	}
	set = set.Subset(rows)
	batch, err := set.Batch(0, n)
	if err != nil {
		return nil, err
	}
	arrays := map[string]nd.Array{}
	for _, in := range inputs {
		x, ok := batch[in.Name]
		if axis := longest(x.Shape); ok && axis > 0 {
			if y, ok := spliced(x, axis, partner, share); ok {
				arrays[in.Name] = y
			}
		}
	}
	if len(arrays) == 0 {
		return nil, nil
	}
	return set.WithInputs(arrays), nil
}

// longest returns the longest axis after the first; 0 if none can be cut.
func longest(shape []int) (axis int) {
	for k := 1; k < len(shape); k++ {
		if shape[k] > 1 && (axis == 0 || shape[k] > shape[axis]) {
			axis = k
		}
	}
	return axis
}

// spliced returns an array whose rows have the elements behind a share of an axis from the rows of
// others.
func spliced(x nd.Array, axis int, partner []int, share []float64) (nd.Array, bool) {
	switch data := x.Data.(type) {
	case []float32:
		return nd.Of(splice(data, x.Shape, axis, partner, share), x.Shape...), true
	case []int64:
		return nd.Of(splice(data, x.Shape, axis, partner, share), x.Shape...), true
	}
	return x, false
}

func splice[T any](x []T, shape []int, axis int, partner []int, share []float64) []T {
	out := slices.Clone(x)
	inner, length := nd.Size(shape[axis+1:]), shape[axis]
	row := nd.Size(shape[1:])
	for i, other := range partner {
		cut := min(max(int(share[i]*float64(length)), 1), length-1)
		for lo := 0; lo < row; lo += length * inner {
			a, b := lo+cut*inner, lo+length*inner
			copy(out[i*row+a:i*row+b], x[other*row+a:other*row+b])
		}
	}
	return out
}
