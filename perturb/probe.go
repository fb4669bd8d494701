package perturb

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Networks of residual connections carry a few channels that are far larger than all others
// on every token, and normalisations keep these apart with gains near 0. One gain or weight
// at such a channel, moved within the range of its tensor, makes a vector of which it is
// nearly all: the next normalisation turns the rest into nothing. Such steps are too long
// for the gradient. The values that the model computes tell them.

// swamped is the share of a vector's energy that a change has to make, in the mean over rows
// or in one of them, to be worth trying; swamping is the number of changes that are tried.
const (
	swamped  = 0.1
	swamping = 48
)

// Of each weight, so many changes are tried: by what they make in the mean, and by what they
// make where they make most, such as at the first token, which others look at.
const (
	perReading = 2
	perSpike   = 1
)

// probedRows is the number of rows that are looked at.
const probedRows = 256

// probe returns changes that swamp what a network with normalisations carries, those that
// make the largest share of it first.
func (s *minimal) probe() ([]candidate, error) {
	if s.without.Swamp {
		return nil, nil
	}
	one := s.blocks.list[0]
	if err := one.settled(); err != nil {
		return nil, err
	}
	if err := one.hold(); err != nil {
		return nil, err
	}
	readings, err := one.program.Readings()
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(readings, scales) {
		return nil, nil // nothing is turned into nothing
	}
	var all []candidate
	for _, r := range readings {
		ends, ok := s.bounds[r.Weight]
		if !ok {
			continue
		}
		if e := effectOf(r); e != nil {
			all = append(all, s.swamping(r.Weight, ends, e)...)
		}
	}
	all = best(all, len(all))
	seen := map[site]bool{}
	all = slices.DeleteFunc(all, func(c candidate) bool {
		again := seen[c.site] || s.changed[c.site]
		seen[c.site] = true
		return again
	})
	return all[:min(len(all), swamping)], nil
}

// swampingLater is the number of such changes that are tried beside those that the gradient
// says do most.
const swampingLater = 16

// telling is the share of the objective that a change has to take away for a search to begin
// with it, without a look at the gradient.
const telling = 0.25

// attempted is the number of changes that are tried before one of them is put to the test, if it
// takes a convincing share of the objective away. probedRuns is the work that all of them may
// take, in runs over the samples.
const (
	attempted  = 16
	convincing = 0.95
	probedRuns = 2
)

// swamp tries single changes that swamp what the network carries, and reports whether one is
// at the target. If not, the search begins with the best of them, if that does much.
func (s *minimal) swamp(ctx context.Context, limit int) (reached bool, err error) {
	if limit < 1 || s.without.Evaluation {
		return false, nil
	}
	start, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	list, err := s.probe()
	if err != nil || len(list) == 0 {
		return false, err
	}
	list = list[:min(len(list), max(attempted, probedRuns*s.samples.Len()/s.blocks.list[0].truth.Shape[0]))]
	var level []node
	for some := range slices.Chunk(list, attempted) {
		some, n, err := s.blocks.halve(ctx, some, max(s.opt.Beam, lastKept))
		s.result.Evaluations += n
		if err != nil {
			return false, err
		}
		for _, c := range some {
			if c.gain > telling*start {
				level = append(level, node{[]candidate{c}, start - c.gain})
			}
		}
		slices.SortStableFunc(level, func(a, b node) int { return cmp.Compare(a.objective, b.objective) })
		if len(level) > 0 && level[0].objective < (1-convincing)*start {
			if reached, _, err = s.acceptOne(ctx, level[:1]); reached || err != nil {
				return reached, err
			}
		}
	}
	if len(level) == 0 {
		return false, nil
	}
	level = level[:min(len(level), lastKept)]
	if reached, _, err = s.acceptOne(ctx, level); !reached && err == nil {
		s.seed, s.best = level[:min(len(level), s.opt.Beam)], level[0].list
		s.become(nil)
	}
	return reached, err
}

// scales reports whether the weight is the gain of a normalisation: what it is multiplied with
// are rows of one size, whatever operators exporters make of that.
func scales(r gradient.Reading) bool {
	w := r.In[r.Arg]
	if r.Normalises || r.Operator != "Mul" || len(w.Shape) == 0 || w.Shape[len(w.Shape)-1] != w.Len() || w.Len() < 2 {
		return r.Normalises
	}
	rows, width, sizes := normsOf(r.In[1-r.Arg])
	if rows < 2 || width != w.Len() {
		return false
	}
	for _, size := range sizes {
		if math.Abs(float64(size)/math.Sqrt(float64(width))-1) > unit {
			return false
		}
	}
	return true
}

// unit is how far the root mean square of a row that was normalised may be from 1: what is
// added below the root makes that of small rows less.
const unit = 0.02

// effect is what changes of a weight do to rows.
type effect struct {
	inputs int
	// x are what a weight of each input is multiplied with, [rows, inputs], and sizes the norms of
	// the rows that the product is a part of.
	x, sizes []float32
	// at returns the elements of the weight that belong to an input.
	at func(input int) []int
}

// effectOf returns what changes of a weight do; nil if it is not known.
func effectOf(r gradient.Reading) *effect {
	rows, width, sizes := normsOf(r.Sum)
	if rows == 0 {
		return nil
	}
	w := r.In[r.Arg]
	own := func(i int) []int { return []int{i} }
	whole := func(i int) []float32 { // an input of the operator, as rows of that width
		if i >= len(r.In) || r.In[i].DType() != nd.Float32 || r.In[i].Len() != r.Out.Len() {
			return nil
		}
		return r.In[i].Float32s()[:rows*width]
	}
	vector := w.Len() == width && w.Shape[len(w.Shape)-1] == width
	switch {
	case r.Normalises && r.Arg == 1 && vector && whole(0) != nil:
		return &effect{width, normalised(whole(0), width, r.Centred), sizes, own}
	case r.Operator == "Mul" && vector && whole(1-r.Arg) != nil:
		return &effect{width, whole(1 - r.Arg), sizes, own}
	case vector && (r.Operator == "Add" || r.Operator == "Gemm" || r.Normalises) && r.Arg > 0, r.Operator == "Add" && vector:
		return &effect{width, slices.Repeat([]float32{1}, rows*width), sizes, own}
	case r.Operator == "Gemm" && r.Arg == 1 && len(w.Shape) == 2 && r.In[0].DType() == nd.Float32 && len(r.In[0].Shape) > 0:
		in, out := w.Shape[0], w.Shape[1]
		if r.Transposed {
			in, out = out, in
		}
		if out != width || r.In[0].Shape[len(r.In[0].Shape)-1] != in || r.In[0].Len() < rows*in {
			return nil
		}
		return &effect{in, r.In[0].Float32s()[:rows*in], sizes, func(i int) []int {
			at := make([]int, out)
			for o := range at {
				if at[o] = i*out + o; r.Transposed {
					at[o] = o*in + i
				}
			}
			return at
		}}
	}
	return nil
}

// normsOf returns the first rows of a value, at most probedRows: their number, their width,
// and their norms.
func normsOf(a nd.Array) (rows, width int, sizes []float32) {
	if a.DType() != nd.Float32 || len(a.Shape) < 2 || a.Len() == 0 {
		return 0, 0, nil
	}
	width = a.Shape[len(a.Shape)-1]
	rows = min(a.Len()/width, probedRows)
	for i := range rows {
		sum := 0.0
		for _, v := range a.Float32s()[i*width : (i+1)*width] {
			sum += float64(v) * float64(v)
		}
		sizes = append(sizes, float32(math.Sqrt(sum)))
	}
	return rows, width, sizes
}

// normalised returns rows divided by their deviation, or by their root mean square.
func normalised(x []float32, width int, centred bool) []float32 {
	out := make([]float32, len(x))
	for lo := 0; lo < len(x); lo += width {
		row := x[lo : lo+width]
		mean, square := 0.0, 0.0
		for _, v := range row {
			mean += float64(v) / float64(width)
			square += float64(v) * float64(v) / float64(width)
		}
		if !centred {
			mean = 0
		}
		scale := 1 / math.Sqrt(max(square-mean*mean, 1e-12))
		for i, v := range row {
			out[lo+i] = float32((float64(v) - mean) * scale)
		}
	}
	return out
}

// share returns the share of the energy of rows that a change of a size makes: in the mean,
// and where it is largest.
func (e *effect) share(input int, step float32) (mean, most float64) {
	for row, size := range e.sizes {
		d := float64(e.x[row*e.inputs+input]) * float64(step)
		part := d * d / (d*d + float64(size)*float64(size) + 1e-30)
		mean += part / float64(len(e.sizes))
		most = max(most, part)
	}
	return mean, most
}

// swamping returns the changes of a weight that make the largest shares.
func (s *search) swamping(weight string, ends bounds, e *effect) []candidate {
	type input struct {
		i          int
		mean, most float64
	}
	var inputs []input
	for i := range e.inputs {
		mean, most := e.share(i, ends.high.value-ends.low.value)
		if most > swamped {
			inputs = append(inputs, input{i, mean, most})
		}
	}
	a, _ := s.weights.Array(weight)
	w := a.Float32s()
	try := func(by func(in input) float64, k int) (list []candidate) {
		slices.SortStableFunc(inputs, func(a, b input) int { return cmp.Compare(by(b), by(a)) })
		for _, in := range inputs[:min(len(inputs), 2*k)] {
			var own []candidate
			for _, at := range e.at(in.i) {
				to := ends.low
				if ends.high.value-w[at] > w[at]-ends.low.value {
					to = ends.high
				}
				own = append(own, candidate{site{weight, at}, to, math.Abs(float64(to.value - w[at]))})
			}
			for _, c := range best(own, k) {
				mean, most := e.share(in.i, float32(c.gain))
				c.gain = by(input{in.i, mean, most})
				list = append(list, c)
			}
		}
		list = slices.DeleteFunc(list, func(c candidate) bool { return !(c.gain > swamped) })
		return best(list, k)
	}
	list := try(func(in input) float64 { return in.mean }, perReading)
	return append(list, try(func(in input) float64 { return in.most / 4 }, perSpike)...)
}
