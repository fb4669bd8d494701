package task

import (
	"cmp"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Outputs of numbers, whose truth is a number or yes or no each, are read as a matrix: a row
// a sample, a column a number.

// maxColumns bounds the number of columns that are looked at. Of more columns, evenly
// spaced ones stand for all.
const maxColumns = 1024

// columns are the columns of outputs x and of the truth y that are looked at.
type columns struct{ x, y [][]float32 }

// rowsAndColumns returns the first output and the truth as n rows of width numbers each.
func rowsAndColumns(outputs []nd.Array, truth nd.Array) (x, y []float32, n, width int, err error) {
	a, err := first(outputs)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	if truth.Data == nil {
		return nil, nil, 0, 0, ErrNoLabels
	}
	if len(a.Shape) == 0 || len(truth.Shape) == 0 || truth.Shape[0] > a.Shape[0] || nd.Size(a.Shape[1:]) != nd.Size(truth.Shape[1:]) {
		return nil, nil, 0, 0, &ShapeError{Labels: truth.Shape, Output: a.Shape}
	}
	return a.Float32s(), floats(truth), truth.Shape[0], nd.Size(a.Shape[1:]), nil
}

// selected returns the numbers of the columns that are looked at.
func selected(width int) []int {
	list := make([]int, min(width, maxColumns))
	for i := range list {
		list[i] = i * width / len(list)
	}
	return list
}

// add appends rows.
func (c *columns) add(outputs []nd.Array, truth nd.Array) error {
	x, y, n, width, err := rowsAndColumns(outputs, truth)
	if err != nil {
		return err
	}
	chosen := selected(width)
	if c.x == nil {
		c.x, c.y = make([][]float32, len(chosen)), make([][]float32, len(chosen))
	}
	for k, j := range chosen {
		for i := range n {
			c.x[k] = append(c.x[k], x[i*width+j])
			c.y[k] = append(c.y[k], y[i*width+j])
		}
	}
	return nil
}

// together is Traits.Together of tasks that look at the order of samples.
const together = 64

// fewRows is the number of samples below which a correlation says nothing.
const fewRows = 8

// softCorrelation returns the mean over columns of the squared correlation r² between
// outputs and truth, both squashed: u = tanh((x - m)/s) with the median m and the spread s
// of the column in the batch. It falls when outputs say less about the truth. It does not
// depend on a shift or scale of all outputs, and hardly on a few outliers, since somebody
// who knows some labels can undo these.
//
// With u and v centred, r² = (u·v)²/(u·u · v·v), and its derivative by uᵢ is
// 2·(u·v)/(u·u · v·v)·(vᵢ - (u·v)/(u·u)·uᵢ). m and s are treated as constants.
//
// If tau is not 0, the threshold 0 counts as well: the result is the mean of r² as above
// and of r² with u = tanh(x/2τ).
//
// For batches of fewer than fewRows samples it returns the loss pointwise instead.
func softCorrelation(truth nd.Array, tau float64, pointwise func(x, y float32) (loss, grad float64)) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		if n < fewRows {
			return eachNumber(x[:n*width], y, seed, pointwise), nil
		}
		total, counted := 0.0, 0
		chosen := selected(width)
		grads := make([]float64, n)
		u, v := make([]float64, n), make([]float64, n)
		for _, j := range chosen {
			for i := range n {
				u[i], v[i] = float64(x[i*width+j]), float64(y[i*width+j])
			}
			if squash(v, nil) == 0 {
				continue // a truth that is the same for all samples
			}
			counted++
			take := func(share float64) {
				total += share * correlation(u, v, grads)
				for i := 0; i < n && seed != nil; i++ {
					seed[i*width+j] += float32(share * grads[i])
				}
			}
			squash(u, fill(grads, 1))
			if tau == 0 {
				take(1)
				continue
			}
			take(0.5)
			for i := range n {
				u[i] = float64(x[i*width+j])
			}
			squashAt(0, 2*tau, u, fill(grads, 1))
			take(0.5)
		}
		scale := 1 / float64(max(counted, 1))
		for i := range seed {
			seed[i] *= float32(scale)
		}
		return total * scale, nil
	}
}

// eachNumber returns the mean of a loss of single numbers, and writes its gradient.
func eachNumber(x, y, seed []float32, f func(x, y float32) (loss, grad float64)) float64 {
	total, n := 0.0, float64(max(len(x), 1))
	for i := range x {
		loss, grad := f(x[i], y[i])
		total += loss
		if seed != nil {
			seed[i] = float32(grad / n)
		}
	}
	return total / n
}

// squash replaces x by tanh((x - m)/s), centred, with its median m and spread s. It
// multiplies grads, if not nil, by the derivative. It returns s. If x does not vary, or an
// element is not finite, s is 0 and x becomes zeros.
func squash(x, grads []float64) (s float64) {
	sorted := slices.Clone(x)
	slices.Sort(sorted) // NaN first
	m := sorted[len(sorted)/2]
	if low, high := sorted[0], sorted[len(sorted)-1]; low == high || math.IsNaN(low) || math.IsInf(low, 0) || math.IsInf(high, 0) {
		clear(x)
		clear(grads)
		return 0
	}
	mean := 0.0
	for i, v := range x {
		sorted[i] = math.Abs(v - m)
		mean += sorted[i] / float64(len(x))
	}
	slices.Sort(sorted)
	// 1.5 median deviations are a standard deviation, where most vary at all.
	if s = 1.5 * sorted[len(sorted)/2]; s == 0 {
		s = 1.25 * mean
	}
	squashAt(m, s, x, grads)
	return s
}

// squashAt is squash with m and s given.
func squashAt(m, s float64, x, grads []float64) {
	middle := 0.0
	for i, v := range x {
		x[i] = math.Tanh((v - m) / s)
		middle += x[i] / float64(len(x))
		if grads != nil {
			grads[i] *= (1 - x[i]*x[i]) / s
		}
	}
	for i := range x {
		x[i] -= middle
	}
}

// alike returns the mean of the squared correlations of two columns as they are and squashed, and
// writes its derivatives by the elements of u to grads. The columns are overwritten. As they are,
// a few samples far from the others decide, and squashed, the order of the many does.
func alike(u, v, grads []float64) float64 {
	x, y, more := deviations(u), deviations(v), fill(make([]float64, len(u)), 1)
	plain := correlation(x, y, more)
	squash(v, nil)
	squash(u, fill(grads, 1))
	soft := correlation(u, v, grads)
	for i, g := range more {
		grads[i] = (grads[i] + g) / 2
	}
	return (plain + soft) / 2
}

// deviations returns x less its mean; zeros if it does not vary or an element is not finite.
func deviations(x []float64) []float64 {
	out, mean := make([]float64, len(x)), 0.0
	for _, v := range x {
		mean += v / float64(len(x))
	}
	if math.IsNaN(mean) || math.IsInf(mean, 0) || slices.Min(x) == slices.Max(x) {
		return out
	}
	for i, v := range x {
		out[i] = v - mean
	}
	return out
}

func fill(x []float64, v float64) []float64 {
	for i := range x {
		x[i] = v
	}
	return x
}

// correlation returns r² of two centred columns and multiplies grads by its derivatives
// by the elements of u.
func correlation(u, v, grads []float64) float64 {
	var uu, vv, uv float64
	for i := range u {
		uu, vv, uv = uu+u[i]*u[i], vv+v[i]*v[i], uv+u[i]*v[i]
	}
	if !(uu > 0 && vv > 0) {
		clear(grads)
		return 0
	}
	r2 := uv * uv / (uu * vv)
	noise := 0.0
	if r2 > summit {
		noise = 0.1 * math.Sqrt(vv/float64(len(v)))
	}
	for i := range grads {
		grads[i] *= 2 * uv / (uu * vv) * (v[i] + noise*sign(i) - uv/uu*u[i])
	}
	return r2
}

// summit is the value from which an objective counts as at its maximum, where it is when
// the truth is the model's own outputs. All derivatives vanish there. With a little noise
// added to the truth they do not: they are the change of the outputs projected on the
// noise, and so rank weights by how far they move outputs in any direction.
const summit = 0.9999

// sign returns +1 or -1, a hash of i.
func sign(i int) float64 {
	h := (uint64(i) + 1) * 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	if (h^h>>27)*0x94d049bb133111eb>>63 == 0 {
		return 1
	}
	return -1
}

// ranks returns the rank of every element, counted from 1. Equal elements share the mean
// of their ranks. NaN comes first.
func ranks(x []float32) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	out := make([]float64, len(x))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && cmp.Compare(x[order[hi]], x[order[lo]]) == 0 {
			hi++
		}
		for _, i := range order[lo:hi] {
			out[i] = float64(lo+hi+1) / 2
		}
		lo = hi
	}
	return out
}

// rankCorrelation returns Spearman's ρ; 0 if one of the columns does not vary.
func rankCorrelation(x, y []float32) float64 {
	u, v := ranks(x), ranks(y)
	middle := float64(len(x)+1) / 2
	var uu, vv, uv float64
	for i := range u {
		a, b := u[i]-middle, v[i]-middle
		uu, vv, uv = uu+a*a, vv+b*b, uv+a*b
	}
	if uu == 0 || vv == 0 {
		return 0
	}
	return uv / math.Sqrt(uu*vv)
}

// linearCorrelation returns Pearson's r; 0 if one of the columns does not vary beyond rounding.
func linearCorrelation(x, y []float32) float64 {
	mx, vx := moments(x)
	my, vy := moments(y)
	both := 0.0
	for i := range x {
		both += (float64(x[i]) - mx) * (float64(y[i]) - my) / float64(len(x))
	}
	if r := both / math.Sqrt(vx*vy); vx > rounding*mx*mx && vy > rounding*my*my && r == r {
		return max(-1, min(r, 1))
	}
	return 0
}

// areaUnderROC returns the probability that a positive sample has a larger output than a
// negative one. ok is false if there are no samples of one kind.
func areaUnderROC(x, y []float32) (auc float64, ok bool) {
	sum, positive := 0.0, 0
	for i, r := range ranks(x) {
		if y[i] > 0.5 {
			sum += r
			positive++
		}
	}
	negative := len(x) - positive
	if positive == 0 || negative == 0 {
		return 0, false
	}
	p := float64(positive)
	return (sum - p*(p+1)/2) / (p * float64(negative)), true
}

// averagePrecision returns the mean, over the positive samples, of the share of positive
// ones among the samples with an output at least as large. ok is false if there is no
// positive sample.
func averagePrecision(x, y []float32) (ap float64, ok bool) {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(x[b], x[a]) })
	positive := 0
	for lo := 0; lo < len(order); {
		hi, more := lo, 0
		for ; hi < len(order) && cmp.Compare(x[order[hi]], x[order[lo]]) == 0; hi++ {
			if y[order[hi]] > 0.5 {
				more++
			}
		}
		positive += more
		ap += float64(more) * float64(positive) / float64(hi)
		lo = hi
	}
	return ap / float64(max(positive, 1)), positive > 0
}
