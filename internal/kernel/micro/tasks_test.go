package micro_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// initial is what element (row, column) of c is before products are added to it.
func initial(init micro.Init, c float32, bias []float32, row, column int) float64 {
	switch init {
	case micro.InitC:
		return float64(c)
	case micro.InitRowBias:
		return float64(bias[row])
	case micro.InitColumnBias:
		return float64(bias[column])
	}
	return 0
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestTile compares tiles of every height and width, with offsets in no order, with sums in
// float64.
func TestTile(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(3, 4))
		most := micro.Vecs() * simd.Lanes()
		for rows := 1; rows <= 2*micro.Rows()+1; rows++ {
			for cols := 1; cols <= most; cols++ {
				for init := micro.InitZero; init <= micro.InitColumnBias; init++ {
					k := 1 + rng.IntN(5)
					padded := simd.RoundUp(rows, micro.Rows())
					tile := micro.Tile{Rows: rows, Cols: cols, Row: make([]micro.Pair, padded), Step: make([]micro.Pair, k), Init: init}
					tile.A, tile.B, tile.C = kerneltest.Randoms(rng, rows*k), kerneltest.Randoms(rng, k*cols), kerneltest.Randoms(rng, rows*(cols+1)-1)
					tile.Bias = kerneltest.Randoms(rng, max(padded, cols))
					for i, to := range rng.Perm(rows) {
						tile.Row[i] = micro.Pair{i * k, to * (cols + 1)}
					}
					micro.PadRows(tile.Row, rows)
					for i, p := range rng.Perm(k) {
						tile.Step[i] = micro.Pair{p, i * cols}
					}
					want := wide(tile.C)
					for i := range rows {
						for j := range cols {
							at := tile.Row[i][1] + j
							want[at] = initial(init, tile.C[at], tile.Bias, i, j)
							for _, s := range tile.Step {
								want[at] += float64(tile.A[tile.Row[i][0]+s[0]]) * float64(tile.B[s[1]+j])
							}
						}
					}
					tile.Run()
					if err := kerneltest.Compare(tile.C, want, 1e-5); err != nil {
						t.Fatalf("%d rows, %d columns, %d steps, begin %d: %v", rows, cols, k, init, err)
					}
				}
			}
		}
	})
}

// TestDirectTile: vectors anywhere, each number of channels, the last vector stored in part.
func TestDirectTile(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		if !micro.HasDirect() {
			t.Skip("no code for it")
		}
		rng := rand.New(rand.NewPCG(5, 6))
		lanes, channels := simd.Lanes(), micro.Channels()
		for vectors := 1; vectors <= 8; vectors++ {
			for n := 1; n <= channels; n++ {
				for last := 1; last <= lanes; last++ {
					for init := micro.InitZero; init <= micro.InitRowBias; init++ {
						k, even := 1+rng.IntN(9), rng.IntN(2) == 0
						d := micro.DirectTile{At: make([]micro.Pair, vectors), Last: last, Step: make([]micro.Pair, k), Even: even, N: n, CRow: vectors*lanes + 3, Init: init, Bias: kerneltest.Randoms(rng, channels)}
						d.A, d.B, d.C = kerneltest.Randoms(rng, k*channels), kerneltest.Randoms(rng, (vectors+k)*lanes), kerneltest.Randoms(rng, n*d.CRow)
						for v, from := range rng.Perm(vectors) {
							d.At[v] = micro.Pair{from * lanes, v * lanes}
						}
						for p := range d.Step {
							d.Step[p] = micro.Pair{p * channels, p * lanes}
							if !even {
								d.Step[p][1] = rng.IntN(k * lanes)
							}
						}
						if rng.IntN(2) == 0 {
							d.SetPrefetch([][]float32{d.B, d.A}, micro.PanelSteps(vectors, k))
						}
						want := wide(d.C)
						for i := range n {
							for v, at := range d.At {
								for l := range lanes {
									if v == vectors-1 && l >= last {
										continue
									}
									to := at[1] + i*d.CRow + l
									want[to] = initial(init, d.C[to], d.Bias, i, 0)
									for _, s := range d.Step {
										want[to] += float64(d.A[s[0]+i]) * float64(d.B[at[0]+s[1]+l])
									}
								}
							}
						}
						d.Run()
						if err := kerneltest.Compare(d.C, want, 1e-5); err != nil {
							t.Fatalf("%d vectors, %d channels, last %d, %d steps, even %v, begin %d: %v", vectors, n, last, k, even, init, err)
						}
					}
				}
			}
		}
	})
}

// TestDotTile: sums that are continued and summed up at the end.
func TestDotTile(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		if !micro.HasDots() {
			t.Skip("no code for it")
		}
		rng := rand.New(rand.NewPCG(7, 8))
		lanes, channels := simd.Lanes(), micro.Channels()
		for _, triples := range []int{1, 2, 3} {
			k := 1 + rng.IntN(7)
			d := micro.DotTile{Step: make([]micro.Pair, k), ARow: (k + 1) * lanes, Col: make([]int, 3*triples+3), Sums: make([]float32, triples*micro.DotSums())}
			d.A, d.B = kerneltest.Randoms(rng, channels*d.ARow), kerneltest.Randoms(rng, 40*lanes)
			for p := range d.Step {
				d.Step[p] = micro.Pair{p * lanes, rng.IntN(20 * lanes)}
			}
			for j := range d.Col {
				d.Col[j] = rng.IntN(19 * lanes)
			}
			d.Run()
			d.Add, d.End, d.Prefetch = true, true, d.B
			d.Run()
			for j := range 3 * triples {
				for i := range channels {
					want := 0.0
					for _, s := range d.Step {
						for l := range lanes {
							want += 2 * float64(d.A[s[0]+i*d.ARow+l]) * float64(d.B[s[1]+d.Col[j]+l])
						}
					}
					if got := d.Sums[j/3*micro.DotSums()+j%3*micro.DotEnds()+i]; math.Abs(float64(got)-want) > 1e-4 {
						t.Fatalf("%d triples: sum of row %d, column %d is %g, want %g", triples, i, j, got, want)
					}
				}
			}
		}
	})
}

// TestRunTile: runs of several lengths with gaps, and every width.
func TestRunTile(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		if !micro.HasRuns() {
			t.Skip("no code for it")
		}
		rng := rand.New(rand.NewPCG(9, 10))
		most := micro.Vecs() * simd.Lanes()
		for cols := 1; cols <= most; cols++ {
			for _, rows := range []int{1, micro.Rows(), 2*micro.Rows() + 3} {
				for variant := range 4 {
					width, length := simd.RoundUp(cols, simd.Lanes()), 1+rng.IntN(9)
					r := micro.RunTile{Rows: rows, Cols: cols, Runs: 1 + rng.IntN(3), Length: length, Jump: rows*length + 2, Lda: length, Ldc: cols + 1, Add: variant&1 > 0}
					r.A, r.B, r.C = kerneltest.Randoms(rng, r.Runs*r.Jump), kerneltest.Randoms(rng, r.Runs*length*width), kerneltest.Randoms(rng, rows*r.Ldc)
					if variant&2 > 0 {
						r.Prefetch = r.A
					}
					want := wide(r.C)
					for i := range rows {
						for j := range cols {
							if !r.Add {
								want[i*r.Ldc+j] = 0
							}
							for p := range r.Runs * length {
								want[i*r.Ldc+j] += float64(r.A[i*r.Lda+p/length*r.Jump+p%length]) * float64(r.B[p*width+j])
							}
						}
					}
					r.Run()
					if err := kerneltest.Compare(r.C, want, 1e-5); err != nil {
						t.Fatalf("%d rows, %d columns, %d runs of %d, add %v: %v", rows, cols, r.Runs, length, r.Add, err)
					}
				}
			}
		}
	})
}

// TestTallTile: every number of rows.
func TestTallTile(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		if !micro.HasTall() {
			t.Skip("no code for it")
		}
		rng := rand.New(rand.NewPCG(11, 12))
		for n := 1; n <= micro.TallHigh; n++ {
			for _, k := range []int{1, 15, 16, 70, 130} {
				vectors := 1 + rng.IntN(3)
				row := vectors * simd.Lanes()
				tall := micro.TallTile{Vectors: vectors, N: n, High: simd.RoundUp(n, 8), K: k, BRow: row + 1, CRow: row + 2}
				tall.A, tall.B, tall.Bias = kerneltest.Randoms(rng, k*tall.High), kerneltest.Randoms(rng, k*tall.BRow), kerneltest.Randoms(rng, tall.High)
				tall.C, tall.Prefetch = kerneltest.Randoms(rng, n*tall.CRow), tall.B
				want := wide(tall.C)
				for i := range n {
					for l := range row {
						want[i*tall.CRow+l] = float64(tall.Bias[i])
						for p := range k {
							want[i*tall.CRow+l] += float64(tall.A[p*tall.High+i]) * float64(tall.B[p*tall.BRow+l])
						}
					}
				}
				tall.Run()
				if err := kerneltest.Compare(tall.C, want, 1e-5); err != nil {
					t.Fatalf("%d rows, %d steps, %d vectors: %v", n, k, vectors, err)
				}
			}
		}
	})
}
