package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// imageLanes computes a correlation of small images with one position of many images in the
// lanes of a vector. Each position of the result uses only those elements of the kernel
// that read inside the image, and the weights are read once for all images. Source and
// result are transposed; in the transposed source, what an element of the kernel reads of
// all channels is adjacent. For a 1×1 kernel all positions are computed at once.
type imageLanes struct {
	*plan.Correlation
	places            []place
	pitch             int // images, in whole vectors
	channel, position int // steps in the transposed source
}

// place is a position of the result with what it reads.
type place struct {
	at   int // in the result
	taps []placeTap
}

// placeTap is an element of the kernel and the source position that it reads.
type placeTap struct{ index, from int }

// mostPlaces is the size of the largest images for which the method may be the best.
const mostPlaces = 16

// ImagesCost returns what the method costs, with the transpositions, in
// multiplications of vectors, and whether it applies.
func ImagesCost(c *plan.Correlation) (cost int, ok bool) {
	size := c.Extent.Size()
	if !micro.HasDirect() || size > mostPlaces || c.Source.In.Size() > 4*mostPlaces || c.Taps == 1 && size >= simd.Lanes() {
		return 0, false
	}
	taps := 0
	for i := range c.Phases {
		f := &c.Phases[i]
		for q := range f.Count.Size() {
			for _, t := range f.Taps {
				if c.Source.In.Contains(f.Reads(f.Count.Position(q), t)) {
					taps++
				}
			}
		}
	}
	blocks, vectors := (c.Results+micro.Channels()-1)/micro.Channels(), (c.Batch+simd.Lanes()-1)/simd.Lanes()
	return vectors * (blocks*micro.Channels()*(c.Channels*taps+8*size) + 8*c.Channels*c.Source.In.Size()), true
}

// newImageLanes lays out the positions of the result.
func newImageLanes(c *plan.Correlation) *imageLanes {
	m := &imageLanes{Correlation: c, pitch: simd.RoundUp(c.Batch, simd.Lanes())}
	for i := range c.Phases {
		f := &c.Phases[i]
		for q := range f.Count.Size() {
			m.places = append(m.places, m.place(f, f.Count.Position(q)))
		}
	}
	m.channel, m.position = m.pitch, c.Channels*m.pitch
	if c.Taps == 1 {
		m.channel, m.position = c.Source.In.Size()*m.pitch, m.pitch
	}
	return m
}

// place returns position q of a phase.
func (m *imageLanes) place(f *plan.Phase, q window.Vec3) place {
	var to window.Vec3
	for a := range q {
		to[a] = f.First[a] + q[a]*f.Step[a]
	}
	p := place{at: m.Extent.At(to)}
	for _, t := range f.Taps {
		from := f.Reads(q, t)
		if m.Source.In.Contains(from) {
			p.taps = append(p.taps, placeTap{t.Index, m.Source.In.At(from)})
		}
	}
	return p
}

// RunImages computes a correlation by this method. bias may be nil.
func RunImages(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newImageLanes(c)
	transposed := scratch.Floats(m.Group*m.SourceSize*m.pitch + simd.PackSlack)
	defer scratch.Free(transposed)
	m.transpose(w, *transposed, source)
	at, step := scratch.Pairs(m.Extent.Size()*m.pitch/simd.Lanes()), scratch.Pairs(m.Channels)
	defer scratch.FreePairs(at)
	defer scratch.FreePairs(step)
	for v := range *at {
		(*at)[v] = micro.Pair{v * simd.Lanes(), v * simd.Lanes()}
	}
	for ch := range *step {
		(*step)[ch] = micro.Pair{ch * micro.Channels(), ch * m.channel}
	}
	blocks := (m.Results + micro.Channels() - 1) / micro.Channels()
	weights := m.Channels * m.Taps * micro.Channels()
	form, ready := m.Form(m.Group*blocks*weights + simd.PackSlack)
	defer m.FreeForm(form)
	w.For(m.Group*blocks, 1, func(lo, hi int) {
		packed := scratch.Floats(weights + simd.PackSlack)
		out := scratch.Floats(micro.Channels() * m.Extent.Size() * m.pitch)
		defer scratch.Free(packed)
		defer scratch.Free(out)
		for i := lo; i < hi; i++ {
			g, r := i/blocks, i%blocks*micro.Channels()
			n := min(micro.Channels(), m.Results-r)
			byTap := (*form)[i*weights:]
			if !ready {
				m.packWeight(byTap, *packed, weight[g*m.WSize:], r, n)
			}
			t := micro.DirectTile{At: *at, Last: simd.Lanes(), A: byTap, B: (*transposed)[g*m.SourceSize*m.pitch:], N: n, CRow: m.Extent.Size() * m.pitch}
			if bias != nil {
				var b [16]float32
				copy(b[:], bias[g*m.Results+r:g*m.Results+r+n])
				t.Bias = b[:]
			}
			if m.Pointwise() {
				t.C = *out
				m.compute(t, &m.places[0], *step)
			} else {
				t.At = t.At[:m.pitch/simd.Lanes()]
				for j := range m.places {
					t.C = (*out)[m.places[j].at*m.pitch:]
					m.compute(t, &m.places[j], *step)
				}
			}
			to := result[g*m.ResultSize+r*m.Extent.Size():]
			simd.TransposeAll(to, m.Group*m.ResultSize, *out, m.pitch, n*m.Extent.Size(), m.Batch)
		}
	})
	if m.Epilogue != nil {
		w.For(m.Batch, parallel.GrainOf(m.Group*m.ResultSize), func(lo, hi int) {
			m.Finished(lo*m.Group*m.ResultSize, hi*m.Group*m.ResultSize)
		})
	}
}

// transpose sets transposed to the source with the images last.
func (m *imageLanes) transpose(w *parallel.Workers, transposed, source []float32) {
	size, places := m.Group*m.SourceSize, m.Source.In.Size()
	w.For(m.Group*m.Channels, parallel.GrainOf(places*m.pitch), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			to := transposed[i/m.Channels*m.SourceSize*m.pitch+i%m.Channels*m.channel:]
			for im := 0; im < m.Batch; im += 8 {
				simd.TransposeAll(to[im:], m.position, source[im*size+i*places:], size, min(8, m.Batch-im), places)
			}
			for j := range places { // so that subnormal garbage slows nothing down
				clear(to[j*m.position+m.Batch : j*m.position+m.pitch])
			}
		}
	})
}

// packWeight packs the weights of n channels of the result from r on. Those of an element
// of the kernel are adjacent. packed is memory in between.
func (m *imageLanes) packWeight(byTap, packed, weight []float32, r, n int) {
	if n < micro.Channels() {
		clear(packed)
	}
	switch {
	case m.Taps == 1:
		micro.PackDirect(packed, micro.Matrix{X: weight, RowStride: m.Wr, ColStride: m.Wc}, r, r+n, m.Channels)
	case m.Wc == m.Taps: // channel and tap are one axis
		micro.PackDirect(packed, micro.Matrix{X: weight, RowStride: m.Wr, ColStride: 1}, r, r+n, m.Channels*m.Taps)
	default:
		for ch := range m.Channels {
			micro.PackDirect(packed[ch*m.Taps*micro.Channels():], micro.Matrix{X: weight[ch*m.Wc:], RowStride: m.Wr, ColStride: 1}, r, r+n, m.Taps)
		}
	}
	for t := range m.Taps {
		simd.CopyRows(byTap[t*m.Channels*micro.Channels():], micro.Channels(), packed[t*micro.Channels():], m.Taps*micro.Channels(), m.Channels, micro.Channels())
	}
}

// compute computes a position of all images, one element of the kernel after another. step
// has the steps of one such element, from channel to channel.
func (m *imageLanes) compute(t micro.DirectTile, p *place, step []micro.Pair) {
	if len(p.taps) == 0 {
		for i := range t.N {
			b := float32(0)
			if t.Bias != nil {
				b = t.Bias[i]
			}
			simd.Fill(t.C[i*t.CRow:][:m.pitch], b)
		}
		return
	}
	a, b := t.A, t.B
	if t.Bias != nil {
		t.Init = micro.InitRowBias
	}
	for _, tap := range p.taps {
		t.A, t.B = a[tap.index*m.Channels*micro.Channels():], b[tap.from*m.position:]
		for s := 0; s < len(step); s += micro.DirectDepth {
			t.Step = step[s:min(s+micro.DirectDepth, len(step))]
			t.Run()
			t.Init = micro.InitC
		}
	}
}
