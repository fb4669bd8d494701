package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// gradWeight computes, for each group, the matrix product
//
//	gw[(c, t), o] = Σ_{n, q} x[n, c, at(q, t)] · gy[n, q, o]
//
// with the output channels in the lanes of a vector. The microkernel broadcasts elements of
// the framed image in place. gy is transposed first. All threads prepare a few images at a
// time, and then add to all rows of gw.
type gradWeight struct {
	*plan.Conv
	micro.Split
	source  plan.Frame
	pitch   int           // elements of a position of gy
	images  int           // prepared at once
	row     *[]micro.Pair // for each channel and tap
	step    *[]micro.Pair // for all positions of the images
	buffers parallel.FreeList[preparedWeight]
}

// preparedWeight is the memory of a thread.
type preparedWeight struct {
	x, gy *[]float32 // x is nil if there is no frame: used in place
	sum   *[]float32 // gw transposed: a row of pitch elements for each channel and tap
}

// run computes gw for a part of the batch.
func (m *gradWeight) run(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	b := m.buffers.Get(m.memory)
	defer m.buffers.Put(b)
	for g := range p.Group {
		for n := 0; n < p.Batch; n += m.images {
			images := min(m.images, p.Batch-n)
			m.prepare(w, p, b, x, gy, n*p.Group+g, images)
			from := x[(n*p.Group+g)*p.XSize:]
			if b.x != nil {
				from = *b.x
			}
			m.accumulate(w, b, from, images, n > 0)
		}
		simd.TransposeAll(gw[g*p.WSize:(g+1)*p.WSize], p.InChannels*p.Taps, *b.sum, m.pitch, p.InChannels*p.Taps, p.OutChannels)
	}
}

// TransposedWeightsCost returns what the method costs for an image, in multiplications of
// vectors. It is slower than matrix products of the same size, and transposes gy.
func TransposedWeightsCost(p *plan.Conv) int {
	return (p.OutChannels + simd.Lanes() - 1) / simd.Lanes() * p.Out.Size() * (p.InChannels*p.Taps*3/2 + 14)
}

// RunTransposedWeights computes gw by this method.
func RunTransposedWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	m := newGradWeight(p)
	defer m.free()
	p.InParts(w, 320, x, gy, gw, m.run)
}

func newGradWeight(p *plan.Conv) *gradWeight {
	f := p.Forward()
	m := &gradWeight{Conv: p, Split: micro.NewSplit(p.OutChannels), source: f.Source, pitch: simd.RoundUp(p.OutChannels, 8)}
	xSize, ySize := p.InChannels*m.source.Extent.Size(), m.pitch*p.Out.Size()
	m.images = max(1, min(p.Batch, plan.WeightBlock/(xSize+ySize)))
	if m.source.None() {
		xSize *= p.Group // from image to image, in place
	}
	rows := p.InChannels * p.Taps
	m.row = scratch.Pairs(simd.RoundUp(rows, micro.Rows()))
	base := f.SourceSteps(&f.Phases[0], func(r, at, ch int, t plan.Tap) { (*m.row)[r] = micro.Pair{at, r * m.pitch} })
	micro.PadRows(*m.row, rows)
	m.step = scratch.Pairs(m.images * p.Out.Size())
	for i := range *m.step {
		q := p.Out.Position(i % p.Out.Size())
		at := i/p.Out.Size()*xSize + base
		for a, size := range (window.Vec3{m.source.Extent[1] * m.source.Extent[2], m.source.Extent[2], 1}) {
			at += q[a] * p.Stride[a] * size
		}
		(*m.step)[i] = micro.Pair{at, i * m.pitch}
	}
	return m
}

func (m *gradWeight) memory() preparedWeight {
	b := preparedWeight{gy: scratch.Floats(m.images*m.pitch*m.Out.Size() + simd.PackSlack), sum: scratch.Floats(m.InChannels * m.Taps * m.pitch)}
	if !m.source.None() {
		b.x = scratch.Floats(m.images * m.InChannels * m.source.Extent.Size())
		clear(*b.x)
	}
	return b
}

func (m *gradWeight) free() {
	m.buffers.Each(func(b preparedWeight) {
		if b.x != nil {
			scratch.Free(b.x)
		}
		scratch.Free(b.gy)
		scratch.Free(b.sum)
	})
	scratch.FreePairs(m.row)
	scratch.FreePairs(m.step)
}

// prepare frames some images and transposes their gy. first is the number of the first one,
// counting images times groups.
func (m *gradWeight) prepare(w *parallel.Workers, p *plan.Conv, b preparedWeight, x, gy []float32, first, images int) {
	positions := m.Out.Size()
	w.For(images, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			at := first + i*m.Group
			if b.x != nil {
				m.source.Fill((*b.x)[i*m.InChannels*m.source.Extent.Size():], x[at*m.XSize:], m.InChannels)
			}
			micro.Matrix{X: gy[at*m.YSize:], RowStride: 1, ColStride: positions}.Pack((*b.gy)[i*positions*m.pitch:], 0, positions, 0, m.OutChannels, m.pitch)
			p.AccumulateBias(x, gy, at)
		}
	})
}

// accumulate adds the products of the prepared images to the sums, or overwrites them.
func (m *gradWeight) accumulate(w *parallel.Workers, b preparedWeight, x []float32, images int, add bool) {
	rows := m.InChannels * m.Taps
	steps := (*m.step)[:images*m.Out.Size()]
	const part = 48 // rows at a time: a multiple of every height of a tile
	parts := (rows + part - 1) / part
	w.For(m.Panels*parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			j0, j1 := m.Panel(i / parts)
			r := i % parts * part
			t := micro.Tile{Row: (*m.row)[r:], Rows: min(part, rows-r), Cols: j1 - j0, A: x, B: (*b.gy)[j0:], C: (*b.sum)[j0:], Init: micro.InitFrom(add)}
			t.RunInSteps(steps)
		}
	})
}
