package quantize

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/parallel"
)

func TestQuantizer(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		q    Quantizer
		zero []float32
	}{
		{Quantizer{1, 1, 40000, 0, 255}, []float32{7}},
		{Quantizer{1, 1, 1, -128, 127}, nil},
		{Quantizer{0, 1, 5, -128, 127}, nil},
		{Quantizer{3, 0, 5, -128, 127}, nil},
		{Quantizer{30, 4, 17, -128, 127}, []float32{0, -128, 127, 3}},
		{Quantizer{2, 2, 9000, 0, 65535}, []float32{65535, 0}},
		{Quantizer{6, 8, 1, -8, 7}, nil},
	} {
		t.Run(fmt.Sprint(c.q), func(t *testing.T) {
			n := c.q.Outer * c.q.Channels * c.q.Inner
			scale := make([]float32, c.q.Channels)
			for i := range scale {
				scale[i] = rng.Float32() + 0.25
			}
			x, gy := make([]float32, n), make([]float32, n)
			for i := range x {
				ch := i / c.q.Inner % c.q.Channels
				span := c.q.High - c.q.Low
				x[i] = (rng.Float32()*3 - 1.5) * span * scale[ch]
				if i%3 == 0 { // halfway between two numbers
					x[i] = (float32(int(x[i]/scale[ch])) + 0.5) * scale[ch]
				}
				gy[i] = rng.Float32() - 0.5
			}
			if n > 4 {
				x[0], x[1], x[2] = float32(math.Inf(1)), float32(math.Inf(-1)), math.MaxFloat32
			}
			y, gx, back := make([]float32, n), make([]float32, n), make([]float32, n)
			c.q.Forward(w, x, scale, c.zero, y)
			c.q.Grad(w, x, scale, c.zero, gy, gx)
			c.q.Dequantize(w, y, scale, c.zero, back)
			for i, v := range x {
				ch := i / c.q.Inner % c.q.Channels
				z := at(c.zero, ch)
				r := float32(math.RoundToEven(float64(v/scale[ch]))) + z
				want, wantGrad := min(max(r, c.q.Low), c.q.High), gy[i]/scale[ch]
				if r != want {
					wantGrad = 0
				}
				if y[i] != want || gx[i] != wantGrad || back[i] != (want-z)*scale[ch] {
					t.Fatalf("element %d, %v at scale %v: %v, %v, %v; want %v, %v, %v", i, v, scale[ch], y[i], gx[i], back[i], want, wantGrad, (want-z)*scale[ch])
				}
			}
			c.q.DequantizeGrad(w, scale, gy, gx)
			for i, g := range gy {
				if want := g * scale[i/c.q.Inner%c.q.Channels]; gx[i] != want {
					t.Fatalf("gradient %d is %v, want %v", i, gx[i], want)
				}
			}
		})
	}
}

func BenchmarkQuantizer(b *testing.B) {
	q := Quantizer{1, 1, 1 << 16, 0, 255}
	rng := rand.New(rand.NewPCG(1, 2))
	x, y := make([]float32, 1<<16), make([]float32, 1<<16)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	s, z := []float32{0.01}, []float32{0}
	for name, f := range map[string]func(){
		"quantize":   func() { q.Forward(nil, x, s, z, y) },
		"gradient":   func() { q.Grad(nil, x, s, z, x, y) },
		"dequantize": func() { q.Dequantize(nil, x, s, z, y) },
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(4 << 16)
			for b.Loop() {
				f()
			}
		})
	}
}

// TestDynamic: the ends of the range are kept but for half a step, 0 exactly.
func TestDynamic(t *testing.T) {
	for _, x := range [][]float32{{0, 2, -3, -2.5, 1.34, 0.5}, {5, 2, 0}, {-5, -1}, {0, 0}, {}} {
		y := make([]float32, len(x))
		Dynamic(x, y)
		var lo, hi float32
		for _, v := range x {
			lo, hi = min(lo, v), max(hi, v)
		}
		step := (hi - lo) / 255
		for i, v := range x {
			if math.Abs(float64(y[i]-v)) > 0.51*float64(step) || (v == 0 && y[i] != 0) {
				t.Errorf("%v becomes %v in steps of %v", x, y, step)
			}
		}
	}
}
