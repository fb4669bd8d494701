package norm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

func TestLayerNorm(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	const eps = 1e-5
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(17, 18))
		for _, s := range [][2]int{{50, 64}, {3, 197}, {200, 3}, {1, 1000}, {70, 16}} {
			rows, n := s[0], s[1]
			x, gy, scale, bias := kerneltest.Randoms(rng, rows*n), kerneltest.Randoms(rng, rows*n), kerneltest.Randoms(rng, n), kerneltest.Randoms(rng, n)
			y, gx := make([]float64, rows*n), make([]float64, rows*n)
			gs, gb := make([]float64, n), make([]float64, n)
			for r := range rows {
				mean, variance := 0.0, 0.0
				for _, v := range x[r*n : (r+1)*n] {
					mean += float64(v) / float64(n)
				}
				for _, v := range x[r*n : (r+1)*n] {
					variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
				}
				inv := 1 / math.Sqrt(variance+eps)
				sum, dot := 0.0, 0.0
				for i := range n {
					h := (float64(x[r*n+i]) - mean) * inv
					g := float64(gy[r*n+i])
					y[r*n+i] = h*float64(scale[i]) + float64(bias[i])
					gs[i] += g * h
					gb[i] += g
					sum += g * float64(scale[i]) / float64(n)
					dot += g * float64(scale[i]) * h / float64(n)
				}
				for i := range n {
					h := (float64(x[r*n+i]) - mean) * inv
					gx[r*n+i] = (float64(gy[r*n+i])*float64(scale[i]) - sum - h*dot) * inv
				}
			}
			gotY, gotGX, gotGS, gotGB := make([]float32, rows*n), make([]float32, rows*n), make([]float32, n), make([]float32, n)
			LayerNorm(w, rows, n, eps, x, scale, bias, gotY)
			LayerNormGrad(w, rows, n, eps, x, scale, gy, gotGX, gotGS, gotGB)
			for _, c := range []struct {
				name string
				got  []float32
				want []float64
			}{{"y", gotY, y}, {"gx", gotGX, gx}, {"gscale", gotGS, gs}, {"gbias", gotGB, gb}} {
				if err := kerneltest.Compare(c.got, c.want, 1e-5); err != nil {
					t.Errorf("%v %s: %v", s, c.name, err)
				}
			}
			// Without scale and bias: as with ones and zeros.
			ones, zeros, again := make([]float32, n), make([]float32, n), make([]float32, rows*n)
			simd.Fill(ones, 1)
			LayerNorm(w, rows, n, eps, x, ones, zeros, gotY)
			LayerNorm(w, rows, n, eps, x, nil, nil, again)
			LayerNormGrad(w, rows, n, eps, x, ones, gy, gotGX, nil, nil)
			gradAgain := make([]float32, rows*n)
			LayerNormGrad(w, rows, n, eps, x, nil, gy, gradAgain, nil, nil)
			for i := range again {
				if again[i] != gotY[i] || gradAgain[i] != gotGX[i] {
					t.Errorf("%v: without scale %g and %g at %d, with ones %g and %g", s, again[i], gradAgain[i], i, gotY[i], gotGX[i])
					break
				}
			}
		}
	})
}

func TestScaleShift(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(19, 20))
		for _, s := range [][3]int{{3, 16, 1024}, {100, 10, 1}, {2, 3, 49}} {
			n, c, size := s[0], s[1], s[2]
			x, gy, a, b := kerneltest.Randoms(rng, n*c*size), kerneltest.Randoms(rng, n*c*size), kerneltest.Randoms(rng, c), kerneltest.Randoms(rng, c)
			y, gx, ga, gb := make([]float64, len(x)), make([]float64, len(x)), make([]float64, c), make([]float64, c)
			for i, v := range x {
				ch := i / size % c
				y[i] = float64(v)*float64(a[ch]) + float64(b[ch])
				gx[i] = float64(gy[i]) * float64(a[ch])
				ga[ch] += float64(gy[i]) * float64(v)
				gb[ch] += float64(gy[i])
			}
			gotY, gotGX, gotGA, gotGB := make([]float32, len(x)), make([]float32, len(x)), make([]float32, c), make([]float32, c)
			for lo := 0; lo < len(x); lo += 1000 { // pieces that begin and end within a channel
				ScaleShiftSlice(size, lo, min(lo+1000, len(x)), x, a, b, gotY)
				ScaleShiftSlice(size, lo, min(lo+1000, len(x)), gy, a, nil, gotGX)
			}
			ScaleShiftGrad(w, n, c, size, x, gy, gotGA, gotGB)
			for _, c := range []struct {
				name string
				got  []float32
				want []float64
			}{{"y", gotY, y}, {"gx", gotGX, gx}, {"ga", gotGA, ga}, {"gb", gotGB, gb}} {
				if err := kerneltest.Compare(c.got, c.want, 1e-5); err != nil {
					t.Errorf("%v %s: %v", s, c.name, err)
				}
			}
		}
	})
}
