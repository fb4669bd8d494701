package task

import (
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Embedding is the task of models that turn samples into vectors, [N,D], of which only
// distances and angles matter. The truth is the vectors of the original model.
//
// A constant added to all vectors changes their cosines, but not the order of their
// distances. Vectors are therefore compared after their means have been subtracted.
type Embedding struct{}

// Name returns "embedding".
func (Embedding) Name() string { return "embedding" }

// Traits implements Task.
func (Embedding) Traits() Traits {
	return Traits{Quality: "quality", Together: together, Calibration: fewSamples, OriginalAnswers: true}
}

// Objective returns the mean square of the cosine between vectors and truth, both
// centred. With a = x - x̄ and b = y - ȳ, cos = a·b/(|a||b|), and its derivative
// by a is (b/|b| - cos·a/|a|)/|a|.
func (Embedding) Objective(truth nd.Array, _ float64) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		a, b := centred(x[:n*width], width), centred(y, width)
		total := 0.0
		middle := make([]float64, width)
		for i := range n {
			p, q := a[i*width:(i+1)*width], b[i*width:(i+1)*width]
			cos, np, nq := cosine(p, q)
			total += cos * cos / float64(n)
			noise := 0.0
			if cos > summit {
				noise = 0.1 / math.Sqrt(float64(width))
			}
			for k := 0; k < width && seed != nil && np > 0 && nq > 0; k++ {
				g := 2 * cos * (q[k]/nq + noise*sign(i*width+k) - cos*p[k]/np) / np / float64(n)
				seed[i*width+k] = float32(g)
				middle[k] += g / float64(n)
			}
		}
		if n > 1 {
			for i := range seed[:min(len(seed), n*width)] {
				seed[i] -= float32(middle[i%width])
			}
		}
		return total, nil
	}
}

// Training returns the mean of 1 - cosine, of vectors that are not centred.
func (Embedding) Training(truth nd.Array) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		a, b := doubles(x[:n*width]), doubles(y)
		total := 0.0
		for i := range n {
			p, q := a[i*width:(i+1)*width], b[i*width:(i+1)*width]
			cos, np, nq := cosine(p, q)
			total += (1 - cos) / float64(n)
			for k := 0; k < width && seed != nil && np > 0 && nq > 0; k++ {
				seed[i*width+k] = float32(-(q[k]/nq - cos*p[k]/np) / np / float64(n))
			}
		}
		return total, nil
	}
}

// NewTally implements Task.
func (Embedding) NewTally() Tally { return &embeddingTally{} }

// Answers returns a copy of the vectors.
func (Embedding) Answers(outputs []nd.Array) (nd.Array, error) { return copied(outputs) }

// cosine returns the cosine of two vectors and their lengths, all 0 if a length is zero or
// not finite.
func cosine(p, q []float64) (cos, np, nq float64) {
	for k := range p {
		cos, np, nq = cos+p[k]*q[k], np+p[k]*p[k], nq+q[k]*q[k]
	}
	np, nq = math.Sqrt(np), math.Sqrt(nq)
	if !(np > 0 && nq > 0) || math.IsInf(np, 0) || math.IsInf(nq, 0) {
		return 0, 0, 0
	}
	return cos / (np * nq), np, nq
}

func doubles(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// centred returns rows minus their mean. It leaves a single row as it is.
func centred(x []float32, width int) []float64 {
	out := doubles(x)
	n := len(x) / max(width, 1)
	if n < 2 {
		return out
	}
	mean := make([]float64, width)
	for i, v := range out {
		mean[i%width] += v / float64(n)
	}
	for i := range out {
		out[i] -= mean[i%width]
	}
	return out
}

type embeddingTally struct {
	x, y  []float32
	width int
}

func (t *embeddingTally) Add(outputs []nd.Array, truth nd.Array) error {
	x, y, n, width, err := rowsAndColumns(outputs, truth)
	if err != nil {
		return err
	}
	t.width = width
	t.x, t.y = append(t.x, x[:n*width]...), append(t.y, y...)
	return nil
}

// Scale returns 1: Objective does not depend on it.
func (t *embeddingTally) Scale() float64 { return 1 }

// vectorLuck is the cosine that useless vectors may have beyond chance.
const vectorLuck = 0.05

// Score returns a score whose quality is the root mean square of the centred cosine
// between the vector of a sample and its truth. Chance is the same figure for vectors and
// truths of different samples.
func (t *embeddingTally) Score() Score {
	if t.width == 0 || len(t.x) == 0 {
		return Score{}
	}
	n := len(t.x) / t.width
	x, y := doubles(t.x), doubles(t.y)
	plain, constant := 0.0, make([]float64, t.width)
	for i := range n {
		p, q := t.row(x, i), t.row(y, i)
		cos, _, nq := cosine(p, q)
		plain += cos / float64(n)
		for k := 0; k < t.width && nq > 0; k++ {
			constant[k] += q[k] / nq / float64(n)
		}
	}
	_, best, _ := cosine(constant, constant)
	x, y = centred(t.x, t.width), centred(t.y, t.width)
	var same, sum, other float64
	const others = 4 // each sample is compared with
	for i := range n {
		cos, _, _ := cosine(t.row(x, i), t.row(y, i))
		same, sum = same+cos*cos/float64(n), sum+cos/float64(n)
		for k := range others {
			cos, _, _ := cosine(t.row(x, i), t.row(y, (i+k+1)%n))
			other += cos * cos / float64(n*others)
		}
	}
	found, chance := t.neighbours(x, y, n)
	return Score{
		Quality: min(1, math.Sqrt(same)), Chance: math.Sqrt(other), Luck: vectorLuck,
		Metrics: []Metric{
			{Name: "cosine", Value: min(1, plain), Useless: best},
			{Name: "centred cosine", Value: min(1, sum)},
			{Name: "neighbours", Value: found, Useless: chance, Share: true},
		},
	}
}

func (t *embeddingTally) row(x []float64, i int) []float64 { return x[i*t.width : (i+1)*t.width] }

// maxNeighbours bounds the number of vectors that nearest neighbours are searched among.
const maxNeighbours = 300

// neighbours returns the share of samples whose nearest neighbour is the same by vectors
// as by truth, and its value by chance.
func (t *embeddingTally) neighbours(x, y []float64, n int) (found, chance float64) {
	n = min(n, maxNeighbours)
	if n < 3 {
		return 0, 0
	}
	a, b := t.nearest(x, n), t.nearest(y, n)
	same := 0
	for i := range n {
		if a[i] == b[i] && a[i] >= 0 {
			same++
		}
	}
	return float64(same) / float64(n), 1 / float64(n-1)
}

// nearest returns, for each of the first n vectors, the one among them at the least angle;
// -1 for a vector of length zero.
func (t *embeddingTally) nearest(x []float64, n int) []int {
	unit := make([]float64, n*t.width)
	for i := range n {
		_, length, _ := cosine(t.row(x, i), t.row(x, i))
		for k, v := range t.row(x, i) {
			if length > 0 {
				unit[i*t.width+k] = v / length
			}
		}
	}
	at := make([]int, n)
	for i := range n {
		best := 0.0
		at[i] = -1
		for j := range n {
			dot := 0.0
			for k, v := range t.row(unit, i) {
				dot += v * unit[j*t.width+k]
			}
			if j != i && dot > best {
				best, at[i] = dot, j
			}
		}
	}
	return at
}
