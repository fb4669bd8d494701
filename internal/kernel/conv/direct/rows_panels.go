package direct

import (
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// This file is the part of [rowLanes] for 1×1 kernels on large maps. Channels of the source
// are so far apart there that few of a panel's lines stay in the L1 cache, and that the
// processor does not see what to fetch next. So each panel is copied before it is multiplied:
// a copy waits for many lines at once.

const (
	copiedMap   = 512     // positions of a map: smaller ones are used in place
	copiedPanel = 3 << 12 // elements
)

// copiesPanels reports whether to copy panels. It was measured with AVX2.
func (m *rowLanes) copiesPanels() bool {
	return simd.Lanes() == 8 && m.Direct && m.Taps == 1 && m.images == 1 && !m.Copied() && m.Extent.Size() >= copiedMap && m.blocks > 2
}

// eachPanel computes an image from the source in t, for one panel of positions after another.
func (m *rowLanes) eachPanel(t *micro.DirectTile, group, image int, result []float32) {
	p, plane := &m.parts[0], m.ResultSize/m.Results
	depth := min(len(*p.steps), micro.DirectDepth)
	most := max(1, copiedPanel/depth/simd.Lanes()/3) // threes of vectors, as the microkernel takes
	threes := (len(*p.at) + 2) / 3
	panels := (threes + most - 1) / most
	width := (threes + panels - 1) / panels * 3 * simd.Lanes()
	panel, steps := scratch.Floats(depth*width+simd.PackSlack), scratch.Pairs(depth)
	defer scratch.Free(panel)
	defer scratch.FreePairs(steps)
	for s := range *steps {
		(*steps)[s] = micro.Pair{s * micro.Channels(), s * width}
	}
	source := t.B
	t.B, t.CRow = *panel, plane
	for q := 0; q < plane; q += width {
		n := min(width, plane-q)
		vectors := (n + simd.Lanes() - 1) / simd.Lanes()
		t.At, t.Last = (*p.at)[:vectors], n-(vectors-1)*simd.Lanes()
		t.Init = m.begin()
		for k0 := 0; k0 < len(*p.steps); k0 += depth {
			k1 := min(k0+depth, len(*p.steps))
			simd.CopyRows(*panel, width, source[k0*plane+q:], plane, k1-k0, n)
			t.Step = (*steps)[:k1-k0]
			for i := range m.blocks {
				at := image*m.ResultSize + m.block(t, p, group, i)*plane + q
				t.A, t.C = t.A[k0*micro.Channels():], result[at:]
				t.Run()
				for ch := 0; ch < t.N && k1 == len(*p.steps); ch++ {
					m.Finished(at+ch*plane, at+ch*plane+n)
				}
			}
			t.Init = micro.InitC
		}
	}
}
