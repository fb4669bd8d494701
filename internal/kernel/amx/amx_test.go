package amx

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

// TestTask compares products with sums in float64 of the same rounded factors.
func TestTask(t *testing.T) {
	if !Available() {
		t.Skip("no matrix unit")
	}
	for high := 1; high <= 2; high++ {
		for _, add := range []bool{false, true} {
			check(t, high, add)
		}
	}
}

func check(t *testing.T, high int, add bool) {
	const steps, blocks = 5, 3
	rng := rand.New(rand.NewPCG(1, uint64(high)))
	m, k, n := Rows*high, steps*Depth, blocks*Rows*Wide(high)
	x, y, sums := kerneltest.Randoms(rng, m*k), kerneltest.Randoms(rng, k*n), kerneltest.Randoms(rng, m*n)
	want := make([]float64, m*n)
	for r := range m {
		for c := range n {
			for i := range k {
				want[r*n+c] += float64(kerneltest.Bfloat16(x[r*k+i])) * float64(kerneltest.Bfloat16(y[i*n+c]))
			}
			if add {
				want[r*n+c] += float64(sums[r*n+c])
			}
		}
	}
	left, right := Words(make([]float32, steps*high*Tile+Slack)), Words(make([]float32, k/2*n+Slack))
	task := Task{High: high, Left: left, Right: right, Row: n, Next: Rows, Block: Rows * Wide(high), Blocks: blocks, Sums: sums, SumsRow: n, SumsBlock: Rows * Wide(high), Add: add}
	for s := range steps {
		for i := range high {
			from := x[i*Rows*k+s*Depth:]
			if !Round(Rows, Depth/2, from, from[Depth/2:], k, left[(s*high+i)*Tile:], Depth/2) {
				t.Fatal("too large")
			}
		}
		from := y[s*Depth*n:]
		if !Round(Depth/2, n, from, from[Depth/2*n:], n, right[s*Depth/2*n:], n) {
			t.Fatal("too large")
		}
		task.Step = append(task.Step, 4*s*Depth/2*n)
	}
	task.Run()
	if err := kerneltest.Compare(sums, want, 5e-7); err != nil {
		t.Errorf("%d tiles, add %v: %v", high, add, err)
	}
}

// TestRound: what has no bfloat16 is told, wherever it is.
func TestRound(t *testing.T) {
	if !Available() {
		t.Skip("no matrix unit")
	}
	for n := 1; n < 40; n++ {
		for _, v := range []float32{float32(math.Inf(-1)), float32(math.NaN()), math.MaxFloat32, 3} {
			x, y, dst := make([]float32, 2*n), make([]float32, 2*n), make([]uint32, 2*n)
			at := x
			if n%2 == 0 {
				at = y
			}
			at[2*n-1] = v
			if ok := Round(2, n, x, y, n, dst, n); ok != (v == 3) {
				t.Errorf("%d elements, %g: %v", n, v, ok)
			}
		}
	}
}
