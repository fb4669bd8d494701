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

// partDepth is how many steps of a sum are computed at a time, so that a strip of A stays in L1.
const partDepth = 576

// tileSide is the rows of a strip of A, and the columns of a panel of B.
const tileSide = 2 * amx.Rows

// inTiles reports whether that may be done and is the fastest: whether packing, which costs as
// much for small products, is but a small part of it.
func (p *General) inTiles(w *parallel.Workers) bool {
	return w.Rounds() && amx.Available() && p.Alpha == 1 && p.fillsTiles()
}

// fillsTiles reports whether the product is large enough for that.
func (p *General) fillsTiles() bool {
	const least, size = 48, 1 << 20
	return min(p.M, p.N, p.K) >= least && p.M*p.N*p.K >= size
}

// runTiles shares the product among threads, by its longer side.
func (p *General) runTiles(w *parallel.Workers) {
	rows := p.M >= p.N
	strips := stripsOf(max(p.M, p.N))
	shares := min(w.Threads(), strips)
	right := p.kept.words(w, p)
	w.For(shares, 1, func(lo, hi int) {
		from, to := lo*strips/shares*tileSide, hi*strips/shares*tileSide
		if rows {
			p.tiles(right, from, min(to, p.M), 0, p.N)
		} else {
			p.tiles(right, 0, p.M, from, min(to, p.N))
		}
	})
	p.addSums(0, p.K, 0, p.N)
}

// tiles computes rows i0 to i1 of columns j0 to j1: some rows after others, so that C stays in the
// cache, of these a part of the sum after another, so that a strip of A stays in L1, and of that
// some columns after others. right is B as it is packed, all of it; nil if it is yet to be.
func (p *General) tiles(right []uint32, i0, i1, j0, j1 int) {
	const rows = 512
	t := newTileBlock(min(partDepth, p.K), min(rows, i1-i0), j1-j0, right != nil)
	defer t.free()
	for i := i0; i < i1; i += rows {
		end := min(i+rows, i1)
		for k := 0; k < p.K; k += partDepth {
			q := p.part(k)
			if right != nil {
				panel := panelOf(q.K)
				t.panel, t.right = panel, right[p.panels()*panelOf(k)+j0/tileSide*panel:]
			}
			t.add(q, i, end, j0, j1)
		}
	}
}

// part returns the product of the part of the sum that begins with step k.
func (p *General) part(k int) *General {
	q := *p
	q.K, q.A.X, q.B.X, q.sums = min(partDepth, p.K-k), p.A.X[k*p.A.ColStride:], p.B.X[k*p.B.RowStride:], nil
	if k > 0 {
		q.Init = micro.InitC
	}
	if k+partDepth < p.K {
		q.Epilogue = nil
	}
	return &q
}

// panels returns the number of panels of B.
func (p *General) panels() int { return stripsOf(p.N) }

// stripsOf returns the number of strips for so many rows, or of panels for so many columns.
func stripsOf(n int) int { return (n + tileSide - 1) / tileSide }

// stepsOf returns the steps of a sum of so many elements, in tiles.
func stepsOf(depth int) int { return (depth + amx.Depth - 1) / amx.Depth }

// panelOf returns the words of a strip or panel for a sum of so many elements.
func panelOf(depth int) int { return stepsOf(depth) * 2 * amx.Tile }

// tileBlock is a block of a product, packed.
type tileBlock struct {
	*General
	strip       int  // words of a strip of A
	panel       int  // words of a panel of B
	wide        int  // columns of a block
	packed      bool // B is packed
	step        []int
	left, right []uint32
	edge        []float32 // sums of a strip, where they do not fit into C
	buffers     [3]*[]float32
}

// newTileBlock returns a block for pieces of a sum of at most depth elements, of some rows and
// columns, of which B may be packed already.
func newTileBlock(depth, rows, columns int, packed bool) *tileBlock {
	t := &tileBlock{strip: panelOf(depth), panel: panelOf(depth), packed: packed}
	t.wide = max(1, min(simd.CacheL2/2/4/t.strip, stripsOf(columns))) * tileSide
	t.buffers[0], t.buffers[1] = scratch.Floats(stripsOf(rows)*t.strip+amx.Slack), scratch.Floats(tileSide*t.wide)
	t.left, t.edge = amx.Words(*t.buffers[0]), *t.buffers[1]
	if !packed {
		t.buffers[2] = scratch.Floats(t.wide/tileSide*t.panel + amx.Slack)
		t.right = amx.Words(*t.buffers[2])
	}
	t.step = steps(depth)
	return t
}

// steps returns where the tiles of each step of a sum begin in a strip or panel, in bytes.
func steps(depth int) (at []int) {
	for s := range stepsOf(depth) {
		at = append(at, 4*s*2*amx.Tile)
	}
	return at
}

func (t *tileBlock) free() {
	for _, b := range t.buffers {
		if b != nil {
			scratch.Free(b)
		}
	}
}

// add computes rows i0 to i1 of columns j0 to j1 of a product.
func (t *tileBlock) add(p *General, i0, i1, j0, j1 int) {
	t.General = p
	ok := t.pack(t.left, t.strip, p.A, i0, i1, true)
	for j := j0; j < j1; j += t.wide {
		last, right := min(j+t.wide, j1), t.right
		if t.packed {
			right = right[(j-j0)/tileSide*t.panel:]
		}
		if !ok || !t.packed && !t.pack(right, t.panel, p.B.Transposed(), j, last, false) {
			p.region(new(chunk), i0, i1, j, last)
			continue
		}
		for r := i0; r < i1; r += tileSide {
			t.compute(t.left[(r-i0)/tileSide*t.strip:], right, r, min(r+tileSide, i1), j, last)
		}
	}
}

// pack packs rows from to to of a matrix, in strips of size words: by step, tile. The rows of a tile are
// rows of the matrix if left is set, and otherwise its words are. It reports whether the elements
// can be rounded.
func (t *tileBlock) pack(dst []uint32, size int, x micro.Matrix, from, to int, left bool) bool {
	var padded [amx.Rows * amx.Depth]float32
	ok := true
	for i := from; i < to; i += amx.Rows {
		n := min(amx.Rows, to-i)
		strip := dst[(i-from)/tileSide*size+(i-from)/amx.Rows%2*amx.Tile:]
		for s := range stepsOf(t.K) {
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
func (t *tileBlock) compute(left, right []uint32, i0, i1, j0, j1 int) {
	for i := i0; i < i1; i++ {
		switch row := t.C[i*t.Ldc+j0 : i*t.Ldc+j1]; t.Init {
		case micro.InitRowBias:
			simd.Fill(row, t.bias[i])
		case micro.InitColumnBias:
			copy(row, t.bias[j0:j1])
		}
	}
	add := t.Init != micro.InitZero
	task := amx.Task{High: 2, Left: left[:t.strip], Right: right, Step: t.step[:stepsOf(t.K)], Row: amx.Rows, Next: amx.Tile, Block: t.panel, Blocks: (j1 - j0) / tileSide, SumsBlock: tileSide}
	done := 0
	if i1-i0 == tileSide && task.Blocks > 0 {
		task.Sums, task.SumsRow, task.Add = t.C[i0*t.Ldc+j0:], t.Ldc, add
		task.Run()
		done = task.Blocks * tileSide
	}
	if rest := j1 - j0 - done; rest > 0 {
		task.Blocks = (rest + tileSide - 1) / tileSide
		task.Right = right[done/tileSide*t.panel:]
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
