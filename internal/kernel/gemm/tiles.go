package gemm

import (
	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Products whose factors may be rounded are computed in the matrix unit where there is one. Both
// factors are packed in tiles, in the order in which they are read: A in strips of two tiles, B in
// panels of two. A block of B stays in the L2 cache while the strips of A pass by.

// tileSide is the rows of a strip of A, and the columns of a panel of B.
const tileSide = 2 * amx.Rows

// inTiles reports whether that may be done and is the fastest: whether packing, which costs as
// much for small products, is but a small part of it.
func (p *General) inTiles(w *parallel.Workers) bool {
	const least, size = 48, 1 << 20
	return w.Rounds() && amx.Available() && p.Alpha == 1 && min(p.M, p.N, p.K) >= least && p.M*p.N*p.K >= size
}

// runTiles shares the product among threads, by its longer side.
func (p *General) runTiles(w *parallel.Workers) {
	rows := p.M >= p.N
	strips := (max(p.M, p.N) + tileSide - 1) / tileSide
	shares := min(w.Threads(), strips)
	w.For(shares, 1, func(lo, hi int) {
		from, to := lo*strips/shares*tileSide, hi*strips/shares*tileSide
		if rows {
			p.tiles(from, min(to, p.M), 0, p.N)
		} else {
			p.tiles(0, p.M, from, min(to, p.N))
		}
	})
	p.addSums(0, p.K, 0, p.N)
}

// tiles computes rows i0 to i1 of columns j0 to j1: some rows after others, so that C stays in the
// cache, of these a part of the sum after another, so that a strip of A stays in L1, and of that
// some columns after others.
func (p *General) tiles(i0, i1, j0, j1 int) {
	const rows, depth = 512, 576
	t := newTileBlock(depth, min(rows, i1-i0), j1-j0)
	defer t.free()
	for i := i0; i < i1; i += rows {
		end := min(i+rows, i1)
		for k := 0; k < p.K; k += depth {
			q := *p
			q.K, q.A.X, q.B.X, q.sums = min(depth, p.K-k), p.A.X[k*p.A.ColStride:], p.B.X[k*p.B.RowStride:], nil
			if k > 0 {
				q.Init = micro.InitC
			}
			if k+depth < p.K {
				q.Epilogue = nil
			}
			t.add(&q, i, end, j0, j1)
		}
	}
}

// tileBlock is a block of a product, packed.
type tileBlock struct {
	*General
	strip       int // words of a strip of A, and of a panel of B
	wide        int // columns of a block
	step        []int
	left, right []uint32
	edge        []float32 // sums of a strip, where they do not fit into C
	buffers     [3]*[]float32
}

// newTileBlock returns a block for pieces of a sum of at most depth elements, of some rows and
// columns.
func newTileBlock(depth, rows, columns int) *tileBlock {
	t := &tileBlock{strip: depth / amx.Depth * 2 * amx.Tile}
	strips, panels := (rows+tileSide-1)/tileSide, (columns+tileSide-1)/tileSide
	t.wide = max(1, min(simd.CacheL2/2/4/t.strip, panels)) * tileSide
	t.buffers = [3]*[]float32{scratch.Floats(strips*t.strip + amx.Slack), scratch.Floats(t.wide/tileSide*t.strip + amx.Slack), scratch.Floats(tileSide * t.wide)}
	t.left, t.right, t.edge = amx.Words(*t.buffers[0]), amx.Words(*t.buffers[1]), *t.buffers[2]
	for s := range depth / amx.Depth {
		t.step = append(t.step, 4*s*2*amx.Tile)
	}
	return t
}

func (t *tileBlock) free() {
	for _, b := range t.buffers {
		scratch.Free(b)
	}
}

// add computes rows i0 to i1 of columns j0 to j1 of a product.
func (t *tileBlock) add(p *General, i0, i1, j0, j1 int) {
	t.General = p
	ok := t.pack(t.left, p.A, i0, i1, true)
	for j := j0; j < j1; j += t.wide {
		last := min(j+t.wide, j1)
		if !ok || !t.pack(t.right, p.B.Transposed(), j, last, false) {
			p.region(new(chunk), i0, i1, j, last)
			continue
		}
		for r := i0; r < i1; r += tileSide {
			t.compute(t.left[(r-i0)/tileSide*t.strip:], r, min(r+tileSide, i1), j, last)
		}
	}
}

// depth returns the steps of the sum, in tiles.
func (t *tileBlock) depth() int { return (t.K + amx.Depth - 1) / amx.Depth }

// pack packs rows from to to of a matrix, in strips: by step, tile. The rows of a tile are
// rows of the matrix if left is set, and otherwise its words are. It reports whether the elements
// can be rounded.
func (t *tileBlock) pack(dst []uint32, x micro.Matrix, from, to int, left bool) bool {
	var padded [amx.Rows * amx.Depth]float32
	ok := true
	for i := from; i < to; i += amx.Rows {
		n := min(amx.Rows, to-i)
		strip := dst[(i-from)/tileSide*t.strip+(i-from)/amx.Rows%2*amx.Tile:]
		for s := range t.depth() {
			k := s * amx.Depth
			deep := min(amx.Depth, t.K-k)
			tile := strip[t.step[s]/4:]
			src := x.X[i*x.RowStride+k*x.ColStride:]
			alongDepth := x.ColStride == 1
			switch {
			case deep < amx.Depth || alongDepth != left:
				// With zeros after the end of the sum, and in the order in which words want it.
				if deep < amx.Depth {
					clear(padded[:])
				}
				copyBlock(padded[:], left, src, x, n, deep)
				if left {
					ok = amx.Round(n, amx.Depth/2, padded[:], padded[amx.Depth/2:], amx.Depth, tile, amx.Rows) && ok
				} else {
					ok = amx.Round(amx.Depth/2, amx.Rows, padded[:], padded[amx.Depth/2*amx.Rows:], amx.Rows, tile, amx.Rows) && ok
				}
			case left:
				ok = amx.Round(n, amx.Depth/2, src, src[amx.Depth/2:], x.RowStride, tile, amx.Rows) && ok
			default:
				ok = amx.Round(amx.Depth/2, n, src, src[amx.Depth/2*x.ColStride:], x.ColStride, tile, amx.Rows) && ok
			}
		}
	}
	return ok
}

// copyBlock copies n rows of deep elements of a matrix: to rows of [amx.Depth] elements, or, unless
// left is set, to columns of rows of [amx.Rows].
func copyBlock(dst []float32, left bool, src []float32, x micro.Matrix, n, deep int) {
	switch {
	case left && x.ColStride == 1:
		simd.CopyRows(dst, amx.Depth, src, x.RowStride, n, deep)
	case left:
		simd.TransposeAll(dst, amx.Depth, src, x.ColStride, deep, n)
	case x.ColStride == 1:
		simd.TransposeAll(dst, amx.Rows, src, x.RowStride, n, deep)
	default:
		simd.CopyRows(dst, amx.Rows, src, x.ColStride, deep, n)
	}
}

// compute computes a strip of rows i0 to i1 of columns j0 to j1.
func (t *tileBlock) compute(left []uint32, i0, i1, j0, j1 int) {
	for i := i0; i < i1; i++ {
		switch row := t.C[i*t.Ldc+j0 : i*t.Ldc+j1]; t.Init {
		case micro.InitRowBias:
			simd.Fill(row, t.bias[i])
		case micro.InitColumnBias:
			copy(row, t.bias[j0:j1])
		}
	}
	add := t.Init != micro.InitZero
	task := amx.Task{High: 2, Left: left[:t.strip], Right: t.right, Step: t.step[:t.depth()], Row: amx.Rows, Next: amx.Tile, Block: t.strip, Blocks: (j1 - j0) / tileSide, SumsBlock: tileSide}
	done := 0
	if i1-i0 == tileSide && task.Blocks > 0 {
		task.Sums, task.SumsRow, task.Add = t.C[i0*t.Ldc+j0:], t.Ldc, add
		task.Run()
		done = task.Blocks * tileSide
	}
	if rest := j1 - j0 - done; rest > 0 {
		task.Blocks = (rest + tileSide - 1) / tileSide
		task.Right = t.right[done/tileSide*t.strip:]
		task.Sums, task.SumsRow, task.Add = t.edge, task.Blocks*tileSide, false
		task.Run()
		for i := i0; i < i1; i++ {
			to, from := t.C[i*t.Ldc+j0+done:i*t.Ldc+j1], t.edge[(i-i0)*task.SumsRow:]
			if add {
				simd.Add(to, to, from[:rest])
			} else {
				copy(to, from)
			}
		}
	}
	t.finished(i0, i1, j0, j1)
}
