package pool

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// naivePool calls visit with every window position inside the input, and the
// number of positions an average divides by.
func naivePool(p *Pool, visit func(x, y, count int)) {
	g := p.plane()
	end := g.Pad
	for i, v := range p.PadEnd {
		end[3-len(p.PadEnd)+i] = v
	}
	for plane := range p.Planes {
		for q := range g.Out.Size() {
			q3 := [3]int{q / (g.Out[1] * g.Out[2]), q / g.Out[2] % g.Out[1], q % g.Out[2]}
			var at []int
			padded := 0
			for t := range g.Kernel.Size() {
				t3 := [3]int{t / (g.Kernel[1] * g.Kernel[2]), t / g.Kernel[2] % g.Kernel[1], t % g.Kernel[2]}
				index, inside, counted := plane, true, true
				for a := range 3 {
					i := q3[a]*g.Stride[a] + t3[a]*g.Dilation[a] - g.Pad[a]
					inside = inside && i >= 0 && i < g.In[a]
					counted = counted && i < g.In[a]+end[a]
					index = index*g.In[a] + i
				}
				if inside {
					at = append(at, index)
				}
				if counted {
					padded++
				}
			}
			for _, x := range at {
				if p.IncludePad {
					visit(x, plane*g.Out.Size()+q, padded)
				} else {
					visit(x, plane*g.Out.Size()+q, len(at))
				}
			}
		}
	}
}

func checkPool(w *parallel.Workers, rng *rand.Rand, p Pool) error {
	g := p.plane()
	x, gy := kerneltest.Randoms(rng, p.Planes*g.In.Size()), kerneltest.Randoms(rng, p.Planes*g.Out.Size())
	for i := range x {
		x[i] = float32(math.Round(float64(x[i]) * 3)) // ties
	}
	avg, gavg := make([]float64, len(gy)), make([]float64, len(x))
	most, gmost, first := make([]float64, len(gy)), make([]float64, len(x)), make([]int, len(gy))
	for i := range most {
		most[i], first[i] = math.Inf(-1), -1
	}
	naivePool(&p, func(i, o, count int) {
		avg[o] += float64(x[i]) / float64(count)
		gavg[i] += float64(gy[o]) / float64(count)
		if first[o] < 0 || float64(x[i]) > most[o] {
			most[o], first[o] = float64(x[i]), i
		}
	})
	for o, i := range first {
		if i >= 0 {
			gmost[i] += float64(gy[o])
		}
	}
	out := func(n int) []float32 {
		s := make([]float32, n)
		simd.Fill(s, 1e9)
		return s
	}
	y, gx := out(len(gy)), out(len(x))
	p.MaxForward(w, x, y)
	if err := kerneltest.Compare(y, most, 0); err != nil {
		return fmt.Errorf("%+v: maximum: %w", p, err)
	}
	p.MaxGrad(w, x, gy, gx)
	if err := kerneltest.Compare(gx, gmost, 1e-6); err != nil {
		return fmt.Errorf("%+v: gradient of the maximum: %w", p, err)
	}
	y, gx = out(len(gy)), out(len(x))
	p.AvgForward(w, x, y)
	if err := kerneltest.Compare(y, avg, 1e-6); err != nil {
		return fmt.Errorf("%+v: average: %w", p, err)
	}
	p.AvgGrad(w, gy, gx)
	if err := kerneltest.Compare(gx, gavg, 1e-6); err != nil {
		return fmt.Errorf("%+v: gradient of the average: %w", p, err)
	}
	return nil
}

func TestPool(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	pool2 := func(planes, in, kernel, out, stride, pad int) Pool {
		return Pool{Planes: planes, In: []int{in, in}, Kernel: []int{kernel, kernel}, Out: []int{out, out}, Stride: []int{stride, stride}, Dilation: []int{1, 1}, Pad: []int{pad, pad}}
	}
	ceil := pool2(2, 6, 3, 4, 2, 1) // the last window starts inside the input, ends beyond the padding
	ceil.IncludePad, ceil.PadEnd = true, []int{1, 1}
	table := []Pool{
		pool2(5, 28, 2, 14, 2, 0),
		pool2(5, 33, 2, 16, 2, 0),
		pool2(3, 32, 3, 16, 2, 1),
		pool2(3, 8, 8, 1, 1, 0),
		pool2(2, 7, 3, 7, 1, 1),
		pool2(2, 2, 2, 3, 2, 2), // windows in the padding only
		ceil,
	}
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(13, 14))
		for _, p := range table {
			if err := checkPool(w, rng, p); err != nil {
				t.Error(err)
			}
		}
		for range 300 {
			in, kernel, out, stride, dilation, pad := kerneltest.RandomWindow(rng)
			p := Pool{Planes: 1 + rng.IntN(4), In: in, Kernel: kernel, Out: out, Stride: stride, Dilation: dilation, Pad: pad, IncludePad: rng.IntN(2) == 0}
			if rng.IntN(2) == 0 {
				for range in {
					p.PadEnd = append(p.PadEnd, rng.IntN(3))
				}
			}
			if err := checkPool(nil, rng, p); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestMaxPoolNaN(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for at := range 4 {
		x := []float32{1, 2, 3, inf}
		x[at] = nan
		for _, size := range []int{2, 34} { // small and wide enough for vectors
			img := make([]float32, size*size)
			img[0], img[1], img[size], img[size+1] = x[0], x[1], x[2], x[3]
			p := Pool{Planes: 1, In: []int{size, size}, Kernel: []int{2, 2}, Out: []int{size / 2, size / 2}, Stride: []int{2, 2}, Dilation: []int{1, 1}, Pad: []int{0, 0}}
			y, gx := make([]float32, size*size/4), make([]float32, size*size)
			p.MaxForward(nil, img, y)
			if y[0] == y[0] {
				t.Errorf("maximum of %v is %g, want NaN", x, y[0])
			}
			gy := make([]float32, len(y))
			gy[0] = 7
			p.MaxGrad(nil, img, gy, gx)
			if got := gx[at/2*size+at%2]; got != 7 {
				t.Errorf("gradient of the NaN in %v is %g, want 7", x, got)
			}
		}
	}
}

// TestMaxPoolOverlappingNaN: the first NaN of a window takes the gradient, also of
// windows that share it.
func TestMaxPoolOverlappingNaN(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		const size = 40
		x := make([]float32, size*size)
		x[3*size+5], x[4*size+6] = float32(math.NaN()), float32(math.NaN())
		p := Pool{Planes: 1, In: []int{size, size}, Kernel: []int{3, 3}, Out: []int{20, 20}, Stride: []int{2, 2}, Dilation: []int{1, 1}, Pad: []int{1, 1}}
		y, gy, gx := make([]float32, 400), make([]float32, 400), make([]float32, size*size)
		simd.Fill(gy, 1)
		p.MaxForward(nil, x, y)
		p.MaxGrad(nil, x, gy, gx)
		nans := 0
		for i, v := range y {
			if v != v {
				nans++
				if r, c := i/20, i%20; r < 1 || r > 2 || c < 2 || c > 3 {
					t.Errorf("output %d, %d is NaN", r, c)
				}
			}
		}
		// Windows of rows 3-5 and 1-3 hold the first, those of columns 5-7 both; the
		// second alone is in none.
		if nans != 4 || gx[3*size+5] != 4 || gx[4*size+6] != 0 {
			t.Errorf("%d outputs are NaN, gradients %g and %g, want 4, 4 and 0", nans, gx[3*size+5], gx[4*size+6])
		}
	})
}

// TestMaxPoolTies: of equal maxima the first in a window takes the gradient,
// whatever the width of a row and the signs of zeros.
func TestMaxPoolTies(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(15, 16))
		values := []float32{-1, float32(math.Copysign(0, -1)), 0, 1, 2}
		for wide := 2; wide < 45; wide++ {
			p := Pool{Planes: 2, In: []int{5, wide}, Kernel: []int{2, 2}, Out: []int{2, wide / 2}, Stride: []int{2, 2}, Dilation: []int{1, 1}, Pad: []int{0, 0}}
			x, gy := make([]float32, 2*5*wide), kerneltest.Randoms(rng, 2*2*(wide/2))
			for i := range x {
				x[i] = values[rng.IntN(len(values))]
			}
			at := make([]int64, len(gy))
			p.MaxIndices(nil, x, at)
			want, y, gx := make([]float32, len(x)), make([]float32, len(gy)), make([]float32, len(x))
			p.MaxForward(nil, x, y)
			p.MaxGrad(nil, x, gy, gx)
			for i, k := range at {
				want[k] = gy[i]
				if y[i] != x[k] {
					t.Fatalf("%d wide: maximum %d is %g, want %g", wide, i, y[i], x[k])
				}
			}
			if !slices.Equal(gx, want) {
				t.Fatalf("%d wide: gradient %v, want %v", wide, gx, want)
			}
		}
	})
}
