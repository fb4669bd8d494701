package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// sizes of [outer, n, block] and the number of rows taken, small and large
// enough to be shared between threads.
var takeSizes = []struct{ outer, n, block, k int }{
	{1, 5, 3, 7}, {4, 3, 1, 2}, {3, 1, 5, 4}, {1, 2000, 64, 300}, {300, 20, 7, 30}, {2, 3, 4, 0}, {0, 3, 4, 2}, {3, 4, 0, 2},
}

func TestTake(t *testing.T) {
	w := NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range takeSizes {
		rows := make([]int64, s.k)
		for i := range rows {
			rows[i] = rng.Int64N(int64(s.n))
		}
		x, gy := randoms(rng, s.outer*s.n*s.block), randoms(rng, s.outer*s.k*s.block)
		y, gx := make([]float32, len(gy)), randoms(rng, len(x))
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
		if err := compare(gx, wantX, 1e-5); err != nil {
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
	p := Positions{Base: View{Shape: []int{2, 3}, Stride: []int{5, 0}}, Limit: []int{5}, Stride: []int{1}}
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
	p = Positions{Base: View{Shape: []int{2}, Stride: []int{0}}, Limit: []int{3, 4}, Stride: []int{4, 1}}
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

func TestSelect(t *testing.T) {
	w := NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, shape := range [][]int{{4, 1, 3}, {40, 30, 50}, {1}, {}, {2, 0, 3}, {5, 6, 1}} {
		for mask := range 8 { // which operand is repeated along which axis
			operand := func(k int) ([]int, int) {
				s := slices.Clone(shape)
				for a := range s {
					if mask>>((a+k)%3)&1 == 1 {
						s[a] = min(s[a], 1)
					}
				}
				st := nd.Strides(s)
				for a := range s {
					if s[a] != shape[a] {
						st[a] = 0
					}
				}
				return st, nd.Size(s)
			}
			cs, cn := operand(0)
			xs, xn := operand(1)
			ys, yn := operand(2)
			c, x, y := make([]bool, cn), randoms(rng, xn), randoms(rng, yn)
			for i := range c {
				c[i] = rng.IntN(2) == 0
			}
			z := make([]float32, nd.Size(shape))
			Select(w, shape, z, c, cs, x, xs, y, ys)
			strides := nd.Strides(shape)
			for i, got := range z {
				at := func(st []int) (k int) {
					for a := range shape {
						k += i / strides[a] % shape[a] * st[a]
					}
					return k
				}
				want := y[at(ys)]
				if c[at(cs)] {
					want = x[at(xs)]
				}
				if got != want {
					t.Fatalf("shape %v, repeated %03b: element %d is %v, want %v", shape, mask, i, got, want)
				}
			}
		}
	}
}

func TestInterpolate(t *testing.T) {
	w := NewWorkers(3)
	defer w.Close()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []struct{ outer, in, out, inner int }{{3, 4, 7, 1}, {2, 7, 4, 5}, {50, 30, 60, 20}, {50, 60, 30, 1}, {2, 3, 0, 4}, {2, 1, 3, 0}} {
		m := Taps{In: s.in, Out: s.out, Start: []int{0}}
		for range s.out {
			for range rng.IntN(4) {
				m.Index, m.Weight = append(m.Index, rng.IntN(s.in)), append(m.Weight, rng.Float32())
			}
			m.Start = append(m.Start, len(m.Index))
		}
		x, gy := randoms(rng, s.outer*s.in*s.inner), randoms(rng, s.outer*s.out*s.inner)
		y, gx := randoms(rng, len(gy)), randoms(rng, len(x))
		m.Interpolate(w, s.outer, s.inner, x, y)
		m.Transposed().Interpolate(w, s.outer, s.inner, gy, gx)
		wantY, wantX := make([]float64, len(y)), make([]float64, len(x))
		for o := range s.outer {
			for i := range s.out {
				for k := m.Start[i]; k < m.Start[i+1]; k++ {
					for e := range s.inner {
						from, to, f := (o*s.in+m.Index[k])*s.inner+e, (o*s.out+i)*s.inner+e, float64(m.Weight[k])
						wantY[to] += f * float64(x[from])
						wantX[from] += f * float64(gy[to])
					}
				}
			}
		}
		if err := compare(y, wantY, 1e-5); err != nil {
			t.Errorf("%+v: %v", s, err)
		}
		if err := compare(gx, wantX, 1e-5); err != nil {
			t.Errorf("%+v, transposed: %v", s, err)
		}
	}
}
