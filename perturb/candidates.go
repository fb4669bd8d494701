package perturb

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// candidate is a change under consideration.
type candidate struct {
	site
	bound         // new
	gain  float64 // estimated or measured fall of the objective
}

// found are the best k single changes after a set of changes.
type found struct {
	list []candidate
	k    int
}

// round returns the best k single changes, evaluated on all blocks. There are none if no
// parameter has a gradient. A set that it has been asked for before is not evaluated again:
// exchanging the last change leads back to the set that it was added to.
func (s *minimal) round(ctx context.Context, k int) ([]candidate, error) {
	id := s.identity()
	if before, ok := s.blocks.seen[id]; ok && before.k == k {
		return slices.Clone(before.list), nil
	}
	list, err := s.extended(ctx, k)
	if err == nil {
		s.blocks.seen[id] = found{slices.Clone(list), k}
	}
	return list, err
}

// extended is round for a set that is new.
func (s *minimal) extended(ctx context.Context, k int) ([]candidate, error) {
	began := s.meter.Work()
	list, err := s.shortlist(ctx)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if s.without.Evaluation {
		return best(list, k), nil
	}
	list, n, err := s.blocks.halve(ctx, list, k)
	s.result.Evaluations += n
	s.took.rounds++
	s.took.work += s.meter.Work() - began
	return list, err
}

// took is the work of rounds of exact evaluation.
type took struct {
	rounds int
	work   int64
}

// each returns the mean of a round.
func (t took) each() float64 { return float64(t.work) / float64(max(t.rounds, 1)) }

// best returns the k candidates with the largest gain, ties in a fixed order.
func best(list []candidate, k int) []candidate {
	slices.SortStableFunc(list, candidate.compare)
	return list[:min(k, len(list))]
}

// compare orders candidates by gain, the largest first.
func (c candidate) compare(d candidate) int {
	return cmp.Or(cmp.Compare(d.gain, c.gain), cmp.Compare(c.tensor, d.tensor), cmp.Compare(c.index, d.index))
}

// shortlisted is the number of candidates of all tensors that are evaluated, represented the
// largest number of tensors of which the best is.
const (
	shortlisted = 32
	represented = 48
)

// shortlist returns the candidates with the largest first-order gain: the best of all
// tensors, and those that are the best of theirs. The estimate is least reliable where steps
// are long, so that tensors get a chance, and long steps whose effect other things tell.
func (s *minimal) shortlist(ctx context.Context) ([]candidate, error) {
	byTensor, err := s.steepest(ctx)
	if err != nil {
		return nil, err
	}
	var first []candidate
	for _, top := range byTensor {
		first = append(first, top[0])
	}
	long, err := s.probe()
	if err != nil {
		return nil, err
	}
	most := s.breadth()
	steep := best(slices.Concat(byTensor...), min(shortlisted, most))
	return union(steep, slices.Concat(best(first, min(represented, most)), best(long, min(swampingLater, most)), s.shifts(most))), nil
}

// breadth returns the most candidates of a kind that a round may evaluate. Where samples take
// much of the work that is left, these are fewer, so that there is work for enough rounds.
func (s *minimal) breadth() int {
	block := float64(s.once) / float64(s.samples.Len()) * float64(s.blocks.list[0].truth.Shape[0])
	left := s.work - float64(s.meter.Work())
	return int(min(max(fewestOfKind, left/(max(s.needed, leastRounds)*evaluated*block)), represented))
}

// leastRounds is the number of rounds that there is to be work for at any time. Each evaluates
// fewestOfKind candidates of a kind at least, and of the four kinds together a candidate takes
// about evaluated blocks.
const (
	leastRounds  = 4
	evaluated    = 6
	fewestOfKind = 12
)

// steepest returns the candidates of each tensor with the largest first-order gain, for the
// tensors that have any.
func (s *minimal) steepest(ctx context.Context) (byTensor [][]candidate, err error) {
	err = s.blocks.gradients(ctx, func(name string, g []float32) {
		a, _ := s.weights.Array(name)
		if top := s.scores(name, a.Float32s(), g); len(top) > 0 {
			byTensor = append(byTensor, top)
		}
	})
	s.result.GradientPasses++
	return byTensor, err
}

// union returns the candidates of both lists once each, by tensor, index and value.
func union(a, b []candidate) []candidate {
	list := slices.Concat(a, b)
	slices.SortFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.tensor, b.tensor), cmp.Compare(a.index, b.index), cmp.Compare(a.value, b.value))
	})
	return slices.CompactFunc(list, func(a, b candidate) bool { return a.site == b.site && a.value == b.value })
}

// scores returns the best 32 candidates of a tensor by gradient × step.
func (s *search) scores(name string, w, g []float32) []candidate {
	r := s.bounds[name]
	var top []candidate
	worst := 0.0
	for i, x := range w {
		to := r.low
		if g[i] < 0 { // the objective is to fall
			to = r.high
		}
		gain := -float64(g[i]) * float64(to.value-x)
		if !(gain > worst) || math.IsInf(gain, 0) || s.changed[site{name, i}] {
			continue
		}
		top = append(top, candidate{site{name, i}, to, gain})
		if len(top) >= 256 {
			top = best(top, 32)
			worst = top[31].gain
		}
	}
	return best(top, 32)
}
