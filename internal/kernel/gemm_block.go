package kernel

import (
	"math"
	"sync"
)

// A product is computed in strips: as many rows of C as a microkernel is high.
// Its part of A is small enough for the first level of cache, where it stays
// while B passes by from the second: so much of B is packed at a time as fits
// there. Packing puts B in the order in which it is read.
//
// The caches' sizes, not the processor's maker, decide:
//
//	depth   steps of the sum at a time: a strip of A takes a quarter of L1
//	block   B packed at a time takes 5/8 of L2
func maxDepth() int { return max(64, cacheL1/4/(4*microRows())/unroll*unroll) }
func maxBlock() int { return cacheL2 * 5 / 8 / 4 }

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
	sums    []float32        // of the columns of B, or nil
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
		p.addSums(0, p.k, 0, p.n)
	case p.swapPays():
		p.runSwapped(w)
		p.addSums(0, p.k, 0, p.n)
	default:
		p.runBlocks(w)
	}
}

// addSums adds rows k0 to k1 of columns j0 to j1 of B to the sums of its columns,
// in their order whatever is computed at the same time.
func (p *product) addSums(k0, k1, j0, j1 int) {
	if p.sums == nil {
		return
	}
	for k := k0; k < k1; k++ {
		sums := p.sums[j0:j1]
		if p.b.rj == 1 {
			AddSlice(sums, sums, p.b.x[k*p.b.ri+j0:k*p.b.ri+j1])
			continue
		}
		for j := range sums {
			sums[j] += p.b.x[k*p.b.ri+(j0+j)*p.b.rj]
		}
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

// runBlocks deals out regions of C. Each thread packs what it needs, although
// others need it as well: to wait for one another, and to read what another core
// has in its cache, takes longer.
func (p *product) runBlocks(w *Workers) {
	down, across := p.regions(w.Threads())
	if down*across == 1 {
		p.region(&p.chunk, 0, p.m, 0, p.n)
		return
	}
	high := roundUp((p.m+down-1)/down, microRows())
	panels := newPanels(p.n)
	n := panels.count()
	edge := func(i int) int { // where the i'th of the regions across ends
		if i == 0 {
			return 0
		}
		_, j := panels.at(i*n/across - 1)
		return j
	}
	w.For(down*across, 1, func(lo, hi int) {
		c := new(chunk)
		for i := lo; i < hi; i++ {
			if i0 := i / across * high; i0 < p.m {
				p.region(c, i0, min(i0+high, p.m), edge(i%across), edge(i%across+1))
			}
		}
	})
}

// regions returns into how many parts rows and columns are cut for some threads: a
// few for each, so that it matters less if one of them is slow, and such that little
// is packed twice.
func (p *product) regions(threads int) (down, across int) {
	const each, least = 2, 1 << 18 // regions a thread, multiplications worth another one
	most := int(min(float64(each*threads), float64(p.m)*float64(p.n)*float64(p.k)/least))
	if threads == 1 || most < 2 {
		return 1, 1
	}
	panels := newPanels(p.n)
	strips := (p.m + microRows() - 1) / microRows()
	readA := 1.0 / 4 // of what packing costs
	if p.packsA() {
		readA = 1
	}
	best := math.Inf(1)
	for d := 1; d <= min(most, strips); d++ {
		a := min(most/d, panels.count())
		cost := float64(d*p.n) + readA*float64(a*p.m)
		if d*a < most { // too few
			cost *= float64(most) / float64(d*a)
		}
		if cost < best {
			down, across, best = d, a, cost
		}
	}
	return down, across
}

// depth returns how many steps of the sum are computed at a time.
func (p *product) depth() int {
	parts := (p.k + maxDepth() - 1) / maxDepth()
	return roundUp((p.k+parts-1)/parts, unroll)
}

// region computes rows i0 to i1 of columns j0 to j1 of C, columns and depth being
// cut into blocks.
func (p *product) region(c *chunk, i0, i1, j0, j1 int) {
	depth := p.depth()
	columns, whole := j1-j0, (j1-j0)*p.k <= maxBlock()
	if !whole {
		wide := microVecs() * isaLanes()
		blocks := max(1, (columns*depth+maxBlock()-1)/maxBlock())
		columns = roundUp((columns+blocks-1)/blocks, wide)
	}
	direct := p.direct(i1 - i0)
	for j := j0; j < j1; j += columns {
		*c = chunk{p: p, j0: j, width: min(columns, j1-j), group: p.packsA()}
		if whole { // all of the sum in one go: C is touched once
			c.block(direct, i0, i1, 0, p.k, depth)
			continue
		}
		for k := 0; k < p.k; k += depth {
			c.block(direct, i0, i1, k, min(k+depth, p.k), depth)
		}
	}
}

// direct tells whether to leave B where it is: if few strips share it, or if all
// of it stays in L1 anyway.
func (p *product) direct(rows int) bool {
	if p.b.rj != 1 {
		return false
	}
	return rows <= 2*microRows() || staysInL1(p.k, p.n, p.b.ri)
}

// staysInL1 reports whether rows that are read again and again stay in cache: a
// distance near a power of two would put them into the same places.
func staysInL1(rows, columns, distance int) bool {
	return rows*(columns*4+64) <= cacheL1*3/4 && (distance == columns || distance%256 != 0)
}

// block adds steps k0 to k1 of the sum to rows from to to of the chunk's columns,
// depth at a time.
func (c *chunk) block(direct bool, from, to, k0, k1, depth int) {
	c.packed = nil
	if !direct {
		buf := scratch(roundUp(c.width, isaLanes())*(k1-k0) + packSlack)
		defer release(buf)
		c.packed = *buf
		c.p.packB(nil, c.packed, c.j0, c.j0+c.width, k0, k1, depth)
	}
	if from == 0 {
		c.p.addSums(k0, k1, c.j0, c.j0+c.width)
	}
	high := microRows()
	if c.group { // strips of A packed at once
		high *= max(1, 64/microRows())
	}
	for i := from; i < to; i += high {
		c.i0, c.i1 = i, min(i+high, to)
		c.run(k0, k1, depth)
	}
}

// packB packs the block, one part of depth steps after another.
func (p *product) packB(w *Workers, packed []float32, j0, j1, k0, k1, depth int) {
	width, panels := roundUp(j1-j0, isaLanes()), newPanels(j1-j0)
	for a := k0; a < k1; a += depth {
		b, dst := min(a+depth, k1), packed[(a-k0)*width:]
		items, grain := panels.count(), grainOf(depth*microVecs()*isaLanes())
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
			p.b.pack(dst[q0*(b-a):], a, b, j0+q0, j0+q1, roundUp(q1-q0, isaLanes()))
		}
		return
	}
	for k := a + lo*packBand; k < min(a+hi*packBand, b); k += packBand {
		for i := range panels.count() {
			q0, q1 := panels.at(i)
			width := roundUp(q1-q0, isaLanes())
			p.b.pack(dst[q0*(b-a)+(k-a)*width:], k, min(k+packBand, b), j0+q0, j0+q1, width)
		}
	}
}

// packsA tells whether strips of A are packed. By rows they need not; by columns
// they must, unless all of A is so small that its lines stay in the cache.
func (p *product) packsA() bool {
	return p.alpha != 1 || p.a.rj != 1 && !staysInL1(p.k, p.m, p.a.rj)
}

// chunk is a part of a block: rows i0 to i1 of the width columns from j0.
type chunk struct {
	p         *product
	i0, i1    int
	j0, width int
	strip     strip
	packed    []float32 // B, nil if it is not
	group     bool      // pack A
}

func (c *chunk) run(k0, k1, depth int) {
	c.strip.cols, c.strip.panels = c.width, newPanels(c.width)
	var a []float32
	if c.group {
		buf := scratch(roundUp(c.i1-c.i0, microRows())*depth + packSlack)
		defer release(buf)
		a = *buf
		for k := k0; k < k1; k += depth {
			c.packA(a, k, min(k+depth, k1))
			for i := c.i0; i < c.i1; i += microRows() {
				c.compute(a[(i-c.i0)*(min(k+depth, k1)-k):], i, k0, k, min(k+depth, k1))
			}
		}
	} else {
		for i := c.i0; i < c.i1; i += microRows() {
			for k := k0; k < k1; k += depth {
				c.compute(nil, i, k0, k, min(k+depth, k1))
			}
		}
	}
	if k1 == c.p.k {
		c.p.finished(c.i0, c.i1, c.j0, c.j0+c.width)
	}
}

// packA packs the chunk's rows of A, one strip after another.
func (c *chunk) packA(dst []float32, k0, k1 int) {
	band := k1 - k0
	if c.p.a.rj != 1 {
		band = packBand
	}
	for k := k0; k < k1; k += band {
		for i := c.i0; i < c.i1; i += microRows() {
			packRows(dst[(i-c.i0)*(k1-k0)+(k-k0)*microRows():], microRows(), c.p.a, i, min(microRows(), c.i1-i), k, min(band, k1-k), c.p.alpha)
		}
	}
}

// compute computes steps k0 to k1 of the rows from i; the block begins with step
// first.
func (c *chunk) compute(a []float32, i, first, k0, k1 int) {
	p, s := c.p, &c.strip
	s.rows, s.k, s.c, s.ldc, s.begin = min(microRows(), c.i1-i), k1-k0, p.c[i*p.ldc+c.j0:], p.ldc, fromC
	s.a, s.lda, s.byRows = a, microRows(), false
	if a == nil {
		s.a, s.lda = p.a.x[i*p.a.ri+k0*p.a.rj:], p.a.rj
		if p.a.rj == 1 {
			s.lda, s.byRows = p.a.ri, true
		}
	}
	if c.packed == nil {
		s.b, s.ldb = p.b.x[k0*p.b.ri+c.j0:], p.b.ri
	} else {
		s.b = c.packed[(k0-first)*roundUp(c.width, isaLanes()):]
	}
	if k0 == 0 {
		switch s.begin = p.begin; p.begin {
		case fromRows:
			s.bias = p.bias[i:]
		case fromColumns:
			s.bias = p.bias[c.j0:]
		}
	}
	s.run()
}
