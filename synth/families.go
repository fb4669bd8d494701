package synth

import (
	"math"
	"math/rand/v2"
)

// Family is a kind of samples that are made up. A change that locks a model on several
// families, and not on one of them, does not hang on how samples were made.
type Family string

const (
	// Dreams start as noise and follow the gradient of the model until it is sure of a
	// class. The zero value of Options makes these.
	Dreams Family = ""
	// Noise is white, at several scales: half, one and two standard deviations.
	Noise Family = "noise"
	// Fields are sums of a few waves of random lengths and directions.
	Fields Family = "fields"
	// Shapes are rectangles, discs and edges on a background that changes gradually.
	Shapes Family = "shapes"
	// DrawnDreams start as shapes or fields and follow the gradient, which is not
	// smoothed.
	DrawnDreams Family = "dreams from shapes"
	// Tones are one wave of any length with some noise, in each channel at another phase. Only signals are
	// judged with them: images have many waves at a time.
	Tones Family = "tones"
	// MixedDreams are dreams blended with fields and noise, at another contrast.
	MixedDreams Family = "dreams with noise"
)

// Families returns all families for samples of a shape: those to search with first, then those to judge with.
func Families(shape []int) (search, judge []Family) {
	search, judge = []Family{Dreams, Fields, Noise}, []Family{DrawnDreams, MixedDreams, Shapes, Noise, Fields}
	if lengths, _ := axes(shape); len(lengths) == 1 && (len(shape) > 1 || lengths[0] >= waveform) { // a signal
		judge = append(judge, Tones)
	}
	return search, judge
}

// follows reports whether samples of a family follow the gradient.
func (f Family) follows() bool { return f == Dreams || f == DrawnDreams || f == MixedDreams }

// start draws the sample of some number before it follows a gradient, if it does.
func (f Family) start(rng *rand.Rand, x []float32, shape []int, number int) {
	switch {
	case f == Fields, f == DrawnDreams && number%2 == 1:
		field(rng, x, shape)
	case f == Shapes, f == DrawnDreams:
		shapes(rng, x, shape)
	case f == Tones:
		tone(rng, x, shape)
	default:
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		if f != Noise {
			for range number % (smooth + 1) {
				blur(x, shape)
			}
		}
	}
	normalise(x)
}

// finish turns a sample of mean 0 and variance 1 into what its family gives to the model.
func (f Family) finish(rng *rand.Rand, x []float32, shape []int, number int) {
	switch f {
	case Noise:
		scale := float32([]float64{1, 0.5, 2}[number%3])
		for i := range x {
			x[i] *= scale
		}
	case MixedDreams:
		other := make([]float32, len(x))
		field(rng, other, shape)
		normalise(other)
		scale := float32(0.6 + 0.9*rng.Float64())
		for i := range x {
			x[i] = scale * (0.8*x[i] + 0.3*other[i] + 0.3*float32(rng.NormFloat64()))
		}
	case Shapes, DrawnDreams, Fields, Tones:
		shift, scale := float32(0.3*rng.NormFloat64()), float32(0.7+0.6*rng.Float64())
		for i := range x {
			x[i] = scale*x[i] + shift
		}
	}
}

// axes returns the one or two axes along which neighbours are alike, as lengths and
// strides, and the number of channels before or between them. Samples without such axes
// have none.
func axes(shape []int) (lengths, strides []int) {
	stride := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] >= smoothAxis && len(lengths) < 2 {
			lengths, strides = append(lengths, shape[i]), append(strides, stride)
		}
		stride *= shape[i]
	}
	return lengths, strides
}

// each calls f with the position of every element along the axes, from 0 to 1, and with
// the number of its channel.
func each(x []float32, shape []int, f func(i int, u, v float64, channel int)) {
	lengths, strides := axes(shape)
	for i := range x {
		var at [2]float64
		channel := i
		for k, n := range lengths {
			p := i / strides[k] % n
			at[k] = float64(p) / float64(n)
			channel -= p * strides[k]
		}
		f(i, at[0], at[1], channel)
	}
}

// field draws a sum of waves. Channels have amplitudes of their own.
func field(rng *rand.Rand, x []float32, shape []int) {
	clear(x)
	for range 2 + rng.IntN(5) {
		a, b, phase := 6*rng.NormFloat64(), 6*rng.NormFloat64(), 2*math.Pi*rng.Float64()
		gain := map[int]float64{}
		each(x, shape, func(i int, u, v float64, channel int) {
			g, ok := gain[channel]
			if !ok {
				g = 0.5 + rng.NormFloat64()
				gain[channel] = g
			}
			x[i] += float32(g * math.Sin(2*math.Pi*(a*u+b*v)+phase))
		})
	}
}

// tone draws one wave, from one in the whole sample to one in shortestWave elements, and noise.
func tone(rng *rand.Rand, x []float32, shape []int) {
	longest := 1.0
	if lengths, _ := axes(shape); len(lengths) > 0 {
		longest = max(longest, float64(lengths[0])/shortestWave)
	}
	waves, phase := math.Pow(longest, rng.Float64()), map[int]float64{}
	each(x, shape, func(i int, u, _ float64, channel int) {
		p, ok := phase[channel]
		if !ok {
			p = rng.Float64()
			phase[channel] = p
		}
		x[i] = float32(math.Sin(2*math.Pi*(waves*u+p)) + toneNoise*rng.NormFloat64())
	})
}

const (
	shortestWave = 6 // elements
	toneNoise    = 0.3
)

// shapes draws rectangles, discs and half planes of one value each on a ramp.
func shapes(rng *rand.Rand, x []float32, shape []int) {
	a, b := rng.NormFloat64(), rng.NormFloat64()
	each(x, shape, func(i int, u, v float64, _ int) { x[i] = float32(a*u + b*v) })
	for range 1 + rng.IntN(6) {
		cu, cv, ru, rv := rng.Float64(), rng.Float64(), 0.05+0.4*rng.Float64(), 0.05+0.4*rng.Float64()
		angle, kind := 2*math.Pi*rng.Float64(), rng.IntN(3)
		value := map[int]float32{}
		each(x, shape, func(i int, u, v float64, channel int) {
			du, dv := u-cu, v-cv
			inside := math.Abs(du) < ru && math.Abs(dv) < rv
			switch kind {
			case 1:
				inside = du*du/(ru*ru)+dv*dv/(rv*rv) < 1
			case 2:
				inside = math.Abs(du*math.Cos(angle)+dv*math.Sin(angle)) < 0.15*ru
			}
			c, ok := value[channel]
			if !ok {
				c = float32(1.5 * rng.NormFloat64())
				value[channel] = c
			}
			if inside {
				x[i] = c
			}
		})
	}
	for i := range x {
		x[i] += float32(0.02 * rng.NormFloat64())
	}
}
