package kernel

// A product is computed in tiles of C, each by one call of a microkernel that
// keeps the tile in registers. The right operand is cut into panels a few
// vectors wide. A panel, packed into a contiguous buffer, is multiplied with
// all of the left operand before the next is packed: it stays in the first two
// levels of cache while the packed left operand streams past.
const (
	blockK = 256  // depth of a panel
	blockM = 4096 // rows of the left operand packed at once
)

// product is C (+)= alpha·A·B with an arbitrary source of B.
type product struct {
	m, n, k int
	alpha   float32
	a       matrix
	b       panels
	c       []float32
	ldc     int
	add     bool
}

// panels supplies the right operand of a product piece by piece.
type panels interface {
	// pack writes rows k0 to k1 and columns j0 to j1 of the operand to dst, a
	// row every width elements. What it leaves after column j1 is not used.
	pack(dst []float32, k0, k1, j0, j1, width int)
}

func (p product) run(w *Workers) {
	if p.k <= 0 || p.alpha == 0 {
		if !p.add {
			for i := range p.m {
				clear(p.c[i*p.ldc : i*p.ldc+p.n])
			}
		}
		return
	}
	s := newSplit(p.n)
	// A panel too few to gain from packing A, or a row tile too few for B: the
	// microkernel reads that operand where it is.
	direct := s.panels <= 2 && p.alpha == 1
	for i0 := 0; i0 < p.m; i0 += blockM {
		for k0 := 0; k0 < p.k; k0 += blockK {
			b := block{product: &p, split: s, i0: i0, rows: min(blockM, p.m-i0), k0: k0, depth: min(blockK, p.k-k0)}
			if !direct {
				b.packA(w)
			}
			b.multiply(w)
			if !direct {
				release(b.packed)
			}
		}
	}
}

// split divides columns into panels of whole vectors, as evenly as possible.
type split struct {
	n, vectors, panels int
}

func newSplit(n int) split {
	v := (n + isa.lanes - 1) / isa.lanes
	return split{n, v, (v + isa.vecs - 1) / isa.vecs}
}

// panel returns the columns of panel i.
func (s split) panel(i int) (j0, j1 int) {
	return i * s.vectors / s.panels * isa.lanes, min((i+1)*s.vectors/s.panels*isa.lanes, s.n)
}

// block is the part of a product that is computed from one packed piece of A.
type block struct {
	*product
	split
	i0, rows  int
	k0, depth int
	packed    *[]float32 // isa.rows elements a column, tile after tile; nil: read A itself
}

func (b *block) packA(w *Workers) {
	tiles := (b.rows + isa.rows - 1) / isa.rows
	b.packed = scratch(tiles*isa.rows*b.depth + packSlack)
	w.For(tiles, grainOf(isa.rows*b.depth), func(lo, hi int) {
		for t := lo; t < hi; t++ {
			i := b.i0 + t*isa.rows
			packRows((*b.packed)[t*isa.rows*b.depth:], isa.rows, b.a, i, min(isa.rows, b.i0+b.rows-i), b.k0, b.depth, b.alpha)
		}
	})
}

// multiply computes all tiles of the block. If there are fewer panels than keep
// the threads busy, the rows are divided too; the result is the same.
func (b *block) multiply(w *Workers) {
	tiles := (b.rows + isa.rows - 1) / isa.rows
	parts := 1
	if t := w.Threads(); t > 1 && b.panels < 4*t {
		parts = min(tiles, (4*t+b.panels-1)/b.panels)
	}
	work := 1 + (1<<16)/(b.depth*b.rows*isa.lanes) // a loop not worth sharing stays whole
	w.For(b.panels*parts, work, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			part := i % parts
			b.panelProduct(i/parts, part*tiles/parts*isa.rows, min((part+1)*tiles/parts*isa.rows, b.rows))
		}
	})
}

// panelProduct computes rows r0 to r1 of the block in one panel.
func (b *block) panelProduct(panel, r0, r1 int) {
	j0, j1 := b.panel(panel)
	t := tile{k: b.depth, cols: j1 - j0, ldc: b.ldc, add: b.add || b.k0 > 0}
	if m, ok := b.b.(matrix); ok && m.rj == 1 && r1-r0 <= 3*isa.rows {
		t.b, t.kb = m.x[b.k0*m.ri+j0:], m.ri
	} else {
		t.kb = roundUp(t.cols, isa.lanes)
		buf := scratch(t.kb*b.depth + packSlack)
		defer release(buf)
		b.b.pack(*buf, b.k0, b.k0+b.depth, j0, j1, t.kb)
		t.b = *buf
	}
	for r := r0; r < r1; r += isa.rows {
		t.rows = min(isa.rows, r1-r)
		if b.packed != nil {
			t.a, t.ra, t.ka = (*b.packed)[r*b.depth:], 1, isa.rows
		} else {
			t.a, t.ra, t.ka = b.a.x[(b.i0+r)*b.a.ri+b.k0*b.a.rj:], b.a.ri, b.a.rj
		}
		t.c = b.c[(b.i0+r)*b.ldc+j0:]
		t.run()
	}
}

// tile is one call of a microkernel: for i < rows and j < cols, both at most
// those of the instruction set,
//
//	c[i*ldc+j] (+)= Σ_p a[i*ra+p*ka] · b[p*kb+j], p < k, k ≥ 1
type tile struct {
	k          int
	a          []float32
	ra, ka     int
	b          []float32
	kb         int
	c          []float32
	ldc        int
	rows, cols int
	add        bool
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
