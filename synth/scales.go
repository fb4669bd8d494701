package synth

import (
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// Normalised is the name of samples with mean 0 and variance 1 in each channel.
const Normalised = "normalised"

// Rescaling is samples in another scale.
type Rescaling struct {
	Name   string // Normalised, "divided by 255" or "times 255"
	Inputs map[string]nd.Array
}

// Rescaled returns samples in the other scales that models are trained with, as far as
// their numbers allow these. Inputs are [N, sample shape] by name. Only those of floats are
// rescaled, and only they are returned.
func Rescaled(batch map[string]nd.Array) []Rescaling {
	normal, unit, bytes := Rescaling{Normalised, map[string]nd.Array{}}, Rescaling{"divided by 255", map[string]nd.Array{}}, Rescaling{"times 255", map[string]nd.Array{}}
	for name, a := range batch {
		x, ok := a.Data.([]float32)
		if !ok || len(x) == 0 || len(a.Shape) < 2 {
			continue
		}
		normal.Inputs[name] = standardised(a)
		switch low, high := slices.Min(x), slices.Max(x); {
		case low >= 0 && high > 16:
			unit.Inputs[name] = scaled(a, 1.0/255)
		case low >= 0 && high <= 1:
			bytes.Inputs[name] = scaled(a, 255)
		}
	}
	return slices.DeleteFunc([]Rescaling{normal, unit, bytes}, func(v Rescaling) bool { return len(v.Inputs) == 0 })
}

// scaled returns an array times a number.
func scaled(a nd.Array, by float32) nd.Array {
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		out.Float32s()[i] = by * v
	}
	return out
}

// channels returns the number of channels of an array and how many elements lie between
// those of one: channels of images are on axis 1, or on the last axis if only that is as
// short as colours are. Other arrays are taken as a whole.
func channels(shape []int) (n, stride int) {
	switch {
	case len(shape) != 4:
		return 1, nd.Size(shape)
	case shape[1] > 4 && shape[3] <= 4:
		return shape[3], 1
	}
	return shape[1], shape[2] * shape[3]
}

// Moments returns the mean and the standard deviation of each channel of samples
// [N, sample shape]: channels of images are on axis 1, or on the last axis if only that is
// as short as colours are. Other samples are one channel.
func Moments(a nd.Array) (mean, deviation []float32) {
	n, stride := channels(a.Shape)
	sum, square := make([]float64, n), make([]float64, n)
	for i, v := range a.Float32s() {
		c := i / stride % n
		sum[c], square[c] = sum[c]+float64(v), square[c]+float64(v)*float64(v)
	}
	each := float64(a.Len() / n)
	for c := range n {
		m := sum[c] / each
		mean = append(mean, float32(m))
		deviation = append(deviation, float32(math.Sqrt(max(square[c]/each-m*m, 1e-12))))
	}
	return mean, deviation
}

// standardised returns an array with mean 0 and variance 1 in each channel.
func standardised(a nd.Array) nd.Array {
	n, stride := channels(a.Shape)
	mean, deviation := Moments(a)
	out := nd.New(nd.Float32, a.Shape...)
	for i, v := range a.Float32s() {
		c := i / stride % n
		out.Float32s()[i] = (v - mean[c]) / deviation[c]
	}
	return out
}
