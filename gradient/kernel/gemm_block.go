package kernel

import "sync"

// A product is computed in strips: as many rows of C as a microkernel is high.
// Its part of A is small enough for the first level of cache, where it stays
// while B passes by from the second: so much of B is packed at a time as fits
// there. Packing puts B in the order in which it is read.
//
// The caches' sizes, not the processor's maker, decide:
//
//	depth   steps of the sum at a time: a strip of A takes a quarter of L1
//	block   B packed at a time takes 5/8 of L2
func maxDepth() int { return max(64, cacheL1/4/(4*isa.rows)/unroll*unroll) }
func maxBlock() int { return cacheL2 * 5 / 8 / 4 }

// unroll is how many steps of the sum microkernels compute in a round.
const unroll = 4

// product is C (+)= alpha·A·B + bias.
type product struct {
	m, n, k int
	alpha   float32
	a, b    matrix
	c       []float32
	ldc     int
	begin   beginning
	bias    []float32
	then    func(lo, hi int) // see [Product]; rows must have no gaps
	chunk   chunk            // of the one thread, if there is but one
}

// products are kept, as small products would spend their time allocating.
var products = sync.Pool{New: func() any { return new(product) }}

// finished calls then for rows i0 to i1 and columns j0 to j1.
func (p *product) finished(i0, i1, j0, j1 int) {
	switch {
	case p.then == nil:
	case j1-j0 == p.n:
		p.then(i0*p.n, i1*p.n)
	default:
		for i := i0; i < i1; i++ {
			p.then(i*p.n+j0, i*p.n+j1)
		}
	}
}

func (p product) run(w *Workers) {
	q := products.Get().(*product)
	*q = p
	q.compute(w)
	*q = product{}
	products.Put(q)
}

func (p *product) compute(w *Workers) {
	switch {
	case p.m <= 0 || p.n <= 0:
	case p.k <= 0 || p.alpha == 0:
		p.onlyBegin()
	case p.swapPays():
		p.runSwapped(w)
	default:
		p.runBlocks(w)
	}
}

// onlyBegin sets C to what the product would be added to.
func (p *product) onlyBegin() {
	for i := range p.m {
		row := p.c[i*p.ldc : i*p.ldc+p.n]
		switch p.begin {
		case fromZero:
			clear(row)
		case fromRows:
			fill(row, p.bias[i])
		case fromColumns:
			copy(row, p.bias)
		}
	}
	p.finished(0, p.m, 0, p.n)
}

// runBlocks cuts columns and depth into blocks.
func (p *product) runBlocks(w *Workers) {
	parts := (p.k + maxDepth() - 1) / maxDepth()
	depth := roundUp((p.k+parts-1)/parts, unroll)
	columns, whole := p.n, p.n*p.k <= maxBlock()
	if !whole {
		wide := isa.vecs * isa.lanes
		blocks := max(1, (p.n*depth+maxBlock()-1)/maxBlock())
		columns = roundUp((p.n+blocks-1)/blocks, wide)
	}
	direct := p.direct()
	for j0 := 0; j0 < p.n; j0 += columns {
		j1 := min(j0+columns, p.n)
		if whole { // all of the sum in one go: C is touched once
			p.block(w, direct, j0, j1, 0, p.k, depth)
			continue
		}
		for k0 := 0; k0 < p.k; k0 += depth {
			p.block(w, direct, j0, j1, k0, min(k0+depth, p.k), depth)
		}
	}
}

// direct tells whether to leave B where it is: if few strips share it, or if all
// of it stays in L1 anyway.
func (p *product) direct() bool {
	if p.b.rj != 1 {
		return false
	}
	return p.m <= 2*isa.rows || staysInL1(p.k, p.n, p.b.ri)
}

// staysInL1 reports whether rows that are read again and again stay in cache: a
// distance near a power of two would put them into the same places.
func staysInL1(rows, columns, distance int) bool {
	return rows*(columns*4+64) <= cacheL1*3/4 && (distance == columns || distance%256 != 0)
}

// block adds steps k0 to k1 of the sum to columns j0 to j1, depth at a time.
func (p *product) block(w *Workers, direct bool, j0, j1, k0, k1, depth int) {
	var packed []float32
	width := roundUp(j1-j0, isa.lanes)
	if !direct {
		buf := scratch(width*(k1-k0) + packSlack)
		defer release(buf)
		packed = *buf
		p.packB(w, packed, j0, j1, k0, k1, depth)
	}
	strips := (p.m + isa.rows - 1) / isa.rows
	group := 1 // strips of A packed at once
	if p.packsA() {
		group = max(1, 64/isa.rows)
	}
	groups := (strips + group - 1) / group
	if w.Threads() == 1 {
		c := &p.chunk
		*c = chunk{p: p, j0: j0, width: j1 - j0, packed: packed, group: group > 1}
		for g := range groups {
			c.i0, c.i1, c.to = g*group*isa.rows, min((g+1)*group*isa.rows, p.m), c.width
			c.run(k0, k1, depth)
		}
		return
	}
	cuts := columnCuts(j1-j0, w.Threads(), groups)
	parts := len(cuts) - 1
	work := 1 + (1<<16)/(isa.rows*group*(j1-j0)*(k1-k0)/parts+1) // a loop not worth sharing stays whole
	w.For(groups*parts, work, func(lo, hi int) {
		c := &chunk{p: p, j0: j0, width: j1 - j0, packed: packed, group: group > 1}
		for i := lo; i < hi; i++ {
			g, cut := i/parts, i%parts
			c.i0, c.i1, c.from, c.to = g*group*isa.rows, min((g+1)*group*isa.rows, p.m), cuts[cut], cuts[cut+1]
			c.run(k0, k1, depth)
		}
	})
}

// columnCuts returns where to cut columns so that threads have enough to do.
// Cuts lie between panels.
func columnCuts(columns, threads, groups int) []int {
	cuts := []int{0}
	if groups < 4*threads {
		panels := newPanels(columns)
		n := panels.count()
		parts := min(n, (4*threads+groups-1)/groups)
		for i := 1; i < parts; i++ {
			_, j1 := panels.at(i*n/parts - 1)
			cuts = append(cuts, j1)
		}
	}
	return append(cuts, columns)
}

// packB packs the block, one part of depth steps after another.
func (p *product) packB(w *Workers, packed []float32, j0, j1, k0, k1, depth int) {
	width, panels := roundUp(j1-j0, isa.lanes), newPanels(j1-j0)
	for a := k0; a < k1; a += depth {
		b, dst := min(a+depth, k1), packed[(a-k0)*width:]
		items, grain := panels.count(), grainOf(depth*isa.vecs*isa.lanes)
		if p.b.rj == 1 {
			items, grain = (b-a+packBand-1)/packBand, grainOf(packBand*(j1-j0))
		}
		if w.Threads() == 1 {
			p.packPart(dst, panels, j0, a, b, 0, items)
			continue
		}
		w.For(items, grain, func(lo, hi int) { p.packPart(dst, panels, j0, a, b, lo, hi) })
	}
}

// packBand is how many rows are packed at a time, all of their columns: so that
// memory is read row by row.
const packBand = 16

// packPart packs steps a to b of the panels, which begin with column j0: of rows
// as they are, the bands from lo to hi, else the panels from lo to hi.
func (p *product) packPart(dst []float32, panels panels, j0, a, b, lo, hi int) {
	if p.b.rj != 1 {
		for i := lo; i < hi; i++ {
			q0, q1 := panels.at(i)
			p.b.pack(dst[q0*(b-a):], a, b, j0+q0, j0+q1, roundUp(q1-q0, isa.lanes))
		}
		return
	}
	for k := a + lo*packBand; k < min(a+hi*packBand, b); k += packBand {
		for i := range panels.count() {
			q0, q1 := panels.at(i)
			width := roundUp(q1-q0, isa.lanes)
			p.b.pack(dst[q0*(b-a)+(k-a)*width:], k, min(k+packBand, b), j0+q0, j0+q1, width)
		}
	}
}

// packsA tells whether strips of A are packed. By rows they need not; by columns
// they must, unless all of A is so small that its lines stay in the cache.
func (p *product) packsA() bool {
	return p.alpha != 1 || p.a.rj != 1 && !staysInL1(p.k, p.m, p.a.rj)
}

// chunk is a part of a block that one goroutine computes: rows i0 to i1, and of
// the block's columns those from from to to.
type chunk struct {
	p         *product
	i0, i1    int
	j0, width int // of the block
	from, to  int
	strip     strip
	packed    []float32 // B, nil if it is not
	group     bool      // pack A
}

func (c *chunk) run(k0, k1, depth int) {
	c.strip.cols, c.strip.panels = c.to-c.from, newPanels(c.to-c.from)
	var a []float32
	if c.group {
		buf := scratch(roundUp(c.i1-c.i0, isa.rows)*depth + packSlack)
		defer release(buf)
		a = *buf
		for k := k0; k < k1; k += depth {
			c.packA(a, k, min(k+depth, k1))
			for i := c.i0; i < c.i1; i += isa.rows {
				c.compute(a[(i-c.i0)*(min(k+depth, k1)-k):], i, k0, k, min(k+depth, k1))
			}
		}
	} else {
		for i := c.i0; i < c.i1; i += isa.rows {
			for k := k0; k < k1; k += depth {
				c.compute(nil, i, k0, k, min(k+depth, k1))
			}
		}
	}
	if k1 == c.p.k {
		c.p.finished(c.i0, c.i1, c.j0+c.from, c.j0+c.to)
	}
}

// packA packs the chunk's rows of A, one strip after another.
func (c *chunk) packA(dst []float32, k0, k1 int) {
	band := k1 - k0
	if c.p.a.rj != 1 {
		band = packBand
	}
	for k := k0; k < k1; k += band {
		for i := c.i0; i < c.i1; i += isa.rows {
			packRows(dst[(i-c.i0)*(k1-k0)+(k-k0)*isa.rows:], isa.rows, c.p.a, i, min(isa.rows, c.i1-i), k, min(band, k1-k), c.p.alpha)
		}
	}
}

// compute computes steps k0 to k1 of the rows from i; the block begins with step
// first.
func (c *chunk) compute(a []float32, i, first, k0, k1 int) {
	p, s := c.p, &c.strip
	s.rows, s.k, s.c, s.ldc, s.begin = min(isa.rows, c.i1-i), k1-k0, p.c[i*p.ldc+c.j0+c.from:], p.ldc, fromC
	s.a, s.lda, s.byRows = a, isa.rows, false
	if a == nil {
		s.a, s.lda = p.a.x[i*p.a.ri+k0*p.a.rj:], p.a.rj
		if p.a.rj == 1 {
			s.lda, s.byRows = p.a.ri, true
		}
	}
	if c.packed == nil {
		s.b, s.ldb = p.b.x[k0*p.b.ri+c.j0+c.from:], p.b.ri
	} else {
		s.b = c.packed[(k0-first)*roundUp(c.width, isa.lanes)+c.from*s.k:]
	}
	if k0 == 0 {
		switch s.begin = p.begin; p.begin {
		case fromRows:
			s.bias = p.bias[i:]
		case fromColumns:
			s.bias = p.bias[c.j0+c.from:]
		}
	}
	isa.strip(s)
}

// swapPays tells whether to compute Cᵀ = Bᵀ·Aᵀ: B by columns would have to be
// turned for packing, which is much work if A has few rows. It is better to turn
// the few rows of C.
func (p *product) swapPays() bool {
	return p.b.ri == 1 && p.b.rj != 1 && 3*p.m <= p.k && p.m <= 256 && p.begin != fromRows && p.alpha == 1
}

// runSwapped computes a few columns of C at a time, as strips of Cᵀ.
func (p *product) runSwapped(w *Workers) {
	const columns = 24 // three times what transpose turns at once, and whole strips
	width := roundUp(p.m, isa.lanes)
	packed := scratch(width*p.k + packSlack)
	defer release(packed)
	parts := (p.k + maxDepth() - 1) / maxDepth()
	depth := roundUp((p.k+parts-1)/parts, unroll)
	swapped := product{m: p.n, n: p.m, k: p.k, alpha: 1, a: matrix{p.b.x, p.b.rj, p.b.ri}, b: matrix{p.a.x, p.a.rj, p.a.ri}, ldc: width}
	swapped.packB(w, *packed, 0, p.m, 0, p.k, depth)
	w.For((p.n+columns-1)/columns, grainOf(columns*p.m*p.k/8), func(lo, hi int) {
		buf := scratch(columns * width)
		defer release(buf)
		part := new(product)
		*part = swapped
		part.c = *buf
		for q := lo; q < hi; q++ {
			j0, j1 := q*columns, min((q+1)*columns, p.n)
			part.m, part.a.x = j1-j0, p.b.x[j0*p.b.rj:]
			if p.begin == fromColumns {
				part.begin, part.bias = fromRows, p.bias[j0:]
			}
			part.chunk = chunk{p: part, i1: j1 - j0, width: p.m, to: p.m, packed: *packed}
			part.chunk.run(0, p.k, depth)
			p.turn(*buf, width, j0, j1)
		}
	})
	p.finished(0, p.m, 0, p.n)
}

// turn puts columns j0 to j1 of C in place, which come as rows ld apart.
func (p *product) turn(rows []float32, ld, j0, j1 int) {
	j := j0
	for ; p.begin != fromC && j+8 <= j1; j += 8 { // transpose writes no more than eight elements a row
		transpose(p.c[j:], p.ldc, rows[(j-j0)*ld:], ld, 8, p.m)
	}
	for ; j < j1; j++ {
		for i, v := range rows[(j-j0)*ld : (j-j0)*ld+p.m] {
			if p.begin == fromC {
				v += p.c[i*p.ldc+j]
			}
			p.c[i*p.ldc+j] = v
		}
	}
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }
