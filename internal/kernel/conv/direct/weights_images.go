package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// imageWeights computes the gradient of the weights of a convolution of small images. For
// each element t of the kernel it is the matrix product
//
//	gw[o, c, t] = Σ_{n, q} gy[n, o, q] · x[n, c, at(q, t)]
//
// over the positions q for which t reads inside the image, with input channels in the lanes
// of a vector. x is transposed, so that channels are last, and gy packed for blocks of
// output channels. Nothing in the padding is multiplied.
type imageWeights struct {
	*plan.Conv
	micro.Split     // input channels
	wide        int // elements of a position in a panel of x
	blocks      int // of output channels
	steps       *[]micro.Pair
	from        []int // where the steps of each tap begin, and where the last end
}

// ImageWeightsApply reports whether the method applies, and is the best.
func ImageWeightsApply(p *plan.Conv) bool {
	return micro.HasDirect() && p.Taps > 1 && p.Out.Size() <= mostPlaces && p.In.Size() <= 4*mostPlaces && p.InChannels >= simd.Lanes() && p.OutChannels >= micro.Channels()
}

// newImageWeights makes the tables.
func newImageWeights(p *plan.Conv) *imageWeights {
	m := &imageWeights{Conv: p, Split: micro.NewSplit(p.InChannels), wide: micro.Vecs() * simd.Lanes(), blocks: (p.OutChannels + micro.Channels() - 1) / micro.Channels()}
	m.steps = scratch.Pairs(p.Batch * p.Taps * p.Out.Size())
	at, in, out := 0, p.In.Size(), p.Out.Size()
	for t := range p.Taps {
		m.from = append(m.from, at)
		for n := range p.Batch {
			for q := range out {
				if from := p.Reads(p.Out.Position(q), p.Kernel.Position(t)); p.In.Contains(from) {
					(*m.steps)[at] = micro.Pair{(n*out + q) * micro.Channels(), (n*in + p.In.At(from)) * m.wide}
					at++
				}
			}
		}
	}
	m.from = append(m.from, at)
	return m
}

// RunImageWeights computes gw by this method.
func RunImageWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	m := newImageWeights(p)
	in, out := m.In.Size(), m.Out.Size()
	b := scratch.Floats(m.Panels*m.Batch*in*m.wide + simd.PackSlack)
	a := scratch.Floats(m.blocks*m.Batch*out*micro.Channels() + simd.PackSlack)
	defer scratch.Free(b)
	defer scratch.Free(a)
	defer scratch.FreePairs(m.steps)
	for g := range m.Group {
		w.For(m.Panels*m.Batch, parallel.GrainOf(in*m.wide), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				j0, j1 := m.Panel(i / m.Batch)
				micro.Matrix{X: x[(i%m.Batch*m.Group+g)*m.XSize:], RowStride: 1, ColStride: in}.Pack((*b)[i*in*m.wide:], 0, in, j0, j1, m.wide)
			}
		})
		w.For(m.blocks, parallel.GrainOf(m.Batch*out*micro.Channels()), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				o := i * micro.Channels()
				to := (*a)[o*m.Batch*out:]
				if m.OutChannels-o < micro.Channels() {
					clear(to[:m.Batch*out*micro.Channels()])
				}
				for n := range m.Batch {
					from := micro.Matrix{X: gy[(n*m.Group+g)*m.YSize:], RowStride: out, ColStride: 1}
					micro.PackDirect(to[n*out*micro.Channels():], from, o, min(o+micro.Channels(), m.OutChannels), out)
				}
			}
		})
		m.multiply(w, *a, *b, gw[g*m.WSize:])
	}
}

// multiply computes the products of a group, one panel of columns after another.
func (m *imageWeights) multiply(w *parallel.Workers, a, b, gw []float32) {
	out := m.Out.Size()
	w.For(m.Panels*m.blocks, 1, func(lo, hi int) {
		at, wide := scratch.Pairs(micro.Vecs()), m.wide
		sums := scratch.Floats(m.Taps * micro.Channels() * wide)
		defer scratch.FreePairs(at)
		defer scratch.Free(sums)
		for i := lo; i < hi; i++ {
			j0, j1 := m.Panel(i / m.blocks)
			o := i % m.blocks * micro.Channels()
			t := micro.DirectTile{A: a[o*m.Batch*out:], B: b[i/m.blocks*m.Batch*m.In.Size()*wide:], N: min(micro.Channels(), m.OutChannels-o), CRow: wide, Last: simd.Lanes()}
			vectors := (j1 - j0 + simd.Lanes() - 1) / simd.Lanes()
			for v := range vectors {
				(*at)[v] = micro.Pair{v * simd.Lanes(), v * simd.Lanes()}
			}
			t.At = (*at)[:vectors]
			for tap := range m.Taps {
				t.C, t.Init = (*sums)[tap*micro.Channels()*wide:], micro.InitZero
				steps := (*m.steps)[m.from[tap]:m.from[tap+1]]
				if len(steps) == 0 {
					clear(t.C[:micro.Channels()*wide])
				}
				for len(steps) > 0 {
					t.Step = steps[:min(micro.DirectDepth, len(steps))]
					steps = steps[len(t.Step):]
					t.Run()
					t.Init = micro.InitC
				}
			}
			for r := range t.N {
				to := gw[((o+r)*m.InChannels+j0)*m.Taps:]
				simd.TransposeAll(to, m.Taps, (*sums)[r*wide:], micro.Channels()*wide, m.Taps, j1-j0)
			}
		}
	})
}
