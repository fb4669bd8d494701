package gather

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/strided"
)

// sizes of [outer, n, block] and the number of rows taken, small and large
// enough to be shared between threads.
var takeSizes = []struct{ outer, n, block, k int }{
	{1, 5, 3, 7}, {4, 3, 1, 2}, {3, 1, 5, 4}, {1, 2000, 64, 300}, {300, 20, 7, 30}, {2, 3, 4, 0}, {0, 3, 4, 2}, {3, 4, 0, 2},
}

func TestTake(t *testing.T) {
	w := parallel.NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range takeSizes {
		rows := make([]int64, s.k)
		for i := range rows {
			rows[i] = rng.Int64N(int64(s.n))
		}
		x, gy := kerneltest.Randoms(rng, s.outer*s.n*s.block), kerneltest.Randoms(rng, s.outer*s.k*s.block)
		y, gx := make([]float32, len(gy)), kerneltest.Randoms(rng, len(x))
		Take(w, s.outer, s.n, s.block, x, rows, y)
		TakeSum(w, s.outer, s.n, s.block, gy, rows, gx)
		want, wantX := make([]float32, len(y)), make([]float64, len(x))
		for o := range s.outer {
			for j, r := range rows {
				for e := range s.block {
					from, to := (o*s.n+int(r))*s.block+e, (o*s.k+j)*s.block+e
					want[to] = x[from]
					wantX[from] += float64(gy[to])
				}
			}
		}
		if !slices.Equal(y, want) {
			t.Errorf("%+v: Take differs", s)
		}
		if err := kerneltest.Compare(gx, wantX, 1e-5); err != nil {
			t.Errorf("%+v: TakeSum: %v", s, err)
		}
		again := make([]float32, len(gx))
		TakeSum(nil, s.outer, s.n, s.block, gy, rows, again)
		if !slices.Equal(gx, again) {
			t.Errorf("%+v: TakeSum depends on the number of threads", s)
		}
	}
}

func TestPositions(t *testing.T) {
	// Element (i, j) of the index picks a column in row i of [2, 5] …
	p := Positions{Base: strided.View{Shape: []int{2, 3}, Stride: []int{5, 0}}, Limit: []int{5}, Stride: []int{1}}
	index := []int64{0, -1, 4, -5, 2, 1}
	if i := p.Invalid(index); i >= 0 {
		t.Errorf("index %d is said to be out of range", i)
	}
	pos := make([]int64, 6)
	p.Fill(nil, index, pos)
	if want := []int64{0, 4, 4, 5, 7, 6}; !slices.Equal(pos, want) {
		t.Errorf("positions %v, want %v", pos, want)
	}
	// … and pairs pick rows of [3, 4, …].
	p = Positions{Base: strided.View{Shape: []int{2}, Stride: []int{0}}, Limit: []int{3, 4}, Stride: []int{4, 1}}
	pos = pos[:2]
	p.Fill(nil, []int64{2, -1, -3, 2}, pos)
	if want := []int64{11, 2}; !slices.Equal(pos, want) {
		t.Errorf("positions %v, want %v", pos, want)
	}
	for _, bad := range [][]int64{{0, 0, 3, 0}, {0, 0, -4, 0}, {0, 0, 0, 4}} {
		if i := p.Invalid(bad); i < 2 {
			t.Errorf("%v: index %d is said to be the first out of range", bad, i)
		}
	}
}
