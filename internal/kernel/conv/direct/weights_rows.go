package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// rowWeights computes the gradient of the weights of a convolution with positions in the
// lanes of a vector. The gradient
//
//	gw[o, c, t] = Σ_{n, q} gy[n, o, q] · x[n, c, at(q, t)]
//
// is a dot product for each output channel, the rows, and each (c, t), the columns. Neither
// operand is transposed. Rows are copied to chunks. A chunk has a block of rows at some
// positions, and stays in the L1 cache while it is multiplied with all columns. The lanes
// of the products are added up after the last position.
type rowWeights struct {
	*plan.RowLayout
	images  int           // prepared at once
	vectors int           // of an image
	columns []int         // where the columns begin, and once more the first
	steps   *[]micro.Pair // of all vectors of the images, in a chunk and in columns
	depth   int           // vectors of a chunk: of pieces of images, or of several of them
	chunks  int           // of a block of rows
	buffers parallel.FreeList[preparedRows]
}

// preparedRows is the memory of a thread.
type preparedRows struct{ rows, copies, sums *[]float32 } // copies is nil if x is used in place

// RowWeightsCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func RowWeightsCost(p *plan.Conv) (cost int, ok bool) {
	l, ok := p.Forward().RowLayout()
	if !ok || !micro.HasDots() {
		return 0, false
	}
	vectors := (p.Out.Size() + simd.Lanes() - 1) / simd.Lanes()
	const run = 8 // vectors: shorter ones in place are too far from those of the next image
	if vectors < run && !l.Copied() {
		return 0, false
	}
	// Much of what it multiplies comes from the L2 cache, and what is
	// laid out or copied costs 6 a vector.
	cost = simd.RoundUp(p.OutChannels, micro.Channels())*simd.RoundUp(p.InChannels*p.Taps, 3)*vectors*3/2 + 6*p.OutChannels*vectors
	if l.Copied() {
		cost += 6 * l.Step / simd.Lanes()
	}
	return cost, true
}

// RunRowWeights computes gw by this method.
func RunRowWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	m := newRowWeights(p)
	defer m.free()
	p.InParts(w, 320, x, gy, gw, m.run)
}

// newRowWeights makes the tables.
func newRowWeights(p *plan.Conv) *rowWeights {
	l, _ := p.Forward().RowLayout()
	m := &rowWeights{RowLayout: l, vectors: (p.Out.Size() + simd.Lanes() - 1) / simd.Lanes()}
	size := p.XSize
	if l.Copied() {
		size = l.Step
	}
	m.images = max(1, min(p.Batch, plan.WeightBlock/(size+p.YSize)))
	if pieces := (m.vectors + micro.MostDots - 1) / micro.MostDots; pieces > 1 {
		m.depth, m.chunks = (m.vectors+pieces-1)/pieces, pieces*m.images
	} else {
		some := min(m.images, micro.MostDots/m.vectors) // images of a chunk
		m.images -= m.images % some
		m.depth, m.chunks = some*m.vectors, m.images/some
	}
	m.tables()
	return m
}

func (m *rowWeights) memory() preparedRows {
	b := preparedRows{rows: scratch.Floats(m.blocks() * m.chunks * m.chunk()), sums: scratch.Floats(m.blocks() * m.triples() * micro.DotSums())}
	clear(*b.rows)
	if m.Copied() {
		b.copies = scratch.Floats(m.images*m.Step + simd.PackSlack)
		clear(*b.copies)
	}
	return b
}

func (m *rowWeights) free() {
	m.buffers.Each(func(b preparedRows) {
		scratch.Free(b.rows)
		scratch.Free(b.sums)
		if b.copies != nil {
			scratch.Free(b.copies)
		}
	})
	scratch.FreePairs(m.steps)
}

// run computes gw for a part of the batch.
func (m *rowWeights) run(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	b := m.buffers.Get(m.memory)
	defer m.buffers.Put(b)
	for group := range p.Group {
		for n := 0; n < p.Batch; n += m.images {
			first, images := n*p.Group+group, min(m.images, p.Batch-n)
			m.prepare(w, b, x, gy, first, images)
			t := micro.DotTile{Step: (*m.steps)[:images*m.vectors], A: *b.rows, ARow: m.depth * simd.Lanes(), B: x[first*p.XSize:], Sums: *b.sums, Add: n > 0, End: n+images == p.Batch}
			if b.copies != nil {
				t.B = *b.copies
			}
			m.multiply(w, t)
			for i := range images {
				p.AccumulateBias(x, gy, first+i*p.Group)
			}
		}
		m.store(gw[group*p.WSize:(group+1)*p.WSize], *b.sums)
	}
}

// blocks returns how many blocks of rows there are, and chunk the elements of a chunk.
func (m *rowWeights) blocks() int { return (m.OutChannels + micro.Channels() - 1) / micro.Channels() }
func (m *rowWeights) chunk() int  { return micro.Channels() * m.depth * simd.Lanes() }

// triples returns the number of groups of three columns.
func (m *rowWeights) triples() int { return len(m.columns)/3 - 1 }

// tables makes the tables.
func (m *rowWeights) tables() {
	m.steps = scratch.Pairs(m.images * m.vectors)
	m.columns = make([]int, simd.RoundUp(m.InChannels*m.Taps, 3)+3)
	base := m.Offsets(&m.Phases[0], func(s, at int) { m.columns[s] = at })
	copy(m.columns[len(m.columns)-3:], m.columns)
	for i := range *m.steps {
		v := i % m.vectors
		at := i % m.depth
		if m.vectors > micro.MostDots {
			at = v % m.depth
		}
		(*m.steps)[i] = micro.Pair{at * simd.Lanes(), i/m.vectors*m.Step + base + m.From(v*simd.Lanes())}
	}
}

// prepare copies gy of some images to chunks and lays out x. first is the number of the
// first image, counting images times groups.
func (m *rowWeights) prepare(w *parallel.Workers, b preparedRows, x, gy []float32, first, images int) {
	size := m.Out.Size()
	w.For(images, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := first + i*m.Group
			for v := 0; v < m.vectors; v += m.depth {
				chunk, to := (i*m.vectors+v)/m.depth, i*m.vectors%m.depth
				if m.vectors > micro.MostDots {
					chunk, to = i*(m.chunks/m.images)+v/m.depth, 0
				}
				q := v * simd.Lanes()
				for block := range m.blocks() {
					r := block * micro.Channels()
					simd.CopyRows((*b.rows)[(block*m.chunks+chunk)*m.chunk()+to*simd.Lanes():], m.depth*simd.Lanes(), gy[at*m.YSize+r*size+q:], size, min(micro.Channels(), m.OutChannels-r), min(m.depth*simd.Lanes(), size-q))
				}
			}
			if b.copies != nil {
				m.Fill((*b.copies)[i*m.Step:], x[at*m.XSize:])
			}
		}
	})
}

// multiply computes the dot products of some images, as t says.
func (m *rowWeights) multiply(w *parallel.Workers, t micro.DotTile) {
	const some = 16 // triples at a time
	triples := m.triples()
	spans := (triples + some - 1) / some
	w.For(m.blocks()*spans, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			block, first := i/spans, i%spans*some
			part := t
			part.A = t.A[block*m.chunks*m.chunk():]
			part.Col = m.columns[3*first : 3*min(first+some, triples)+3]
			part.Sums = t.Sums[(block*triples+first)*micro.DotSums():]
			for p := 0; p < len(t.Step); part.A = part.A[m.chunk():] {
				next := min(p+m.depth, len(t.Step), (p/m.vectors+max(1, m.depth/m.vectors))*m.vectors)
				part.Step = t.Step[p:next]
				part.End = t.End && next == len(t.Step)
				part.Run()
				part.Add, p = true, next
			}
		}
	})
}

// store writes the sums of all rows and columns to gw.
func (m *rowWeights) store(gw, sums []float32) {
	triples, columns := m.triples(), m.InChannels*m.Taps
	for r := range m.OutChannels {
		from := sums[r/micro.Channels()*triples*micro.DotSums()+r%micro.Channels():]
		for c := range columns {
			gw[r*columns+c] = from[c/3*micro.DotSums()+c%3*micro.DotEnds()]
		}
	}
}
