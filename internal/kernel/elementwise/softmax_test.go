package elementwise

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

func TestSoftmax(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(15, 16))
		for _, s := range [][3]int{{100, 10, 1}, {3, 197, 1}, {2, 5, 7}, {4, 1, 1}, {1, 1000, 1}, {2, 3, 100}, {0, 4, 1}, {1, 20000, 1}} {
			outer, n, inner := s[0], s[1], s[2]
			x, gy := kerneltest.Randoms(rng, outer*n*inner), kerneltest.Randoms(rng, outer*n*inner)
			for i := range x {
				x[i] *= 20
			}
			y, ly := make([]float64, len(x)), make([]float64, len(x))
			gx, lgx := make([]float64, len(x)), make([]float64, len(x))
			for lane := range outer * inner {
				at := lane/inner*n*inner + lane%inner
				total, dot, gsum := 0.0, 0.0, 0.0
				for i := range n {
					total += math.Exp(float64(x[at+i*inner]))
				}
				for i := range n {
					j := at + i*inner
					y[j] = math.Exp(float64(x[j])) / total
					ly[j] = float64(x[j]) - math.Log(total)
					dot += float64(gy[j]) * y[j]
					gsum += float64(gy[j])
				}
				for i := range n {
					j := at + i*inner
					gx[j] = y[j] * (float64(gy[j]) - dot)
					lgx[j] = float64(gy[j]) - y[j]*gsum
				}
			}
			got, grad := make([]float32, len(x)), make([]float32, len(x))
			Softmax(w, outer, n, inner, x, got)
			SoftmaxGrad(w, outer, n, inner, got, gy, grad)
			if err := kerneltest.Compare(got, y, 2e-6); err != nil {
				t.Errorf("softmax %v: %v", s, err)
			}
			if err := kerneltest.Compare(grad, gx, 1e-5); err != nil {
				t.Errorf("softmax gradient %v: %v", s, err)
			}
			LogSoftmax(w, outer, n, inner, x, got)
			LogSoftmaxGrad(w, outer, n, inner, got, gy, grad)
			if err := kerneltest.Compare(got, ly, 2e-6); err != nil {
				t.Errorf("log-softmax %v: %v", s, err)
			}
			if err := kerneltest.Compare(grad, lgx, 1e-5); err != nil {
				t.Errorf("log-softmax gradient %v: %v", s, err)
			}
		}
	})
}

func TestSoftmaxMasked(t *testing.T) {
	inf := float32(math.Inf(-1))
	y := make([]float32, 3)
	Softmax(nil, 1, 3, 1, []float32{inf, 1, inf}, y)
	if y[0] != 0 || y[1] != 1 || y[2] != 0 {
		t.Errorf("softmax with masked elements is %v, want [0 1 0]", y)
	}
	Softmax(nil, 1, 3, 1, []float32{1e30, -1e30, 1e30}, y)
	if y[0] != 0.5 || y[1] != 0 || y[2] != 0.5 {
		t.Errorf("softmax of huge numbers is %v, want [0.5 0 0.5]", y)
	}
}
