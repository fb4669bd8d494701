package gemm

import (
	"math"
	"sync"

	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// A product is computed in strips, as many rows of C at a time as a microkernel has. The part
// of A that a strip needs stays in the L1 cache while B passes by from the L2 cache. B is
// packed in blocks that fit there, in the order in which it is read.
//
// The sizes of the caches decide about the blocks:
//
//	depth   steps of the sum at a time: a strip of A takes a quarter of L1
//	block   the part of B that is packed at a time takes 5/8 of L2
func maxDepth() int { return max(64, simd.CacheL1/4/(4*micro.Rows())/micro.Unroll*micro.Unroll) }

// MaxBlock returns how many elements of B are packed at a time.
func MaxBlock() int { return simd.CacheL2 * 5 / 8 / 4 }

// General is a product C (+)= Alpha·A·B + Bias of matrices in any layout.
type General struct {
	M, N, K  int
	Alpha    float32
	A, B     micro.Matrix
	C        []float32
	Ldc      int
	Init     micro.Init
	bias     []float32
	Epilogue func(lo, hi int) // see [Product]; rows must have no gaps
	sums     []float32        // of the columns of B, or nil
	kept     *Kept            // B as it was packed before, or nil
	chunk    chunk            // of the one thread, if there is but one
}

// products keeps tasks, as small products would spend their time allocating them.
var products = sync.Pool{New: func() any { return new(General) }}

// finished calls the epilogue for rows i0 to i1 and columns j0 to j1.
func (p *General) finished(i0, i1, j0, j1 int) {
	switch {
	case p.Epilogue == nil:
	case j1-j0 == p.N:
		p.Epilogue(i0*p.N, i1*p.N)
	default:
		for i := i0; i < i1; i++ {
			p.Epilogue(i*p.N+j0, i*p.N+j1)
		}
	}
}

// Run computes the product.
func (p General) Run(w *parallel.Workers) {
	q := products.Get().(*General)
	*q = p
	q.compute(w)
	*q = General{}
	products.Put(q)
}

func (p *General) compute(w *parallel.Workers) {
	switch {
	case p.M <= 0 || p.N <= 0:
	case p.K <= 0 || p.Alpha == 0:
		p.onlyBegin()
		p.addSums(0, p.K, 0, p.N)
	case p.inTiles(w):
		p.runTiles(w)
	case p.swapPays():
		p.runSwapped(w)
		p.addSums(0, p.K, 0, p.N)
	default:
		p.runBlocks(w)
	}
}

// addSums adds rows k0 to k1 of columns j0 to j1 of B to the sums of its columns. The order
// of additions does not depend on how the product is cut into blocks.
func (p *General) addSums(k0, k1, j0, j1 int) {
	if p.sums == nil {
		return
	}
	for k := k0; k < k1; k++ {
		sums := p.sums[j0:j1]
		if p.B.ColStride == 1 {
			simd.Add(sums, sums, p.B.X[k*p.B.RowStride+j0:k*p.B.RowStride+j1])
			continue
		}
		for j := range sums {
			sums[j] += p.B.X[k*p.B.RowStride+(j0+j)*p.B.ColStride]
		}
	}
}

// onlyBegin computes a product without steps: C is what the products would be added to.
func (p *General) onlyBegin() {
	for i := range p.M {
		row := p.C[i*p.Ldc : i*p.Ldc+p.N]
		switch p.Init {
		case micro.InitZero:
			clear(row)
		case micro.InitRowBias:
			simd.Fill(row, p.bias[i])
		case micro.InitColumnBias:
			copy(row, p.bias)
		}
	}
	p.finished(0, p.M, 0, p.N)
}

// runBlocks shares regions of C among the threads. Each thread packs what it needs,
// although others need it as well: waiting for one another, and reading what another core
// has in its cache, takes longer.
func (p *General) runBlocks(w *parallel.Workers) {
	down, across := p.regions(w.Threads())
	if down*across == 1 {
		p.region(&p.chunk, 0, p.M, 0, p.N)
		return
	}
	high := simd.RoundUp((p.M+down-1)/down, micro.Rows())
	panels := micro.NewPanels(p.N)
	n := panels.Count()
	edge := func(i int) int { // the column where region i across ends
		if i == 0 {
			return 0
		}
		_, j := panels.At(i*n/across - 1)
		return j
	}
	w.For(down*across, 1, func(lo, hi int) {
		c := new(chunk)
		for i := lo; i < hi; i++ {
			if i0 := i / across * high; i0 < p.M {
				p.region(c, i0, min(i0+high, p.M), edge(i%across), edge(i%across+1))
			}
		}
	})
}

// regions returns into how many parts to cut rows and columns. There are a few regions for
// each thread, so that a slow thread matters less, and little of A and B is packed twice.
func (p *General) regions(threads int) (down, across int) {
	const each, least = 2, 1 << 18 // regions of a thread; multiplications that are worth a region
	most := int(min(float64(each*threads), float64(p.M)*float64(p.N)*float64(p.K)/least))
	if threads == 1 || most < 2 {
		return 1, 1
	}
	panels := micro.NewPanels(p.N)
	strips := (p.M + micro.Rows() - 1) / micro.Rows()
	readA := 1.0 / 4 // in terms of packing
	if p.packsA() {
		readA = 1
	}
	best := math.Inf(1)
	for d := 1; d <= min(most, strips); d++ {
		a := min(most/d, panels.Count())
		cost := float64(d*p.N) + readA*float64(a*p.M)
		if d*a < most { // too few regions
			cost *= float64(most) / float64(d*a)
		}
		if cost < best {
			down, across, best = d, a, cost
		}
	}
	return down, across
}

// depth returns how many steps of the sum are computed at a time.
func (p *General) depth() int {
	parts := (p.K + maxDepth() - 1) / maxDepth()
	return simd.RoundUp((p.K+parts-1)/parts, micro.Unroll)
}

// region computes rows i0 to i1 of columns j0 to j1 of C. It cuts columns and steps into
// blocks.
func (p *General) region(c *chunk, i0, i1, j0, j1 int) {
	depth := p.depth()
	columns, whole := j1-j0, (j1-j0)*p.K <= MaxBlock()
	if !whole {
		wide := micro.Vecs() * simd.Lanes()
		blocks := max(1, (columns*depth+MaxBlock()-1)/MaxBlock())
		columns = simd.RoundUp((columns+blocks-1)/blocks, wide)
	}
	direct := p.direct(i1 - i0)
	for j := j0; j < j1; j += columns {
		*c = chunk{p: p, j0: j, width: min(columns, j1-j), group: p.packsA()}
		if whole { // the whole sum at once: C is written once
			c.block(direct, i0, i1, 0, p.K, depth)
			continue
		}
		for k := 0; k < p.K; k += depth {
			c.block(direct, i0, i1, k, min(k+depth, p.K), depth)
		}
	}
}

// direct reports whether to read B in place: if few strips share it, or if all of it stays
// in L1 anyway.
func (p *General) direct(rows int) bool {
	if p.B.ColStride != 1 {
		return false
	}
	return rows <= 2*micro.Rows() || staysInL1(p.K, p.N, p.B.RowStride)
}

// staysInL1 reports whether rows that are read again and again stay in cache. Rows at a
// distance near a power of two would share the same cache sets.
func staysInL1(rows, columns, distance int) bool {
	return rows*(columns*4+64) <= simd.CacheL1*3/4 && (distance == columns || distance%256 != 0)
}

// block adds steps k0 to k1 of the sum, depth at a time, to rows from to to of the columns
// of the chunk.
func (c *chunk) block(direct bool, from, to, k0, k1, depth int) {
	c.packed = nil
	if !direct {
		buf := scratch.Floats(simd.RoundUp(c.width, simd.Lanes())*(k1-k0) + simd.PackSlack)
		defer scratch.Free(buf)
		c.packed = *buf
		c.p.packB(nil, c.packed, c.j0, c.j0+c.width, k0, k1, depth)
	}
	if from == 0 {
		c.p.addSums(k0, k1, c.j0, c.j0+c.width)
	}
	high := micro.Rows()
	if c.group { // number of strips of A to pack at once
		high *= max(1, 64/micro.Rows())
	}
	for i := from; i < to; i += high {
		c.i0, c.i1 = i, min(i+high, to)
		c.run(k0, k1, depth)
	}
}

// packB packs a block of B, depth steps after another.
func (p *General) packB(w *parallel.Workers, packed []float32, j0, j1, k0, k1, depth int) {
	width, panels := simd.RoundUp(j1-j0, simd.Lanes()), micro.NewPanels(j1-j0)
	for a := k0; a < k1; a += depth {
		b, dst := min(a+depth, k1), packed[(a-k0)*width:]
		items, grain := panels.Count(), parallel.GrainOf(depth*micro.Vecs()*simd.Lanes())
		if p.B.ColStride == 1 {
			items, grain = (b-a+micro.PackBand-1)/micro.PackBand, parallel.GrainOf(micro.PackBand*(j1-j0))
		}
		if w.Threads() == 1 {
			p.packPart(dst, panels, j0, a, b, 0, items)
			continue
		}
		w.For(items, grain, func(lo, hi int) { p.packPart(dst, panels, j0, a, b, lo, hi) })
	}
}

// packPart packs steps a to b of the panels, which begin with column j0: bands lo to hi if
// the rows of B are contiguous, else panels lo to hi.
func (p *General) packPart(dst []float32, panels micro.Panels, j0, a, b, lo, hi int) {
	if p.B.ColStride != 1 {
		for i := lo; i < hi; i++ {
			q0, q1 := panels.At(i)
			p.B.Pack(dst[q0*(b-a):], a, b, j0+q0, j0+q1, simd.RoundUp(q1-q0, simd.Lanes()))
		}
		return
	}
	for k := a + lo*micro.PackBand; k < min(a+hi*micro.PackBand, b); k += micro.PackBand {
		for i := range panels.Count() {
			q0, q1 := panels.At(i)
			width := simd.RoundUp(q1-q0, simd.Lanes())
			p.B.Pack(dst[q0*(b-a)+(k-a)*width:], k, min(k+micro.PackBand, b), j0+q0, j0+q1, width)
		}
	}
}

// packsA reports whether strips of A are packed. A need not be packed if it lies by rows.
// If it lies by columns it must, unless it is so small that its lines stay in the cache.
func (p *General) packsA() bool {
	return p.Alpha != 1 || p.A.ColStride != 1 && !staysInL1(p.K, p.M, p.A.ColStride)
}

// chunk is a part of a block: rows i0 to i1 of width columns from j0 on.
type chunk struct {
	p         *General
	i0, i1    int
	j0, width int
	strip     micro.Strip
	packed    []float32 // B; nil if it is read in place
	group     bool      // whether to pack A
}

func (c *chunk) run(k0, k1, depth int) {
	c.strip.Cols, c.strip.Panels = c.width, micro.NewPanels(c.width)
	var a []float32
	if c.group {
		buf := scratch.Floats(simd.RoundUp(c.i1-c.i0, micro.Rows())*depth + simd.PackSlack)
		defer scratch.Free(buf)
		a = *buf
		for k := k0; k < k1; k += depth {
			c.packA(a, k, min(k+depth, k1))
			for i := c.i0; i < c.i1; i += micro.Rows() {
				c.compute(a[(i-c.i0)*(min(k+depth, k1)-k):], i, k0, k, min(k+depth, k1))
			}
		}
	} else {
		for i := c.i0; i < c.i1; i += micro.Rows() {
			for k := k0; k < k1; k += depth {
				c.compute(nil, i, k0, k, min(k+depth, k1))
			}
		}
	}
	if k1 == c.p.K {
		c.p.finished(c.i0, c.i1, c.j0, c.j0+c.width)
	}
}

// packA packs the rows of A of the chunk, one strip after another.
func (c *chunk) packA(dst []float32, k0, k1 int) {
	band := k1 - k0
	if c.p.A.ColStride != 1 {
		band = micro.PackBand
	}
	for k := k0; k < k1; k += band {
		for i := c.i0; i < c.i1; i += micro.Rows() {
			micro.PackRows(dst[(i-c.i0)*(k1-k0)+(k-k0)*micro.Rows():], micro.Rows(), c.p.A, i, min(micro.Rows(), c.i1-i), k, min(band, k1-k), c.p.Alpha)
		}
	}
}

// compute computes steps k0 to k1 of the rows from i on. The block begins with step first.
func (c *chunk) compute(a []float32, i, first, k0, k1 int) {
	p, s := c.p, &c.strip
	s.Rows, s.K, s.C, s.Ldc, s.Init = min(micro.Rows(), c.i1-i), k1-k0, p.C[i*p.Ldc+c.j0:], p.Ldc, micro.InitC
	s.A, s.Lda, s.ByRows = a, micro.Rows(), false
	if a == nil {
		s.A, s.Lda = p.A.X[i*p.A.RowStride+k0*p.A.ColStride:], p.A.ColStride
		if p.A.ColStride == 1 {
			s.Lda, s.ByRows = p.A.RowStride, true
		}
	}
	if c.packed == nil {
		s.B, s.Ldb = p.B.X[k0*p.B.RowStride+c.j0:], p.B.RowStride
	} else {
		s.B = c.packed[(k0-first)*simd.RoundUp(c.width, simd.Lanes()):]
	}
	if k0 == 0 {
		switch s.Init = p.Init; p.Init {
		case micro.InitRowBias:
			s.Bias = p.bias[i:]
		case micro.InitColumnBias:
			s.Bias = p.bias[c.j0:]
		}
	}
	s.Run()
}
