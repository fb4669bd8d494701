package task

import (
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Image is the task of models that make images from images, or signals from signals: [N,C,H,W],
// [N,H,W,C], [N,C,T] or [N,T]. The truth has the same shape.
//
// A change of one bias makes every pixel wrong, and the picture may still be seen. So what
// counts is how far the output tells the truth up to brightness and contrast: of a whole
// image, of its parts, and of each pixel from sample to sample.
type Image struct {
	// Peak is the largest difference that numbers of the truth may have, for PSNR and SSIM; 0
	// if it is not known. Settle finds it.
	Peak float64
}

// Name returns "image".
func (Image) Name() string { return "image" }

// Traits implements Task.
func (Image) Traits() Traits {
	return Traits{Quality: "quality", Together: outputsTogether, Calibration: fewSamples}
}

// planes is the layout of images or signals: [samples, channels, high, wide], channels last if
// last is set. A signal has a height of 1.
type planes struct {
	samples, channels, high, wide int
	last                          bool
}

// planesOf returns the layout of an output of some shape.
func planesOf(shape []int) planes {
	fewer := func(k int) bool { return shape[k] <= 4 }
	switch len(shape) {
	case 0, 1:
		return planes{samples: nd.Size(shape), channels: 1, high: 1, wide: 1}
	case 2:
		return planes{samples: shape[0], channels: 1, high: 1, wide: shape[1]}
	case 3:
		if fewer(2) && !fewer(1) {
			return planes{samples: shape[0], channels: shape[2], high: 1, wide: shape[1], last: true}
		}
		return planes{samples: shape[0], channels: shape[1], high: 1, wide: shape[2]}
	}
	if n := len(shape); n == 4 && fewer(3) && !fewer(1) {
		return planes{samples: shape[0], channels: shape[3], high: shape[1], wide: shape[2], last: true}
	}
	n := len(shape)
	return planes{samples: shape[0], channels: nd.Size(shape[1 : n-2]), high: shape[n-2], wide: shape[n-1]}
}

func (p planes) signal() bool { return p.high == 1 }

func (p planes) index(sample, channel, y, x int) int {
	if p.last {
		return ((sample*p.high+y)*p.wide+x)*p.channels + channel
	}
	return ((sample*p.channels+channel)*p.high+y)*p.wide + x
}

// region is a rectangle of one channel of one sample.
type region struct{ sample, channel, y, x, high, wide int }

// Sides of the parts of images and signals that are compared by themselves.
const (
	imagePart  = 8
	signalPart = 64
)

// regions calls f with whole channels of the first n samples, or with parts of them.
func (p planes) regions(n int, whole bool, f func(region)) {
	high, wide := p.high, p.wide
	if !whole {
		high, wide = min(imagePart, p.high), min(imagePart, p.wide)
		if p.signal() {
			wide = min(signalPart, p.wide)
		}
	}
	for i := range n {
		for c := range p.channels {
			for y := 0; y+high <= p.high; y += high {
				for x := 0; x+wide <= p.wide; x += wide {
					f(region{i, c, y, x, high, wide})
				}
			}
		}
	}
}

// take appends the numbers of a region to out, less their mean.
func (p planes) take(a []float32, r region, out []float64) []float64 {
	out = out[:0]
	mean := 0.0
	for y := range r.high {
		for x := range r.wide {
			v := float64(a[p.index(r.sample, r.channel, r.y+y, r.x+x)])
			out, mean = append(out, v), mean+v
		}
	}
	mean /= float64(max(len(out), 1))
	for i := range out {
		out[i] -= mean
	}
	return out
}

// spread is the least share of the mean energy of the truth that a region has to have to
// count: what is flat has no structure.
const spread = 1e-6

// Objective returns the mean of three figures between 0 and 1: the squared correlations of
// whole channels with the truth and of parts of them, weighted by the energy of the truth, and
// those of numbers over the samples (Outputs), unless there are few.
func (Image) Objective(truth nd.Array, _ float64) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		p := planesOf(outputs[0].Shape)
		shares := []float64{1.0 / 3, 1.0 / 3}
		total := 0.0
		if n >= fewRows {
			c := part{x: x, width: width, columns: sampled(width)}
			var columns []float32
			if seed != nil {
				columns = make([]float32, len(seed))
			}
			total += Outputs{}.agreement(c, picked(y, n, width, c.columns), n, len(c.columns), columns) / 3
			for i, g := range columns {
				seed[i] += g / 3
			}
		} else {
			shares = []float64{0.5, 0.5}
		}
		var u, v, grads []float64
		for k, whole := range []bool{true, false} {
			energy := p.energy(y, n, whole)
			p.regions(n, whole, func(r region) {
				u, v = p.take(x, r, u), p.take(y, r, v)
				weight := squares(v) / energy
				if !(weight > spread/float64(n)) {
					return
				}
				grads = append(grads[:0], u...)
				fill(grads, 1)
				total += shares[k] * weight * correlation(u, v, grads)
				if seed == nil {
					return
				}
				mean := 0.0
				for _, g := range grads {
					mean += g / float64(len(grads))
				}
				for i, g := range grads {
					seed[p.index(r.sample, r.channel, r.y+i/r.wide, r.x+i%r.wide)] += float32(shares[k] * weight * (g - mean))
				}
			})
		}
		return total, nil
	}
}

// picked returns some columns of rows.
func picked(y []float32, n, width int, columns []int) []float32 {
	out := make([]float32, 0, n*len(columns))
	for i := range n {
		for _, j := range columns {
			out = append(out, y[i*width+j])
		}
	}
	return out
}

// energy is the sum of squares over all regions.
func (p planes) energy(y []float32, n int, whole bool) float64 {
	sum := 0.0
	var v []float64
	p.regions(n, whole, func(r region) {
		v = p.take(y, r, v)
		sum += squares(v)
	})
	return max(sum, math.SmallestNonzeroFloat64)
}

func squares(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return sum
}

// Training returns the mean squared error.
func (Image) Training(truth nd.Array) gradient.Loss { return Regression{}.Training(truth) }

// Settle finds Peak, from the labels or, without any, from outputs.
func (t Image) Settle(truth nd.Array, outputs []nd.Array) (settled Task, why string, err error) {
	if t.Peak == 0 && truth.Data == nil {
		truth, err = first(outputs)
	}
	if t.Peak == 0 && err == nil {
		t.Peak = peakOf(floats(truth))
	}
	return t, "", err
}

// NewTally implements Task.
func (t Image) NewTally() Tally { return &imageTally{peak: t.Peak} }

// Answers returns a copy of the images.
func (Image) Answers(outputs []nd.Array) (nd.Array, error) { return copied(outputs) }

// imageTally tallies images.
type imageTally struct {
	columns
	n        int
	peak     float64 // of the truth
	errors   []float64
	signal   bool
	si, ssim [2]sum    // SI-SNR and SSIM, with the truth and with that of another sample
	explains [4]sum    // whole and parts, with the truth and with that of another sample
	mean, sq []float64 // of the truth by number, sums
	before   []float32 // the truth about the last sample
}

// sum is a weighted mean.
type sum struct{ total, weight float64 }

func (s *sum) add(v, weight float64) { s.total, s.weight = s.total+v*weight, s.weight+weight }

func (s *sum) value() float64 {
	if s.weight == 0 {
		return 0
	}
	return s.total / s.weight
}

func (t *imageTally) Add(outputs []nd.Array, truth nd.Array) error {
	x, y, n, width, err := rowsAndColumns(outputs, truth)
	if err != nil {
		return err
	}
	p := planesOf(outputs[0].Shape)
	if t.peak == 0 {
		t.peak = peakOf(y)
	}
	if t.mean == nil {
		t.signal = p.signal()
		t.mean, t.sq = make([]float64, width), make([]float64, width)
		t.columns.x, t.columns.y = make([][]float32, len(sampled(width))), make([][]float32, len(sampled(width)))
	}
	for i := range n {
		mse := 0.0
		for j := range width {
			v := float64(y[i*width+j])
			d := float64(x[i*width+j]) - v
			mse += d * d / float64(width)
			t.mean[j], t.sq[j] = t.mean[j]+v, t.sq[j]+v*v
		}
		t.errors = append(t.errors, mse)
	}
	for k, j := range sampled(width) {
		for i := range n {
			t.columns.x[k], t.columns.y[k] = append(t.columns.x[k], x[i*width+j]), append(t.columns.y[k], y[i*width+j])
		}
	}
	t.n += n
	t.compare(p, x, y, n, 0)
	other := make([]float32, 0, len(y)) // the truth about the sample before
	other = append(append(other, t.before...), y[:(n-1)*width]...)
	if t.before == nil {
		other = append(append(other, y[(n-1)*width:]...), y[:(n-1)*width]...)
	}
	if n > 1 || t.before != nil {
		t.compare(p, x, other, n, 1)
	}
	t.before = append(t.before[:0], y[(n-1)*width:]...)
	return nil
}

// compare adds figures of images and a truth, which is that of other samples if which is 1.
func (t *imageTally) compare(p planes, x, y []float32, n, which int) {
	var u, v []float64
	for k, whole := range []bool{true, false} {
		least := spread * p.energy(y, n, whole) / float64(n)
		p.regions(n, whole, func(r region) {
			u, v = p.take(x, r, u), p.take(y, r, v)
			uu, vv, uv := squares(u), squares(v), 0.0
			for i := range u {
				uv += u[i] * v[i]
			}
			rho2 := 0.0
			if uu > 0 && vv > 0 && !math.IsInf(uu, 0) {
				rho2 = min(1, uv*uv/(uu*vv))
			}
			if vv > least {
				t.explains[2*k+which].add(rho2, vv)
			}
			if whole && p.signal() && vv > 0 {
				t.si[which].add(decibels(rho2, 1-rho2), 1)
			}
			if whole && !p.signal() {
				t.ssim[which].add(p.similarity(x, y, r, t.peak), 1)
			}
		})
	}
}

// mostDecibels bounds figures in dB, of equal images for example.
const mostDecibels = 100

func decibels(signal, noise float64) float64 {
	return min(mostDecibels, max(-mostDecibels, 10*math.Log10(max(signal, 1e-30)/max(noise, 1e-30))))
}

// peakOf returns the largest difference that numbers like these may have: 1, 2 or 255 if they
// lie between 0 and 1, -1 and 1, or 0 and 255.
func peakOf(y []float32) float64 {
	low, high := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, v := range y {
		low, high = min(low, v), max(high, v)
	}
	switch {
	case low >= 0 && high <= 1:
		return 1
	case low >= -1 && high <= 1:
		return 2
	case low >= 0 && high <= 255:
		return 255
	case high > low:
		return float64(high - low)
	}
	return 1
}

// imageLuck is the share of the truth's energy that a useless output may tell, beyond what
// chance does on few samples.
const imageLuck = 0.1

// Scale returns 1: Objective does not depend on it.
func (t *imageTally) Scale() float64 { return 1 }

// Score returns a score whose quality is the largest of three figures: how much whole images
// and parts of them tell about the truth beyond what they tell about another sample's, and
// how far numbers agree with the truth over the samples (Outputs).
func (t *imageTally) Score() Score {
	if t.n == 0 {
		return Score{}
	}
	quality, rows := t.agreement()
	for k := 0; k < len(t.explains); k += 2 {
		same, other := t.explains[k].value(), t.explains[k+1].value()
		if other < 1 {
			quality = max(quality, (same-other)/(1-other))
		}
	}
	noise, blind := 0.0, 0.0
	for _, mse := range t.errors {
		noise += decibels(t.peak*t.peak, mse) / float64(t.n)
	}
	for j := range t.mean {
		m := t.mean[j] / float64(t.n)
		blind += (t.sq[j]/float64(t.n) - m*m) / float64(len(t.mean))
	}
	s := Score{
		Quality: quality, Luck: imageLuck + 4/float64(max(rows, 1)),
		Metrics: []Metric{{Name: "PSNR", Value: noise, Useless: decibels(t.peak*t.peak, blind), Unit: "dB"}},
	}
	if t.signal {
		s.Metrics = append(s.Metrics, Metric{Name: "SI-SNR", Value: t.si[0].value(), Useless: t.si[1].value(), Unit: "dB"})
	} else {
		s.Metrics = append(s.Metrics, Metric{Name: "SSIM", Value: t.ssim[0].value(), Useless: t.ssim[1].value()})
	}
	return s
}
