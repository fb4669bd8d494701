package gradient

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/nd"
)

// Probe is a loss that depends on every element of every float output. With the
// outputs y_k flattened in C order, it is
//
//	L = Σ_k Σ_i y_k[i]·R[i],   R[i] = ((7919·i + 13) mod 2003)/2003 - 0.5.
//
// It serves to compare gradients between programs.
func Probe(outputs, seeds []nd.Array) (float64, error) {
	loss := 0.0
	for k, y := range outputs {
		if y.DType() != nd.Float32 {
			continue
		}
		seed := seeds[k].Float32s()
		for i, v := range y.Float32s() {
			r := float64((i*7919+13)%2003)/2003 - 0.5
			seed[i] = float32(r)
			loss += float64(v) * r
		}
	}
	return loss, nil
}

// CrossEntropy returns the loss that is the mean cross-entropy between the softmax
// of the first output, logits [N,classes], and the labels. Other outputs do not
// contribute. Its errors are those of PerSample.
func CrossEntropy(labels []int) Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		return PerSample(labels, func(logits, seed []float32, label int) float64 {
			top := logits[0]
			for _, v := range logits {
				top = max(top, v)
			}
			sum := 0.0
			for _, v := range logits {
				sum += math.Exp(float64(v - top))
			}
			for i := range seed {
				seed[i] = float32(math.Exp(float64(logits[i]-top)) / sum)
			}
			if seed != nil {
				seed[label]--
			}
			return math.Log(sum) - float64(logits[label]-top)
		})(outputs, seeds)
	}
}

// ClearSeeds sets seeds to zero, which says that the loss does not depend on their outputs.
// Those that are not wanted, without data, stay as they are.
func ClearSeeds(seeds []nd.Array) {
	for _, s := range seeds {
		if s.Data != nil {
			clear(s.Float32s())
		}
	}
}

// PerSample returns the loss that is the mean of f over the samples of the first
// output, logits [N,classes]. f returns the loss of one sample and writes its
// gradient to seed, which is nil if only the loss is needed. A sample with a
// negative label does not count. The loss fails with a *LogitsError, or with a
// *LabelError for a label that is not a class.
func PerSample(labels []int, f func(logits, seed []float32, label int) float64) Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		logits, n, classes, err := Logits(outputs)
		if err != nil {
			return 0, err
		}
		if len(labels) != n {
			return 0, fmt.Errorf("%d labels for %d samples", len(labels), n)
		}
		ClearSeeds(seeds[min(1, len(seeds)):])
		var total float64
		counted := 0
		for _, label := range labels {
			if label >= 0 {
				counted++
			}
		}
		scale := 1 / float32(max(counted, 1))
		for i, label := range labels {
			var seed []float32
			if len(seeds) > 0 {
				seed = seeds[0].Float32s()[i*classes : (i+1)*classes]
				clear(seed)
			}
			if label < 0 {
				continue
			}
			if label >= classes {
				return 0, &LabelError{i, label, classes}
			}
			total += f(logits[i*classes:(i+1)*classes], seed, label)
			for k := range seed {
				seed[k] *= scale
			}
		}
		return total / float64(max(counted, 1)), nil
	}
}

// Logits returns the elements of the first output as a matrix [n, classes]. Axes of
// length 1 after the batch axis do not count. The error is a *LogitsError.
func Logits(outputs []nd.Array) (logits []float32, n, classes int, err error) {
	if len(outputs) == 0 || outputs[0].DType() != nd.Float32 {
		return nil, 0, 0, newLogitsError(outputs)
	}
	y := outputs[0]
	wide := 0
	for _, d := range y.Shape[min(1, len(y.Shape)):] {
		if d != 1 {
			wide++
		}
	}
	if len(y.Shape) < 2 || wide > 1 || y.Len() == 0 {
		return nil, 0, 0, newLogitsError(outputs)
	}
	return y.Float32s(), y.Shape[0], y.Len() / y.Shape[0], nil
}

// ArgMax returns the index of the first largest element, or -1 for an empty slice.
// As in numpy's argmax, NaN is larger than any number.
func ArgMax(x []float32) int {
	best := -1
	for i, v := range x {
		if best < 0 || v > x[best] || (v != v && x[best] == x[best]) {
			best = i
		}
	}
	return best
}
