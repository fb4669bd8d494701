package kernel

// winograd computes a correlation of stride 1 with a 3×3 kernel. Its data flow,
// for a unit of some tiles (see winograd_transform.go):
//
//	source image ─transpose─▶ channels last, framed ─Bᵀ·B─▶ v: a matrix for each ξ, tile × channel
//	v[ξ] · u[ξ] ─▶ p[ξ], where u[ξ] is element ξ of the transformed weights, channel × result
//	p ─Aᵀ·A─▶ result, channels last ─transpose─▶ result
//
// Lanes are channels throughout, so tiles may lie anywhere.
type winograd struct {
	*correlation
	winoTiling
	split
	before            vec3 // what position 0 of the result reads lies this far before the image
	inPitch, outPitch int  // elements of a position with its channels
	u                 *[]float32
	uPlane            int // elements of a matrix u[ξ] of all groups
	vPlane, pPlane    int
	bias              *[]float32 // of each group, outPitch elements; zeros for none
	row               *[]pair
}

// winoTiling cuts images into tiles and these into units.
type winoTiling struct {
	*winoForm
	high, wide int // tiles of an image
	rows       int // tile rows of a unit, all of them if it has several images
	images     int // images of a unit
}

// winoUnit is a range of images and, if there is one only, of its tile rows.
type winoUnit struct {
	image, images int
	row, rows     int
}

// planeGap keeps the matrices from starting at the same place modulo a power
// of two, where they would displace each other from the cache.
const planeGap = 16

// newWinoTiling makes units of about tiles tiles.
func newWinoTiling(f *winoForm, extent vec3, tiles int) winoTiling {
	t := winoTiling{winoForm: f, high: (extent[1] + f.m - 1) / f.m, wide: (extent[2] + f.m - 1) / f.m, images: 1}
	t.rows = max(1, min(t.high, tiles/t.wide))
	if t.rows == t.high {
		t.images = max(1, tiles/(t.high*t.wide))
	}
	return t
}

func (t *winoTiling) tiles() int { return t.images * t.rows * t.wide }

// units returns how many units batch images have.
func (t *winoTiling) units(batch int) int {
	return (batch + t.images - 1) / t.images * ((t.high + t.rows - 1) / t.rows)
}

func (t *winoTiling) unit(i, batch int) winoUnit {
	parts := (t.high + t.rows - 1) / t.rows
	u := winoUnit{image: i / parts * t.images, row: i % parts * t.rows}
	u.images, u.rows = min(t.images, batch-u.image), min(t.rows, t.high-u.row)
	return u
}

// tiled tells whether Winograd's algorithm applies.
func tiled(p *convPlan) bool {
	one := vec3{1, 1, 1}
	return p.kernel == vec3{1, 3, 3} && p.in[0] == 1 && p.out[0] == 1 && p.pad[0] == 0 && p.stride == one && p.dilation == one && p.pad[1] <= 2 && p.pad[2] <= 2
}

// beforeTiles returns how far before the image what position 0 of the result reads
// lies.
func beforeTiles(c *correlation) (before vec3) {
	first := c.phases[0].taps[0]
	if c.back { // the taps run the other way
		first = c.phases[0].taps[c.taps-1]
	}
	for a, at := range first.at {
		before[a] = -at
	}
	return before
}

// tapLayout returns where the taps of a kernel are that are pitch elements apart.
func tapLayout(c *correlation, pitch int) winoLayout {
	if c.back {
		return winoLayout{at: 8 * pitch, i: -3 * pitch, j: -pitch}
	}
	return winoLayout{i: 3 * pitch, j: pitch}
}

// biasOf returns the bias of each group in pitch elements, zeros for none.
func biasOf(c *correlation, bias []float32, pitch int) *[]float32 {
	b := scratch(c.group * pitch)
	clear(*b)
	for g := 0; bias != nil && g < c.group; g++ {
		copy((*b)[g*pitch:], bias[g*c.results:(g+1)*c.results])
	}
	return b
}

// winogradCost returns what an algorithm costs for an image, in multiplications
// of vectors with as many more as transforming costs, and whether it applies.
func winogradCost(p *convPlan, f *winoForm, channels, results int, extent vec3) (cost int, ok bool) {
	if !tiled(p) {
		return 0, false
	}
	tiles := (extent[1] + f.m - 1) / f.m * ((extent[2] + f.m - 1) / f.m)
	in, out := (channels+isaLanes()-1)/isaLanes(), (results+isaLanes()-1)/isaLanes()
	return tiles*(f.products()*channels*out+f.cost*(in+out)) + 4*f.products()*channels*out/max(1, p.batch), true
}

// formOf returns the algorithm for a correlation. An error of the forward direction may
// move values across the kinks of ReLU and pooling, where gradients jump: it must not be
// larger than that of summing directly. What goes back through them is linear.
func formOf(c *correlation) *winoForm {
	if c.back {
		return winoFast
	}
	return winoAccurate
}

// channelTilesCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func channelTilesCost(c *correlation) (cost int, ok bool) {
	return winogradCost(c.convPlan, formOf(c), c.channels, c.results, c.extent)
}

// newWinograd transforms the weights.
func newWinograd(c *correlation, w *Workers, weight, bias []float32) *winograd {
	form := formOf(c)
	m := &winograd{correlation: c, split: newSplit(c.results), inPitch: roundUp(c.channels, isaLanes()), outPitch: roundUp(c.results, isaLanes())}
	m.before = beforeTiles(c)
	m.winoTiling = newWinoTiling(form, c.extent, max(48, (1<<17)/(form.products()*(m.inPitch+m.outPitch))))
	m.vPlane, m.pPlane = m.tiles()*m.inPitch+planeGap, m.tiles()*m.outPitch+planeGap
	m.transformWeight(w, weight)
	m.bias = biasOf(c, bias, m.outPitch)
	m.row = offsets(roundUp(m.tiles(), microRows()))
	for t := range *m.row {
		(*m.row)[t] = pair{t * m.inPitch, t * m.outPitch}
	}
	return m
}

func (m *winograd) free() {
	release(m.u)
	release(m.bias)
	releaseOffsets(m.row)
}

// transformWeight computes u, the panels of each group one after another.
func (m *winograd) transformWeight(w *Workers, weight []float32) {
	groupSize := m.channels * m.outPitch
	m.uPlane = m.group*groupSize + planeGap
	m.u = scratch(m.products() * m.uPlane)
	w.For(m.group*m.channels, grainOf(groupSize*9/m.channels), func(lo, hi int) {
		packed := scratch(9*m.outPitch + packSlack)
		defer release(packed)
		for i := lo; i < hi; i++ {
			g, ch := i/m.channels, i%m.channels
			matrix{weight[g*m.wSize+ch*m.wc:], 1, m.wr}.pack(*packed, 0, 9, 0, m.results, m.outPitch)
			from := tapLayout(m.correlation, m.outPitch)
			for p := range m.panels {
				j0, j1 := m.panel(p)
				width := roundUp(j1-j0, isaLanes())
				runTransform(m.weight, &winoArgs{
					tiles: 1, channels: width,
					src: (*packed)[j0:], from: from,
					dst: *m.u, to: winoLayout{at: g*groupSize + j0*m.channels + ch*width, i: m.side() * m.uPlane, j: m.uPlane},
				})
			}
		}
	})
}

// runChannelTiles computes the correlation by this method.
func runChannelTiles(c *correlation, w *Workers, source, weight, bias, result []float32) {
	m := newWinograd(c, w, weight, bias)
	defer m.free()
	w.For(m.units(m.batch)*m.group, 1, func(lo, hi int) {
		s := m.newState()
		defer s.free()
		for i := lo; i < hi; i++ {
			u, g := m.unit(i/m.group, m.batch), i%m.group
			s.load(u, g, source)
			s.multiply(g, u.images*u.rows*m.wide)
			s.store(u, g, result)
		}
	})
}

// winoState is the memory of one unit in work.
type winoState struct {
	*winograd
	image     winoSource
	v, p, out *[]float32
	step      *[]pair
}

func (m *winograd) newState() *winoState {
	return &winoState{
		winograd: m,
		image:    newWinoSource(m.winoTiling, m.inPitch, 2, m.before),
		v:        scratch(m.products() * m.vPlane),
		p:        scratch(m.products() * m.pPlane),
		out:      scratch(m.m * m.m * m.rows * m.wide * m.outPitch),
		step:     offsets(m.channels),
	}
}

func (s *winoState) free() {
	s.image.free()
	release(s.v)
	release(s.p)
	release(s.out)
	releaseOffsets(s.step)
}

// load computes v for the tiles of a unit.
func (s *winoState) load(u winoUnit, group int, source []float32) {
	for i := range u.images {
		at := ((u.image+i)*s.group + group) * s.sourceSize
		s.image.load(source[at:at+s.sourceSize], s.channels, s.source.in, u.row, u.rows)
		s.image.transform(s.input, u.rows, *s.v, i*u.rows*s.wide, s.vPlane)
	}
}

// multiply computes p = v·u for n tiles.
func (s *winoState) multiply(group, n int) {
	width := 0
	for i := range s.panels {
		j0, j1 := s.panel(i)
		if w := roundUp(j1-j0, isaLanes()); w != width {
			width = w
			for k := range *s.step {
				(*s.step)[k] = pair{k, k * width}
			}
		}
		for xi := range s.products() {
			t := tile{row: *s.row, rows: n, cols: j1 - j0, a: (*s.v)[xi*s.vPlane:], c: (*s.p)[xi*s.pPlane+j0:]}
			t.b = (*s.u)[xi*s.uPlane+group*s.channels*s.outPitch+j0*s.channels:]
			t.runInSteps(*s.step)
		}
	}
}

// store transforms p back and writes the result.
func (s *winoState) store(u winoUnit, group int, result []float32) {
	e := s.extent
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
		at := ((u.image+i)*s.group + group) * s.resultSize
		s.transposeOut(result[at:], y0, y1, line)
		if y1-y0 == e[1] {
			s.finished(at, at+s.resultSize)
			continue
		}
		for c := range s.results {
			plane := at + c*e.size()
			s.finished(plane+y0*e[2], plane+y1*e[2])
		}
	}
}

// transposeOut writes rows y0 to y1 of an image's result; out holds them from
// the first, channels last, rows line elements apart.
func (s *winoState) transposeOut(result []float32, y0, y1, line int) {
	e := s.extent
	if e[2] == s.m*s.wide { // the tiles cover whole rows
		transposeAll(result[y0*e[2]:], e[1]*e[2], *s.out, s.outPitch, (y1-y0)*e[2], s.results)
		return
	}
	for y := y0; y < y1; y++ {
		transposeAll(result[y*e[2]:], e[1]*e[2], (*s.out)[(y-y0)*line:], s.outPitch, e[2], s.results)
	}
}
