package kernel

// A product is computed in tiles of C that a microkernel keeps in registers.
// The right operand is cut into panels a few vectors wide. A panel, packed into
// a contiguous buffer, is multiplied with all of the left operand before the
// next is packed: it stays in the first two levels of cache while the packed
// left operand streams past.
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
	for i0 := 0; i0 < p.m; i0 += blockM {
		for k0 := 0; k0 < p.k; k0 += blockK {
			b := block{product: &p, split: newSplit(p.n), i0: i0, rows: min(blockM, p.m-i0), k0: k0, depth: min(blockK, p.k-k0)}
			b.run(w)
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
	a         []float32 // A packed, or as it is
	row       []pair    // offsets of the block's rows in a and c
	ka        int       // step in a for each k
}

func (b *block) run(w *Workers) {
	row := offsets(roundUp(b.rows, isa.rows))
	defer releaseOffsets(row)
	b.row = *row
	// With few panels, packing A costs more than it gains.
	if b.panels <= 2 && b.alpha == 1 {
		b.a, b.ka = b.product.a.x[b.i0*b.product.a.ri+b.k0*b.product.a.rj:], b.product.a.rj
		for i := range b.rows {
			b.row[i] = pair{i * b.product.a.ri, i * b.ldc}
		}
		padRows(b.row, b.rows)
	} else {
		packed := scratch(len(b.row)*b.depth + packSlack)
		defer release(packed)
		b.a, b.ka = *packed, isa.rows
		b.packA(w)
	}
	b.multiply(w)
}

// packA copies the block's part of A, isa.rows elements a column, one tile of
// rows after another.
func (b *block) packA(w *Workers) {
	for i := range b.rows {
		b.row[i] = pair{i/isa.rows*isa.rows*b.depth + i%isa.rows, i * b.ldc}
	}
	padRows(b.row, b.rows)
	w.For(len(b.row)/isa.rows, grainOf(isa.rows*b.depth), func(lo, hi int) {
		for t := lo; t < hi; t++ {
			i := t * isa.rows
			packRows(b.a[i*b.depth:], isa.rows, b.product.a, b.i0+i, min(isa.rows, b.rows-i), b.k0, b.depth, b.alpha)
		}
	})
}

// multiply computes all tiles of the block. If there are fewer panels than keep
// the threads busy, the rows are divided too; the result is the same.
func (b *block) multiply(w *Workers) {
	tiles := len(b.row) / isa.rows
	parts := 1
	if t := w.Threads(); t > 1 && b.panels < 4*t {
		parts = min(tiles, (4*t+b.panels-1)/b.panels)
	}
	work := 1 + (1<<16)/(b.depth*b.rows*isa.lanes) // a loop not worth sharing stays whole
	w.For(b.panels*parts, work, func(lo, hi int) {
		step := offsets(b.depth)
		defer releaseOffsets(step)
		for i := lo; i < hi; i++ {
			part := i % parts
			b.panelProduct(i/parts, part*tiles/parts*isa.rows, min((part+1)*tiles/parts*isa.rows, b.rows), *step)
		}
	})
}

// panelProduct computes rows r0 to r1 of the block in one panel.
func (b *block) panelProduct(panel, r0, r1 int, step []pair) {
	j0, j1 := b.panel(panel)
	t := tile{step: step, row: b.row[r0:], rows: r1 - r0, cols: j1 - j0, a: b.a, c: b.c[b.i0*b.ldc+j0:], begin: addTo(b.add || b.k0 > 0)}
	kb := roundUp(t.cols, isa.lanes)
	if m, ok := b.b.(matrix); ok && m.rj == 1 && t.rows <= 3*isa.rows {
		t.b, kb = m.x[b.k0*m.ri+j0:], m.ri
	} else {
		buf := scratch(kb*b.depth + packSlack)
		defer release(buf)
		b.b.pack(*buf, b.k0, b.k0+b.depth, j0, j1, kb)
		t.b = *buf
	}
	for p := range step {
		step[p] = pair{p * b.ka, p * kb}
	}
	t.run()
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
