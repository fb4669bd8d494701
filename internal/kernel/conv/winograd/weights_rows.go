package winograd

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// tileRowWeights computes the gradient of the weights of a 3×3 convolution by the adjoint
// of F(2, 3) along rows, with the tiles of a row in the lanes of vectors:
//
//	x ─x·B─▶ v: for each j < 4, channel × row × tile
//	gy ─gy·Aᵀ─▶ z: for each j < 4, channel × row × tile
//	s[j]: the sum over tiles of v[j]·z[j], for each row of the kernel ─s·G─▶ gw
//
// The sums are dot products, computed by [micro.DotTile]. A chunk of z, of a block of its
// channels, stays in the L1 cache.
type tileRowWeights struct {
	*plan.Conv
	row           int      // elements of a row of v and z
	vStep, zStep  int      // from channel to channel
	vPlane, zPart int      // from j to j
	xMasks, zMask []uint32 // see assembled
	maskWords     int
	columns       []int
	steps         *[]micro.Pair // of a chunk
	buffers       parallel.FreeList[tileRowMemory]
}

type tileRowMemory struct{ v, z, sums *[]float32 }

// TileRowWeightsApply reports whether the method applies and is the best.
func TileRowWeightsApply(p *plan.Conv) bool {
	most := forLanes(24, 0) // channels; with more, the sums would not stay in cache
	return inRowsOfTiles(p, p.Out[2]) && max(p.InChannels, p.OutChannels) <= most && min(p.InChannels, p.OutChannels) >= micro.Channels() && p.Out[1] >= micro.MostDots/2
}

// RunTileRowWeights computes gw by this method.
func RunTileRowWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	m := newTileRowWeights(p)
	defer m.free()
	p.InParts(w, 320, x, gy, gw, m.run)
}

func newTileRowWeights(p *plan.Conv) *tileRowWeights {
	vectors := (p.Out[2]/2 + simd.Lanes() - 1) / simd.Lanes()
	m := &tileRowWeights{Conv: p, row: vectors * simd.Lanes()}
	m.vStep, m.zStep = (p.Out[1]+2)*m.row, p.Out[1]*m.row
	m.vPlane, m.zPart = p.InChannels*m.vStep+planeGap, simd.RoundUp(p.OutChannels, micro.Channels())*m.zStep+planeGap
	m.xMasks, m.maskWords = assembled(windowMasks(p.Pad[2], p.In[2], m.row))
	// The windows of gy begin one element before the tile. With the elements outside the
	// tile masked, x·B of 0, a, b and 0 is -b, a+b, b-a and a.
	z := windowMasks(1, p.Out[2], m.row)
	for i := range z {
		for j := range 4 {
			z[i][j] &= []uint32{0xaaaa, 0x5555}[j/2]
		}
	}
	m.zMask, _ = assembled(z)
	for c := range p.InChannels {
		for dy := range 3 {
			m.columns = append(m.columns, c*m.vStep+dy*m.row)
		}
	}
	m.columns = append(m.columns, m.columns[:3]...)
	m.steps = scratch.Pairs(micro.MostDots)
	for i := range *m.steps {
		(*m.steps)[i] = micro.Pair{i * simd.Lanes(), i * simd.Lanes()}
	}
	return m
}

func (m *tileRowWeights) memory() tileRowMemory {
	b := tileRowMemory{v: scratch.Floats(4 * m.vPlane), z: scratch.Floats(4 * m.zPart), sums: scratch.Floats(4 * m.InChannels * simd.RoundUp(m.OutChannels, micro.Channels()) / micro.Channels() * micro.DotSums())}
	clear(*b.v) // rows outside x
	clear(*b.z) // channels beyond the last
	return b
}

func (m *tileRowWeights) free() {
	m.buffers.Each(func(b tileRowMemory) {
		scratch.Free(b.v)
		scratch.Free(b.z)
		scratch.Free(b.sums)
	})
	scratch.FreePairs(m.steps)
}

// run computes gw for a part of the batch.
func (m *tileRowWeights) run(p *plan.Conv, _ *parallel.Workers, x, gy, gw []float32) {
	b := m.buffers.Get(m.memory)
	defer m.buffers.Put(b)
	for g := range p.Group {
		for n := range p.Batch {
			at := n*p.Group + g
			m.prepare(b, x[at*p.XSize:], gy[at*p.YSize:])
			p.AccumulateBias(x, gy, at)
			next := at + p.Group
			m.multiply(b, n > 0, n == p.Batch-1, plan.SliceUpTo(x, next*p.XSize, p.XSize), plan.SliceUpTo(gy, next*p.YSize, p.YSize))
		}
		m.store(gw[g*p.WSize:(g+1)*p.WSize], *b.sums)
	}
}

// prepare computes v and z of an image.
func (m *tileRowWeights) prepare(b tileRowMemory, x, gy []float32) {
	// Of the rows that the kernel reads, first to last are inside x.
	first, last := m.Pad[1], min(m.Out[1]+2, m.Pad[1]+m.In[1])
	for i := 0; i < m.row; i += simd.Lanes() {
		masks := i / simd.Lanes() * m.maskWords
		if v := (*b.v)[first*m.row+i:]; first < last {
			laneCode().windows(m.InChannels, last-first, 1, &x[2*i], m.In.Size(), m.In[2], m.Pad[2], &v[0], &v[m.row], m.vStep, m.vPlane, 2*m.row, &m.xMasks[masks])
		}
		z := (*b.z)[i:]
		laneCode().windows(m.OutChannels, m.Out[1], 1, &gy[2*i], m.Out.Size(), m.Out[2], 1, &z[0], &z[m.row], m.zStep, m.zPart, 2*m.row, &m.zMask[masks])
	}
}

// multiply adds the products of an image to the sums, or overwrites them. It prefetches x
// and gy, which belong to the next image.
func (m *tileRowWeights) multiply(b tileRowMemory, add, end bool, x, gy []float32) {
	sums := *b.sums
	blocks := simd.RoundUp(m.OutChannels, micro.Channels()) / micro.Channels()
	pieces := (m.zStep + micro.MostDots*simd.Lanes() - 1) / (micro.MostDots * simd.Lanes())
	quota := (len(x) + len(gy)) / (4 * blocks * pieces)
	t := micro.DotTile{ARow: m.zStep, Col: m.columns}
	for j := range 4 {
		for r := 0; r < m.OutChannels; r += micro.Channels() {
			t.Sums = sums[:m.InChannels*micro.DotSums()]
			sums = sums[len(t.Sums):]
			for q := 0; q < m.zStep; q += micro.MostDots * simd.Lanes() {
				t.Step = (*m.steps)[:min(micro.MostDots, (m.zStep-q)/simd.Lanes())]
				t.A, t.B = (*b.z)[tilePlace[j]*m.zPart+r*m.zStep+q:], (*b.v)[j*m.vPlane+q:]
				t.Add, t.End = add || q > 0, end && q+micro.MostDots*simd.Lanes() >= m.zStep
				if len(x) == 0 {
					x, gy = gy, nil
				}
				t.Prefetch = x[:min(quota, len(x))]
				x = x[len(t.Prefetch):]
				t.Run()
			}
		}
	}
}

// tilePlace is the plane of z for each j.
var tilePlace = [4]int{3, 1, 2, 0}

// store writes the weights of a group.
func (m *tileRowWeights) store(gw, sums []float32) {
	blocks := simd.RoundUp(m.OutChannels, micro.Channels()) / micro.Channels()
	plane := blocks * m.InChannels * micro.DotSums() // from j to j
	for o := range m.OutChannels {
		from := sums[o/micro.Channels()*m.InChannels*micro.DotSums()+o%micro.Channels():]
		to := gw[o*m.InChannels*9 : (o+1)*m.InChannels*9]
		for i := 0; i < len(to); i += 3 {
			at := i/9*micro.DotSums() + i/3%3*micro.DotEnds()
			s0, s1, s2, s3 := from[at], from[at+plane], from[at+2*plane], from[at+3*plane]
			even := 0.5 * (s1 - s2) // z[2] has the other sign
			to[i], to[i+1], to[i+2] = s0+even, 0.5*(s1+s2), s3+even
		}
	}
}
