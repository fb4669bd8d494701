package gemm

import (
	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Large products are computed in the matrix unit where there is one. Both factors are packed as
// sums of bfloat16, in tiles and in the order in which they are read: A in strips of two tiles,
// B in panels of two. A block of B stays in the L2 cache while the strips of A pass by.

// tileSide is the rows of a strip of A, and the columns of a panel of B.
const tileSide = 2 * amx.Rows

// tileParts returns the precision that is asked for.
func tileParts(w *parallel.Workers) amx.Parts {
	if w.Rounds() {
		return amx.Rounded
	}
	return amx.Exact
}

// inTiles reports whether the matrix unit is the fastest: whether packing, which costs as much
// for small products, is but a small part of it.
func (p *General) inTiles(parts amx.Parts) bool {
	least, size := 48, 1<<20
	if parts == amx.Exact {
		least, size = 128, 1<<24
	}
	return amx.Available() && p.Alpha == 1 && min(p.M, p.N, p.K) >= least && p.M*p.N*p.K >= size
}

// runTiles computes the sum a part after another, so that strips stay in the cache.
func (p *General) runTiles(w *parallel.Workers, parts amx.Parts) {
	const most = 1024
	for k := 0; k < p.K; k += most {
		q := *p
		q.K, q.A.X, q.B.X, q.sums = min(most, p.K-k), p.A.X[k*p.A.ColStride:], p.B.X[k*p.B.RowStride:], nil
		if k > 0 {
			q.Init = micro.InitC
		}
		if k+most < p.K {
			q.Epilogue = nil
		}
		q.shareTiles(w, parts)
	}
	p.addSums(0, p.K, 0, p.N)
}

// shareTiles shares the product among threads, by its longer side.
func (p *General) shareTiles(w *parallel.Workers, parts amx.Parts) {
	rows := p.M >= p.N
	strips := (max(p.M, p.N) + tileSide - 1) / tileSide
	shares := min(w.Threads(), strips)
	w.For(shares, 1, func(lo, hi int) {
		from, to := lo*strips/shares*tileSide, hi*strips/shares*tileSide
		if rows {
			p.tiles(parts, from, min(to, p.M), 0, p.N)
		} else {
			p.tiles(parts, 0, p.M, from, min(to, p.N))
		}
	})
}

// tiles computes rows i0 to i1 of columns j0 to j1, a block after another.
func (p *General) tiles(parts amx.Parts, i0, i1, j0, j1 int) {
	const mostA = 1 << 21 // words of strips of A
	t := tileBlock{General: p, parts: parts, depth: (p.K + amx.Depth - 1) / amx.Depth}
	t.strip = t.depth * int(parts) * 2 * amx.Tile
	high := max(1, min(mostA/t.strip, (i1-i0+tileSide-1)/tileSide)) * tileSide
	wide := max(1, min(simd.CacheL2/2/4/t.strip, (j1-j0+tileSide-1)/tileSide)) * tileSide
	a, b := scratch.Floats(high/tileSide*t.strip+amx.Slack), scratch.Floats(wide/tileSide*t.strip+amx.Slack)
	edge := scratch.Floats(tileSide * wide)
	defer scratch.Free(a)
	defer scratch.Free(b)
	defer scratch.Free(edge)
	t.left, t.right, t.edge = amx.Words(*a), amx.Words(*b), *edge
	t.step = make([]int, t.depth)
	for s := range t.step {
		t.step[s] = 4 * s * int(parts) * 2 * amx.Tile
	}
	for i := i0; i < i1; i += high {
		end := min(i+high, i1)
		splitA := t.pack(t.left, p.A, i, end, true)
		for j := j0; j < j1; j += wide {
			last := min(j+wide, j1)
			if !splitA || !t.pack(t.right, p.B.Transposed(), j, last, false) {
				p.region(new(chunk), i, end, j, last)
				continue
			}
			for r := i; r < end; r += tileSide {
				t.compute(t.left[(r-i)/tileSide*t.strip:], r, min(r+tileSide, end), j, last)
			}
		}
	}
}

// tileBlock is a block of a product, packed.
type tileBlock struct {
	*General
	parts       amx.Parts
	depth       int // steps of the sum, in tiles
	strip       int // words of a strip of A, and of a panel of B
	step        []int
	left, right []uint32
	edge        []float32 // sums of a strip, where they do not fit into C
}

// pack packs rows from to to of a matrix, in strips: by step, part, tile. The rows of a tile are
// rows of the matrix if left is set, and otherwise its words are. It reports whether the elements
// can be split.
func (t *tileBlock) pack(dst []uint32, x micro.Matrix, from, to int, left bool) bool {
	var padded [amx.Rows * amx.Depth]float32
	ok, part := true, 2*amx.Tile
	for i := from; i < to; i += amx.Rows {
		n := min(amx.Rows, to-i)
		strip := dst[(i-from)/tileSide*t.strip+(i-from)/amx.Rows%2*amx.Tile:]
		for s := range t.depth {
			k := s * amx.Depth
			deep := min(amx.Depth, t.K-k)
			tile := strip[t.step[s]/4:]
			src := x.X[i*x.RowStride+k*x.ColStride:]
			alongDepth := x.ColStride == 1
			switch {
			case deep < amx.Depth || alongDepth != left:
				// With zeros after the end of the sum, and in the order in which words want it.
				clear(padded[:])
				copyBlock(padded[:], left, src, x, n, deep)
				if left {
					ok = amx.Split(t.parts, n, amx.Depth/2, padded[:], padded[amx.Depth/2:], amx.Depth, tile, amx.Rows, part) && ok
				} else {
					ok = amx.Split(t.parts, amx.Depth/2, amx.Rows, padded[:], padded[amx.Depth/2*amx.Rows:], amx.Rows, tile, amx.Rows, part) && ok
				}
			case left:
				ok = amx.Split(t.parts, n, amx.Depth/2, src, src[amx.Depth/2:], x.RowStride, tile, amx.Rows, part) && ok
			default:
				ok = amx.Split(t.parts, amx.Depth/2, n, src, src[amx.Depth/2*x.ColStride:], x.ColStride, tile, amx.Rows, part) && ok
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
	task := amx.Task{High: 2, Parts: t.parts, Left: left[:t.strip], Right: t.right, Step: t.step, Row: amx.Rows, Part: 2 * amx.Tile, Next: amx.Tile, Block: t.strip, Blocks: (j1 - j0) / tileSide, SumsBlock: tileSide}
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
