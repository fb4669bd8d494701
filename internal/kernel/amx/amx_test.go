package amx

import (
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
)

// TestTask compares products with sums in float64.
func TestTask(t *testing.T) {
	if !Available() {
		t.Skip("no matrix unit")
	}
	for _, test := range []struct {
		parts  Parts
		within float64
	}{{Rounded, 0.004}, {Exact, 5e-7}} {
		for high := 1; high <= 2; high++ {
			for _, add := range []bool{false, true} {
				check(t, test.parts, high, add, test.within)
			}
		}
	}
}

func check(t *testing.T, parts Parts, high int, add bool, within float64) {
	const steps, blocks = 5, 3
	rng := rand.New(rand.NewPCG(1, uint64(high)))
	m, k, n := Rows*high, steps*Depth, blocks*Rows*Wide(high)
	x, y, sums := kerneltest.Randoms(rng, m*k), kerneltest.Randoms(rng, k*n), kerneltest.Randoms(rng, m*n)
	want := make([]float64, m*n)
	for r := range m {
		for c := range n {
			for i := range k {
				want[r*n+c] += float64(x[r*k+i]) * float64(y[i*n+c])
			}
			if add {
				want[r*n+c] += float64(sums[r*n+c])
			}
		}
	}
	p := int(parts)
	left, right := Words(make([]float32, steps*p*high*Tile+Slack)), Words(make([]float32, k/2*n*p+Slack))
	task := Task{High: high, Parts: parts, Left: left, Right: right, Row: n, Part: k / 2 * n, Next: Rows, Block: Rows * Wide(high), Blocks: blocks, Sums: sums, SumsRow: n, SumsBlock: Rows * Wide(high), Add: add}
	for s := range steps {
		for i := range high {
			from := x[i*Rows*k+s*Depth:]
			if !Split(parts, Rows, Depth/2, from, from[Depth/2:], k, left[(s*p*high+i)*Tile:], Depth/2, high*Tile) {
				t.Fatal("not split")
			}
		}
		from := y[s*Depth*n:]
		if !Split(parts, Depth/2, n, from, from[Depth/2*n:], n, right[s*Depth/2*n:], n, k/2*n) {
			t.Fatal("not split")
		}
		task.Step = append(task.Step, 4*s*Depth/2*n)
	}
	task.Run()
	if err := kerneltest.Compare(sums, want, within); err != nil {
		t.Errorf("%d tiles, %d parts, add %v: %v", high, parts, add, err)
	}
}
