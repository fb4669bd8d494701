package winograd

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// winograd computes a correlation of stride 1 with a 3×3 kernel. For a unit of some tiles
// (see transform.go for the algorithm and its matrices), the data flow is
//
//	source image ─transpose─▶ channels last, framed ─Bᵀ·B─▶ v: a matrix for each ξ, tile × channel
//	v[ξ] · u[ξ] ─▶ p[ξ], where u[ξ] is element ξ of the transformed weights, channel × result
//	p ─Aᵀ·A─▶ result, channels last ─transpose─▶ result
//
// Lanes are channels throughout, so tiles may be anywhere in the image.
type winograd struct {
	*plan.Correlation
	winoTiling
	micro.Split
	before            window.Vec3 // how far before the image the result at position 0 begins to read
	inPitch, outPitch int         // elements of a position, in whole vectors
	u                 *[]float32
	uPlane            int // elements of a matrix u[ξ] of all groups
	vPlane, pPlane    int
	bias              *[]float32 // of each group, outPitch elements; zeros for none
	row               *[]micro.Pair
}

// winoTiling cuts images into tiles, and these into units.
type winoTiling struct {
	*winoForm
	high, wide int // tiles of an image
	rows       int // tile rows of a unit, all of them if it has several images
	images     int // images of a unit
}

// winoUnit is a range of images and, if it is a single one, of its tile rows.
type winoUnit struct {
	image, images int
	row, rows     int
}

// planeGap keeps matrices from starting at the same place modulo a power of two, where they
// would evict each other from the cache.
const planeGap = 16

// newWinoTiling makes units of about the given number of tiles.
func newWinoTiling(f *winoForm, extent window.Vec3, tiles int) winoTiling {
	t := winoTiling{winoForm: f, high: (extent[1] + f.m - 1) / f.m, wide: (extent[2] + f.m - 1) / f.m, images: 1}
	t.rows = max(1, min(t.high, tiles/t.wide))
	if t.rows == t.high {
		t.images = max(1, tiles/(t.high*t.wide))
	}
	return t
}

func (t *winoTiling) tiles() int { return t.images * t.rows * t.wide }

// units returns how many units a batch has.
func (t *winoTiling) units(batch int) int {
	return (batch + t.images - 1) / t.images * ((t.high + t.rows - 1) / t.rows)
}

func (t *winoTiling) unit(i, batch int) winoUnit {
	parts := (t.high + t.rows - 1) / t.rows
	u := winoUnit{image: i / parts * t.images, row: i % parts * t.rows}
	u.images, u.rows = min(t.images, batch-u.image), min(t.rows, t.high-u.row)
	return u
}

// tiled reports whether Winograd's algorithm applies.
func tiled(p *plan.Conv) bool {
	one := window.Vec3{1, 1, 1}
	return p.Kernel == window.Vec3{1, 3, 3} && p.In[0] == 1 && p.Out[0] == 1 && p.Pad[0] == 0 && p.Stride == one && p.Dilation == one && p.Pad[1] <= 2 && p.Pad[2] <= 2
}

// beforeTiles returns how far before the image the result at position 0 begins to read.
func beforeTiles(c *plan.Correlation) (before window.Vec3) {
	first := c.Phases[0].Taps[0]
	if c.Adjoint { // the taps run the other way
		first = c.Phases[0].Taps[c.Taps-1]
	}
	for a, at := range first.At {
		before[a] = -at
	}
	return before
}

// tapLayout returns where the elements of a kernel are if they are pitch elements apart.
func tapLayout(c *plan.Correlation, pitch int) winoLayout {
	if c.Adjoint {
		return winoLayout{at: 8 * pitch, i: -3 * pitch, j: -pitch}
	}
	return winoLayout{i: 3 * pitch, j: pitch}
}

// biasOf returns the bias with pitch elements for each group, zeros if bias is nil.
func biasOf(c *plan.Correlation, bias []float32, pitch int) *[]float32 {
	b := scratch.Floats(c.Group * pitch)
	clear(*b)
	for g := 0; bias != nil && g < c.Group; g++ {
		copy((*b)[g*pitch:], bias[g*c.Results:(g+1)*c.Results])
	}
	return b
}

// winogradCost returns what an algorithm costs for an image, and whether it applies. The
// cost is the number of multiplications of vectors, plus as many as take the time of the
// transforms.
func winogradCost(p *plan.Conv, f *winoForm, channels, results int, extent window.Vec3) (cost int, ok bool) {
	if !tiled(p) {
		return 0, false
	}
	tiles := (extent[1] + f.m - 1) / f.m * ((extent[2] + f.m - 1) / f.m)
	in, out := (channels+simd.Lanes()-1)/simd.Lanes(), (results+simd.Lanes()-1)/simd.Lanes()
	return tiles*(f.products()*channels*out+f.cost*(in+out)) + 4*f.products()*channels*out/max(1, p.Batch), true
}

// formOf returns the algorithm for a correlation. In the forward direction, an error may
// move values across the kinks of ReLU and pooling, where gradients jump. It must not be
// larger than that of direct summation. In the backward direction everything is linear.
func formOf(c *plan.Correlation) *winoForm {
	if c.Adjoint {
		return winoFast
	}
	return winoAccurate
}

// ChannelTilesCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func ChannelTilesCost(c *plan.Correlation) (cost int, ok bool) {
	return winogradCost(c.Conv, formOf(c), c.Channels, c.Results, c.Extent)
}

// newWinograd transforms the weights.
func newWinograd(c *plan.Correlation, w *parallel.Workers, weight, bias []float32) *winograd {
	form := formOf(c)
	m := &winograd{Correlation: c, Split: micro.NewSplit(c.Results), inPitch: simd.RoundUp(c.Channels, simd.Lanes()), outPitch: simd.RoundUp(c.Results, simd.Lanes())}
	m.before = beforeTiles(c)
	m.winoTiling = newWinoTiling(form, c.Extent, max(48, (1<<17)/(form.products()*(m.inPitch+m.outPitch))))
	m.vPlane, m.pPlane = m.tiles()*m.inPitch+planeGap, m.tiles()*m.outPitch+planeGap
	m.transformWeight(w, weight)
	m.bias = biasOf(c, bias, m.outPitch)
	m.row = scratch.Pairs(simd.RoundUp(m.tiles(), micro.Rows()))
	for t := range *m.row {
		(*m.row)[t] = micro.Pair{t * m.inPitch, t * m.outPitch}
	}
	return m
}

func (m *winograd) free() {
	m.FreeForm(m.u)
	scratch.Free(m.bias)
	scratch.FreePairs(m.row)
}

// transformWeight computes u: the panels of each group, one after another.
func (m *winograd) transformWeight(w *parallel.Workers, weight []float32) {
	groupSize := m.Channels * m.outPitch
	m.uPlane = m.Group*groupSize + planeGap
	var ready bool
	if m.u, ready = m.Form(m.products() * m.uPlane); ready {
		return
	}
	// Where the kernels of neighbouring channels lie side by side, several are packed at a time:
	// one takes half of a cache line from each of many pages.
	together := 1
	if m.Wc == 9 {
		together = min(8, m.Channels)
	}
	parts := (m.Channels + together - 1) / together
	w.For(m.Group*parts, parallel.GrainOf(groupSize*9/parts), func(lo, hi int) {
		packed := scratch.Floats(9*together*m.outPitch + simd.PackSlack)
		defer scratch.Free(packed)
		from := tapLayout(m.Correlation, m.outPitch)
		for i := lo; i < hi; i++ {
			g, first := i/parts, i%parts*together
			n := min(together, m.Channels-first)
			micro.Matrix{X: weight[g*m.WSize+first*m.Wc:], RowStride: 1, ColStride: m.Wr}.Pack(*packed, 0, 9*n, 0, m.Results, m.outPitch)
			for k := range n {
				for p := range m.Panels {
					j0, j1 := m.Panel(p)
					width := simd.RoundUp(j1-j0, simd.Lanes())
					runTransform(m.weight, &winoArgs{
						tiles: 1, channels: width,
						src: (*packed)[9*k*m.outPitch+j0:], from: from,
						dst: *m.u, to: winoLayout{at: g*groupSize + j0*m.Channels + (first+k)*width, i: m.side() * m.uPlane, j: m.uPlane},
					})
				}
			}
		}
	})
}

// RunChannelTiles computes a correlation by this method. bias may be nil.
func RunChannelTiles(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	m := newWinograd(c, w, weight, bias)
	defer m.free()
	w.For(m.units(m.Batch)*m.Group, 1, func(lo, hi int) {
		s := m.newState()
		defer s.free()
		for i := lo; i < hi; i++ {
			u, g := m.unit(i/m.Group, m.Batch), i%m.Group
			s.load(u, g, source)
			s.multiply(g, u.images*u.rows*m.wide)
			s.store(u, g, result)
		}
	})
}

// winoState is the memory for the unit that is being computed.
type winoState struct {
	*winograd
	image     winoSource
	v, p, out *[]float32
	step      *[]micro.Pair
}

func (m *winograd) newState() *winoState {
	return &winoState{
		winograd: m,
		image:    newWinoSource(m.winoTiling, m.inPitch, 2, m.before),
		v:        scratch.Floats(m.products() * m.vPlane),
		p:        scratch.Floats(m.products() * m.pPlane),
		out:      scratch.Floats(m.m * m.m * m.rows * m.wide * m.outPitch),
		step:     scratch.Pairs(m.Channels),
	}
}

func (s *winoState) free() {
	s.image.free()
	scratch.Free(s.v)
	scratch.Free(s.p)
	scratch.Free(s.out)
	scratch.FreePairs(s.step)
}

// load computes v for the tiles of a unit.
func (s *winoState) load(u winoUnit, group int, source []float32) {
	for i := range u.images {
		at := ((u.image+i)*s.Group + group) * s.SourceSize
		s.image.load(source[at:at+s.SourceSize], s.Channels, s.Source.In, u.row, u.rows)
		s.image.transform(s.input, u.rows, *s.v, i*u.rows*s.wide, s.vPlane)
	}
}

// multiply computes p = v·u for n tiles.
func (s *winoState) multiply(group, n int) {
	width := 0
	for i := range s.Panels {
		j0, j1 := s.Panel(i)
		if w := simd.RoundUp(j1-j0, simd.Lanes()); w != width {
			width = w
			for k := range *s.step {
				(*s.step)[k] = micro.Pair{k, k * width}
			}
		}
		for xi := range s.products() {
			t := micro.Tile{Row: *s.row, Rows: n, Cols: j1 - j0, A: (*s.v)[xi*s.vPlane:], C: (*s.p)[xi*s.pPlane+j0:]}
			t.B = (*s.u)[xi*s.uPlane+group*s.Channels*s.outPitch+j0*s.Channels:]
			t.RunInSteps(*s.step)
		}
	}
}

// store transforms p back and writes the result.
func (s *winoState) store(u winoUnit, group int, result []float32) {
	e := s.Extent
	line := s.m * s.wide * s.outPitch
	for i := range u.images {
		for r := range u.rows {
			runTransform(s.output, &winoArgs{
				tiles: s.wide, channels: s.outPitch, bias: (*s.bias)[group*s.outPitch:],
				src: *s.p, from: winoLayout{at: (i*u.rows + r) * s.wide * s.outPitch, i: s.side() * s.pPlane, j: s.pPlane, tile: s.outPitch},
				dst: *s.out, to: winoLayout{at: s.m * r * line, i: line, j: s.outPitch, tile: s.m * s.outPitch},
			})
		}
		y0, y1 := s.m*u.row, min(s.m*(u.row+u.rows), e[1])
		at := ((u.image+i)*s.Group + group) * s.ResultSize
		s.transposeOut(result[at:], y0, y1, line)
		if y1-y0 == e[1] {
			s.Finished(at, at+s.ResultSize)
			continue
		}
		for c := range s.Results {
			plane := at + c*e.Size()
			s.Finished(plane+y0*e[2], plane+y1*e[2])
		}
	}
}

// transposeOut writes rows y0 to y1 of the result of an image. out holds them from its
// beginning on, channels last, rows line elements apart.
func (s *winoState) transposeOut(result []float32, y0, y1, line int) {
	e := s.Extent
	if e[2] == s.m*s.wide { // the tiles cover whole rows
		simd.TransposeAll(result[y0*e[2]:], e[1]*e[2], *s.out, s.outPitch, (y1-y0)*e[2], s.Results)
		return
	}
	for y := y0; y < y1; y++ {
		simd.TransposeAll(result[y*e[2]:], e[1]*e[2], (*s.out)[(y-y0)*line:], s.outPitch, e[2], s.Results)
	}
}
