package task

import (
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Outputs is the task of any model at all: all outputs of a floating-point type are to be
// those of the original model. It needs no labels.
//
// Each number that a model computes for a sample is compared by itself, over the samples:
// by the share of its variance that the locked model's number explains, and by the rank
// correlation of the two, which no shift and no scale changes. The first shows the few samples
// that a number picks out, the second the order of the others. Large numbers do not hide small
// ones, and the coordinates of boxes do not hide scores that are still right.
type Outputs struct {
	// Names are the names of the outputs, for metrics; nil if they are not known.
	Names []string
	// Unsquashed says that the numbers before a last activation with two ends are compared:
	// probabilities that are all nearly 0 or 1 have hardly a gradient.
	Unsquashed bool
	// Differences says that the numbers of an output are compared less their mean, as far as they
	// are few: what one number exceeds another by, whatever is added to both.
	Differences bool
	// Only says which numbers count, in the order of the truth; nil means all.
	Only []bool
	// scales are the standard deviations of the truth by column; nil means 1.
	scales []float64
}

// Name returns "outputs".
func (Outputs) Name() string { return "outputs" }

// outputsTogether is Traits.Together: enough for a correlation. The mean over many columns
// needs fewer samples for the same error.
const outputsTogether = 32

// rounding is the variance, in units of the squared mean, that rounding gives to a number
// which is the same for all samples.
const rounding = 1e-10

// Varying returns the number of columns that vary over the samples, for a task that is
// Fitted.
func (t Outputs) Varying() (n int) {
	for _, s := range t.scales {
		if s > 0 {
			n++
		}
	}
	return n
}

// Traits implements Task.
func (t Outputs) Traits() Traits {
	together := outputsTogether
	switch varying := t.Varying(); {
	case varying >= 256:
		together /= 4
	case varying >= 64:
		together /= 2
	}
	return Traits{Quality: "agreement", AllOutputs: true, Together: together, Calibration: fewSamples, OriginalAnswers: true, Unsquashed: t.Unsquashed}
}

// Fitted returns the task with the scale that the numbers of a truth have.
func (t Outputs) Fitted(truth nd.Array) Outputs {
	y := floats(truth)
	n := truth.Shape[0]
	width := len(y) / max(n, 1)
	t.scales = make([]float64, width)
	column := make([]float32, n)
	for j := range width {
		for i := range n {
			column[i] = y[i*width+j]
		}
		if mean, variance := moments(column); variance > rounding*mean*mean {
			t.scales[j] = math.Sqrt(variance)
		}
	}
	return t
}

// maxPerOutput bounds the number of columns of an output that are looked at. Of more
// columns, one out of each of as many equal parts stands for its part.
const maxPerOutput = 256

// sampled returns the columns of an output that are looked at. Their distances vary, so
// that they do not all fall on the same channel.
func sampled(width int) []int {
	list := make([]int, min(width, maxPerOutput))
	for i := range list {
		lo, hi := i*width/len(list), (i+1)*width/len(list)
		h := (uint64(i) + 1) * 0x9e3779b97f4a7c15
		list[i] = lo + int(h>>33)%(hi-lo)
	}
	return list
}

// part is one of the outputs with its columns.
type part struct {
	output  int // its number
	x       []float32
	width   int // of a row of x
	columns []int
	first   int // of its columns in a row of the truth
}

// parts returns the outputs that are compared, and the number of their columns.
func parts(outputs []nd.Array) (list []part, width int, err error) {
	rows := -1
	for k, y := range outputs {
		if y.DType() != nd.Float32 || len(y.Shape) == 0 {
			continue
		}
		if rows < 0 {
			rows = y.Shape[0]
		}
		if y.Shape[0] != rows {
			return nil, 0, fmt.Errorf("an output has %d rows, another %d", rows, y.Shape[0])
		}
		size := nd.Size(y.Shape[1:])
		p := part{output: k, x: y.Float32s(), width: size, columns: sampled(size), first: width}
		width += len(p.columns)
		list = append(list, p)
	}
	if len(list) == 0 {
		return nil, 0, errNoFloats
	}
	return list, width, nil
}

// read returns the outputs with the truth about n samples.
func (t Outputs) read(outputs []nd.Array, truth nd.Array) (list []part, y []float32, n, width int, err error) {
	if truth.Data == nil {
		return nil, nil, 0, 0, ErrNoLabels
	}
	list, width, err = t.parts(outputs)
	if err != nil {
		return nil, nil, 0, 0, err
	}
	if n = truth.Shape[0]; outputs[list[0].output].Shape[0] < n || truth.Len() != n*width {
		return nil, nil, 0, 0, &ShapeError{Labels: truth.Shape, Output: outputs[list[0].output].Shape}
	}
	return list, floats(truth), n, width, nil
}

// Objective returns the root mean square over the outputs of the mean over their columns
// of the squared correlation with the truth (alike). For batches of few samples with
// few numbers it counts the numbers that are near the truth instead.
func (t Outputs) Objective(truth nd.Array, _ float64) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		list, y, n, width, err := t.read(outputs, truth)
		if err != nil {
			return 0, err
		}
		gradient.ClearSeeds(seeds)
		squares := 0.0
		means := make([]float64, len(list))
		for k, p := range list {
			var seed []float32
			if len(seeds) > 0 {
				seed = seeds[p.output].Float32s()
			}
			means[k] = t.agreement(p, y, n, width, seed)
			squares += means[k] * means[k] / float64(len(list))
		}
		total := math.Sqrt(squares)
		for k, p := range list {
			if len(seeds) == 0 || total == 0 {
				break
			}
			share := float32(means[k] / (total * float64(len(list))))
			seed := seeds[p.output].Float32s()
			for i := range seed {
				seed[i] *= share
			}
			if t.differs(p) { // what is added to all numbers of a row changes nothing
				copy(seed, lessMean(seed, p.width))
			}
		}
		return total, nil
	}
}

// agreement returns the mean over the columns of one output, and writes its gradient.
func (t Outputs) agreement(p part, y []float32, n, width int, seed []float32) float64 {
	total, counted := 0.0, 0
	u, v, grads := make([]float64, n), make([]float64, n), make([]float64, n)
	for c, j := range p.columns {
		if !t.counts(p.first + c) {
			continue
		}
		for i := range n {
			u[i], v[i] = float64(p.x[i*p.width+j]), float64(y[i*width+p.first+c])
		}
		if n < t.leastRows() {
			scale := 1.0
			if t.scales != nil {
				scale = t.scales[p.first+c]
			}
			if scale == 0 {
				continue
			}
			total += near(u, v, scale, grads)
		} else {
			if slices.Min(v) == slices.Max(v) {
				continue // the same for all samples
			}
			total += alike(u, v, grads)
		}
		counted++
		for i := 0; i < n && seed != nil; i++ {
			seed[i*p.width+j] = float32(grads[i])
		}
	}
	scale := 1 / float64(max(counted, 1))
	for i := range seed {
		seed[i] *= float32(scale)
	}
	return total * scale
}

// counts reports whether a number of the truth is compared.
func (t Outputs) counts(column int) bool { return t.Only == nil || t.Only[column] }

// leastRows returns the number of samples from which columns are compared by their
// correlation. That of three samples says nothing, and the mean of those of many columns says
// much: unlike nearness, it does not fall because all samples have moved alike.
func (t Outputs) leastRows() int {
	if t.Varying() >= manyColumns {
		return 3
	}
	return fewRows
}

// manyColumns is the number of columns that vary of which the mean correlation over few samples
// is worth something.
const manyColumns = 64

// near returns the mean of 1/(1+d²) with d = (u-v)/scale, and writes its gradient to
// grads. Where u is v the gradient vanishes; a small d stands in for 0 there (see summit).
func near(u, v []float64, scale float64, grads []float64) float64 {
	total, n := 0.0, float64(len(u))
	for i := range u {
		d := (u[i] - v[i]) / scale
		loss := 1 / (1 + d*d)
		if loss != loss {
			grads[i] = 0
			continue
		}
		total += loss / n
		if d == 0 {
			d = 0.1 * sign(i)
		}
		grads[i] = -2 * d * loss * loss / (scale * n)
	}
	return total
}

// Training returns the mean squared error in units of the truth's variance.
func (t Outputs) Training(truth nd.Array) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		list, y, n, width, err := t.read(outputs, truth)
		if err != nil {
			return 0, err
		}
		gradient.ClearSeeds(seeds)
		total := 0.0
		for _, p := range list {
			for c, j := range p.columns {
				scale := 1.0
				if t.scales != nil && t.scales[p.first+c] > 0 {
					scale = t.scales[p.first+c]
				}
				share := 1 / float64(n*width)
				for i := range n {
					d := (float64(p.x[i*p.width+j]) - float64(y[i*width+p.first+c])) / scale
					total += d * d * share
					if len(seeds) > 0 {
						seeds[p.output].Float32s()[i*p.width+j] = float32(2 * d / scale * share)
					}
				}
			}
		}
		return total, nil
	}
}

// NewTally implements Task.
func (t Outputs) NewTally() Tally { return &outputsTally{task: t} }

// Answers returns the numbers that are looked at, [N,columns].
func (t Outputs) Answers(outputs []nd.Array) (nd.Array, error) {
	list, width, err := t.parts(outputs)
	if err != nil {
		return nd.Array{}, err
	}
	n := outputs[list[0].output].Shape[0]
	out := nd.New(nd.Float32, n, width)
	for _, p := range list {
		for c, j := range p.columns {
			for i := range n {
				out.Float32s()[i*width+p.first+c] = p.x[i*p.width+j]
			}
		}
	}
	return out, nil
}
