package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// rowLanes computes a correlation over two axes with positions of the result in the lanes
// of a vector and channels of the result in the rows of a tile.
type rowLanes struct {
	*plan.RowLayout
	weight *[]float32 // of each group, phase and block of channels: see packDirect
	bias   *[]float32 // of each group, in whole blocks; nil for none
	blocks int        // of channels
	parts  []rowPart
	images int // computed at a time
	steps  int // of panels, for these images
}

// rowPart is a phase with its tables for [micro.DirectTile].
type rowPart struct {
	*plan.Phase
	at    *[]micro.Pair
	last  int // lanes of the last vector
	steps *[]micro.Pair
	from  int // of its weights in a group
	to    int // of its results, if not in place
}

// RowsCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func RowsCost(c *plan.Correlation) (cost int, ok bool) {
	l, ok := c.RowLayout()
	if !ok {
		return 0, false
	}
	blocks := (c.Results + micro.Channels() - 1) / micro.Channels()
	for i := range c.Phases {
		f := &c.Phases[i]
		vectors := (f.Count[1]*l.Wide + simd.Lanes() - 1) / simd.Lanes()
		cost += vectors * blocks * micro.Channels() * (c.Channels*len(f.Taps) + 4)
	}
	if l.Copied() {
		cost += 4 * (l.Step + simd.Lanes() - 1) / simd.Lanes()
	}
	return cost, true
}

// newRowLanes packs the weights and makes the tables.
func newRowLanes(c *plan.Correlation, weight, bias []float32) *rowLanes {
	l, _ := c.RowLayout()
	m := &rowLanes{RowLayout: l, blocks: (c.Results + micro.Channels() - 1) / micro.Channels(), images: 1}
	// The microkernel is the fastest with three vectors at a time.
	const few = 12 // vectors
	if n := c.Extent.Size() / simd.Lanes(); m.Direct && n < few && n%3 != 0 && c.Extent.Size()%simd.Lanes() == 0 {
		m.images = min(c.Batch, 3)
	}
	m.prepare(weight, bias)
	return m
}

// prepare packs the weights and makes the tables.
func (m *rowLanes) prepare(weight, bias []float32) {
	size, to := 0, 0
	for i := range m.Phases {
		p := rowPart{Phase: &m.Phases[i], from: size, to: to}
		size += m.blocks * micro.Channels() * m.Channels * len(p.Taps)
		to += m.Results * p.Count[1] * m.Wide
		m.tables(&p)
		m.parts = append(m.parts, p)
		m.steps += m.blocks * micro.PanelSteps(len(*p.at), len(*p.steps))
	}
	var ready bool
	m.weight, ready = m.Form(m.Group*size + simd.PackSlack)
	for g := 0; g < m.Group && !ready; g++ {
		for i := range m.parts {
			p := &m.parts[i]
			m.packWeight((*m.weight)[g*size+p.from:], weight[g*m.WSize:], p.Taps)
		}
	}
	if bias != nil {
		m.bias = scratch.Floats(m.Group * m.blocks * micro.Channels())
		for g := range m.Group {
			copy((*m.bias)[g*m.blocks*micro.Channels():], bias[g*m.Results:(g+1)*m.Results])
		}
	}
}

// packWeight packs those weights of a group that a phase uses.
func (m *rowLanes) packWeight(dst, weight []float32, taps []plan.Tap) {
	depth := m.Channels * len(taps)
	for i := 0; i < m.Results; i += micro.Channels() {
		end := min(i+micro.Channels(), m.Results)
		to := dst[i*depth:]
		if end-i < micro.Channels() {
			clear(to[:depth*micro.Channels()]) // what is computed of it is not used
		}
		switch {
		case m.Taps == 1 && len(taps) == 1:
			micro.PackDirect(to, micro.Matrix{X: weight, RowStride: m.Wr, ColStride: m.Wc}, i, end, depth)
			continue
		case m.Wc == m.Taps && len(taps) == m.Taps: // channel and tap are one axis
			micro.PackDirect(to, micro.Matrix{X: weight, RowStride: m.Wr, ColStride: 1}, i, end, depth)
			continue
		}
		for ch := range m.Channels {
			for j, t := range taps {
				from := weight[ch*m.Wc+t.Index:]
				for r := i; r < end; r++ {
					to[(ch*len(taps)+j)*micro.Channels()+r-i] = from[r*m.Wr]
				}
			}
		}
	}
}

// tables makes the tables of a phase.
func (m *rowLanes) tables(p *rowPart) {
	size := p.Count[1] * m.Wide
	vectors := (size + simd.Lanes() - 1) / simd.Lanes()
	p.last = size - (vectors-1)*simd.Lanes()
	p.at, p.steps = scratch.Pairs(m.images*vectors), scratch.Pairs(m.Channels*len(p.Taps))
	base := m.Offsets(p.Phase, func(s, at int) { (*p.steps)[s] = micro.Pair{s * micro.Channels(), at} })
	for i := range m.images {
		for v := range vectors {
			q := v * simd.Lanes()
			(*p.at)[i*vectors+v] = micro.Pair{i*m.Step + base + m.From(q), i*m.Group*m.ResultSize + q}
		}
	}
}

func (m *rowLanes) free() {
	m.FreeForm(m.weight)
	if m.bias != nil {
		scratch.Free(m.bias)
	}
	for _, p := range m.parts {
		scratch.FreePairs(p.at)
		scratch.FreePairs(p.steps)
	}
}

// RunRows computes a correlation by this method. bias may be nil.
func RunRows(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newRowLanes(c, weight, bias)
	defer m.free()
	blocks := (m.Batch + m.images - 1) / m.images
	w.For(blocks*m.Group, 1, func(lo, hi int) {
		var copied, apart *[]float32
		prefetch := make([][]float32, 0, 2+len(m.Prefetch))
		if m.Copied() {
			copied = scratch.Floats(m.images*m.Step + simd.PackSlack)
			defer scratch.Free(copied)
			clear(*copied)
		}
		if !m.Direct {
			last := &m.parts[len(m.parts)-1]
			apart = scratch.Floats(last.to + m.Results*last.Count[1]*m.Wide)
			defer scratch.Free(apart)
		}
		for i := lo; i < hi; i++ {
			first, g := i/m.Group*m.images, i%m.Group
			images := min(m.images, m.Batch-first)
			at := first*m.Group + g
			from, to := source[at*m.SourceSize:], result[at*m.ResultSize:]
			for n := 0; copied != nil && n < images; n++ {
				m.Fill((*copied)[n*m.Step:], from[n*m.Group*m.SourceSize:])
			}
			if copied != nil {
				from = *copied
			}
			prefetch = prefetch[:0]
			next := (i+1)/m.Group*m.images*m.Group + (i+1)%m.Group
			if i+1 < hi {
				prefetch = append(prefetch, plan.SliceUpTo(source, next*m.SourceSize, images*m.SourceSize))
			}
			if m.byBlock() {
				m.eachBlock(g, at, from, result, prefetch)
				continue
			}
			for _, r := range m.Prefetch {
				prefetch = append(prefetch, r[at*m.ResultSize:(at+images)*m.ResultSize])
			}
			if i+1 < hi {
				prefetch = append(prefetch, plan.SliceUpTo(result, next*m.ResultSize, images*m.ResultSize))
			}
			t := micro.DirectTile{B: from, Even: m.Taps == 1}
			t.SetPrefetch(prefetch, m.steps)
			if m.copiesPanels() {
				m.eachPanel(&t, g, at, result)
				continue
			}
			if m.Direct {
				m.compute(&t, &m.parts[0], g, images, to, m.ResultSize/m.Results)
			} else {
				for j := range m.parts {
					p := &m.parts[j]
					m.compute(&t, p, g, images, (*apart)[p.to:], p.Count[1]*m.Wide)
				}
				m.interleave(to, *apart)
			}
			for n := range images {
				m.Finished((at+n*m.Group)*m.ResultSize, (at+n*m.Group+1)*m.ResultSize)
			}
		}
	})
}

// byBlock reports whether to compute all positions of a block of channels before the next
// block. The epilogue then finds them in the L1 cache. It requires that the source stays in
// the L2 cache.
func (m *rowLanes) byBlock() bool {
	return m.Direct && m.images == 1 && m.Step <= 1<<16 && len(*m.parts[0].steps) <= micro.DirectDepth && m.Group == 1 && !m.copiesPanels()
}

// eachBlock computes an image block by block.
func (m *rowLanes) eachBlock(group, image int, source, result []float32, prefetch [][]float32) {
	p := &m.parts[0]
	plane, depth := m.ResultSize/m.Results, len(*p.steps)
	t := micro.DirectTile{At: *p.at, Last: p.last, B: source, CRow: plane, Step: *p.steps, Even: m.Taps == 1, Init: m.begin()}
	rest := []float32(nil)
	if len(prefetch) > 0 {
		rest = prefetch[0]
	}
	for i := range m.blocks {
		r := m.block(&t, p, group, i)
		lo, hi := image*m.ResultSize+r*plane, image*m.ResultSize+(r+t.N)*plane
		t.C = result[lo:]
		// Prefetch what the epilogue reads, where the next block goes, and a share of the
		// next image.
		prefetch = prefetch[:0]
		for _, x := range m.Prefetch {
			prefetch = append(prefetch, x[lo:hi])
		}
		share := len(rest) / (m.blocks - i)
		prefetch = append(prefetch, plan.SliceUpTo(result, hi, micro.Channels()*plane), rest[:share])
		rest = rest[share:]
		t.SetPrefetch(prefetch, micro.PanelSteps(len(t.At), depth))
		t.Run()
		m.Finished(lo, hi)
	}
}

// compute computes a phase of some images from the source in t.
func (m *rowLanes) compute(t *micro.DirectTile, p *rowPart, group, images int, result []float32, cRow int) {
	depth := len(*p.steps)
	if depth == 0 {
		clear(result[:m.Results*cRow])
		return
	}
	at := (*p.at)[:len(*p.at)/m.images*images]
	t.CRow, t.Init = cRow, m.begin()
	for k0 := 0; k0 < depth; k0 += micro.DirectDepth {
		k1 := min(k0+micro.DirectDepth, depth)
		t.Step = (*p.steps)[k0:k1]
		some := max(1, micro.BlockPanels/simd.Lanes()/3*len(p.Taps)/(k1-k0)) * 3 // vectors
		for v := 0; v < len(at); v += some {
			t.At, t.Last = at[v:min(v+some, len(at))], simd.Lanes()
			if v+some >= len(at) {
				t.Last = p.last
			}
			for i := range m.blocks {
				r := m.block(t, p, group, i)
				t.C = result[r*cRow:]
				t.Run()
			}
		}
		t.Init = micro.InitC
	}
}

// begin returns what sums begin with.
func (m *rowLanes) begin() micro.Init {
	if m.bias != nil {
		return micro.InitRowBias
	}
	return micro.InitZero
}

// block gives a tile the channels of a block, with their weights and bias, and returns the first
// of them.
func (m *rowLanes) block(t *micro.DirectTile, p *rowPart, group, i int) (first int) {
	first = i * micro.Channels()
	size := (len(*m.weight) - simd.PackSlack) / m.Group
	t.N, t.A = min(micro.Channels(), m.Results-first), (*m.weight)[group*size+p.from+first*len(*p.steps):]
	if m.bias != nil {
		t.Bias = (*m.bias)[group*m.blocks*micro.Channels()+first:]
	}
	return first
}

// interleave puts the results of the phases in their places.
func (m *rowLanes) interleave(result, apart []float32) {
	e := m.Extent
	for i := 0; i < len(m.parts); i++ {
		p := &m.parts[i]
		plane := p.Count[1] * m.Wide
		both := simd.CanInterleave() && p.Step[2] == 2 && p.First[2] == 0 && 2*p.Count[2] == e[2] && p.Count[2] >= 8
		for ch := range m.Results {
			from := apart[p.to+ch*plane:]
			to := result[ch*e.Size()+p.First[1]*e[2]+p.First[2]:]
			if both { // together with the phase of the columns in between
				simd.InterleaveRows(p.Count[1], p.Count[2], from, apart[m.parts[i+1].to+ch*plane:], m.Wide, to, p.Step[1]*e[2])
				continue
			}
			for y := range p.Count[1] {
				row := to[y*p.Step[1]*e[2]:]
				for x, v := range from[y*m.Wide:][:p.Count[2]] {
					row[x*p.Step[2]] = v
				}
			}
		}
		if both {
			i++
		}
	}
}
