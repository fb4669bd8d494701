package kernel

// smallPlanes is a depthwise convolution of planes, in and out, of at most 16
// elements: one vector holds a plane, or several. Each tap of the kernel picks
// its elements by a permutation.
type smallPlanes struct {
	*convPlan
	planes int     // of a vector
	pick   []int32 // for each tap, where the lanes of y are in x; 16 for nowhere
	spread []int32 // for each tap, where the lanes of gx are in gy
}

// smallLanes is the size of the vectors, those of AVX-512.
const smallLanes = 16

// newSmallPlanes returns the convolution as one of small planes, if it is and there is
// assembly for it.
func newSmallPlanes(p *convPlan) (*smallPlanes, bool) {
	in, out := p.in.size(), p.out.size()
	if !hasSmall() || p.ic != 1 || p.oc != 1 || min(in, out) == 0 || max(in, out) > smallLanes || (p.taps != 9 && p.taps != 25) {
		return nil, false
	}
	m := &smallPlanes{convPlan: p, planes: smallLanes / max(in, out)}
	m.pick, m.spread = make([]int32, p.taps*smallLanes), make([]int32, p.taps*smallLanes)
	for i := range m.pick {
		m.pick[i], m.spread[i] = smallLanes, smallLanes
	}
	for t := range p.taps {
		for q := range out {
			from := p.reads(p.out.position(q), p.kernel.position(t))
			if !p.in.contains(from) {
				continue
			}
			i := p.in.at(from)
			for plane := range m.planes {
				x, y := plane*in+i, plane*out+q
				m.pick[t*smallLanes+y] = int32(x)
				m.spread[t*smallLanes+x] = int32(y)
			}
		}
	}
	return m, true
}

// smallArgs is a call of an assembly kernel for groups of planes, one vector
// each, in some images. For forward, w holds the kernel of each plane or, if there
// are several planes in a vector, a vector for each tap; likewise bias. For weight,
// y is gy and w holds a vector for each tap, to whose lanes products are added, and
// one to which gy is.
type smallArgs struct {
	taps, groups, planes int
	x, y, w, bias        []float32
	xSize, ySize         int // of a plane
	index                []int32
	images               int
	xImage, yImage       int // from image to image
	gating                   // for forward
}

// smallKernels is the assembly for small planes.
type smallKernels struct {
	forward func(a *smallArgs, several bool) // planes in a vector
	weight  func(*smallArgs)
}

func hasSmall() bool { return smallCode() != nil }

// split calls f for groups lo to hi of planes, for the last of all by itself if it
// has fewer planes.
func (m *smallPlanes) split(lo, hi int, f func(first, groups, planes int)) {
	full := m.group / m.planes // groups
	if lo < full {
		f(lo, min(hi, full)-lo, m.planes)
	}
	if rest := m.group % m.planes; rest > 0 && hi > full {
		f(full, 1, rest)
	}
}

func (m *smallPlanes) groups() int { return (m.group + m.planes - 1) / m.planes }

func (m *smallPlanes) forward(w *Workers, x, weight, bias, y []float32) {
	m.convolve(w, m.pass(x, weight, bias, y, m.xSize, m.ySize, m.pick, func(int) gating { return m.limits.limited(aheadSmall) }))
}

func (m *smallPlanes) gradInput(w *Workers, gy, weight, gx []float32) {
	m.convolve(w, m.back(gy, weight, gx))
}

func (m *smallPlanes) back(gy, weight, gx []float32) *smallPass {
	return m.pass(gy, weight, nil, gx, m.ySize, m.xSize, m.spread, func(to int) gating { return m.gate.from(to, aheadSmall) })
}

func (m *smallPlanes) convolve(w *Workers, p *smallPass) {
	defer p.free()
	w.For(m.batch, grainOf(m.taps*m.group), func(lo, hi int) {
		const atOnce = 4
		for image := lo; image < hi; image += atOnce {
			p.run(image, min(atOnce, hi-image), 0, m.groups())
		}
	})
}

// smallPass is a convolution of small planes that is ready to run, with weights and
// biases in the form that the kernel wants.
type smallPass struct {
	*smallPlanes
	x, y                 []float32
	xSize, ySize         int
	index                []int32
	gate                 func(to int) gating // for what is stored from an element on
	weights, biases      *[]float32
	weightStep, biasStep int // from group to group
}

func (m *smallPlanes) pass(x, weight, bias, y []float32, xSize, ySize int, index []int32, gate func(to int) gating) *smallPass {
	p := &smallPass{smallPlanes: m, x: x, y: y, xSize: xSize, ySize: ySize, index: index, gate: gate}
	p.weights, p.weightStep = m.widen(weight, m.taps, ySize)
	p.biases, p.biasStep = m.widen(bias, 1, ySize)
	return p
}

func (p *smallPass) free() {
	release(p.weights)
	release(p.biases)
}

// run computes groups lo to hi of the planes of some images: all at once if that
// saves loading weights, which are vectors.
func (p *smallPass) run(image, images, lo, hi int) {
	if p.planes == 1 && images > 1 {
		for i := range images {
			p.run(image+i, 1, lo, hi)
		}
		return
	}
	p.split(lo, hi, func(first, groups, planes int) {
		plane := image*p.group + first*p.planes
		from, to := plane*p.xSize, plane*p.ySize
		smallCode().forward(&smallArgs{
			taps: p.taps, groups: groups, planes: planes, x: p.x[from:], y: p.y[to:], xSize: p.xSize, ySize: p.ySize, index: p.index,
			images: images, xImage: p.group * p.xSize, yImage: p.group * p.ySize,
			w: (*p.weights)[first*p.weightStep:], bias: (*p.biases)[first*p.biasStep:], gating: p.gate(to),
		}, p.planes > 1)
		for i := range images {
			at := to + i*p.group*p.ySize
			p.finished(at, at+groups*planes*p.ySize)
		}
	})
}

// aheadSmall is how many elements further on what is written is fetched.
const aheadSmall = 1 << 10

// widen returns the n numbers that each channel has, zeros if x is nil, and how many
// lie between those of two groups. If there are several planes in a vector, it makes
// a vector of each number, the channels of a vector side by side in lanes lanes each.
func (m *smallPlanes) widen(x []float32, n, lanes int) (wide *[]float32, step int) {
	if m.planes == 1 {
		wide = scratch(m.group * n)
		clear((*wide)[copy(*wide, x):])
		return wide, n
	}
	step = n * smallLanes
	wide = scratch(m.groups() * step)
	clear(*wide)
	for c := range min(m.group, len(x)/n) {
		to := (*wide)[c/m.planes*step+c%m.planes*lanes:]
		for i, v := range x[c*n : (c+1)*n] {
			lane := to[i*smallLanes:][:lanes]
			for j := range lane {
				lane[j] = v
			}
		}
	}
	return wide, step
}

// gradWeight computes the gradient by the bias as well unless gb is nil, the same to
// the bit as sumPlanes, and that by the input if it is wanted beside it: of a few
// images when they have been read for the weights.
func (m *smallPlanes) gradWeight(w *Workers, x, gy, gw, gb []float32) {
	var back *smallPass
	if m.beside != nil {
		back = m.back(gy, m.beside.weight, m.beside.gx)
		defer back.free()
	}
	w.For(m.groups(), grainOf(m.batch*m.taps*smallLanes), func(lo, hi int) {
		vector := (m.taps + 1) * smallLanes
		sums := scratch((hi - lo) * vector)
		defer release(sums)
		clear(*sums)
		const atOnce = 4 // images, whose sums stay in registers
		for image := 0; image < m.batch; image += atOnce {
			images := min(atOnce, m.batch-image)
			m.split(lo, hi, func(g, groups, planes int) {
				first := image*m.group + g*m.planes
				smallCode().weight(&smallArgs{
					taps: m.taps, groups: groups, planes: planes, xSize: m.xSize, ySize: m.ySize, index: m.pick, x: x[first*m.xSize:], y: gy[first*m.ySize:],
					w: (*sums)[(g-lo)*vector:], images: images, xImage: m.group * m.xSize, yImage: m.group * m.ySize,
				})
			})
			if back != nil {
				back.run(image, images, lo, hi)
			}
		}
		for c := lo * m.planes; c < min(hi*m.planes, m.group); c++ {
			at := (c/m.planes-lo)*vector + c%m.planes*m.ySize // of its lanes
			for t := range m.taps {
				gw[c*m.taps+t] = sum((*sums)[at+t*smallLanes:][:m.ySize])
			}
			if gb != nil {
				gb[c] = sum((*sums)[at+m.taps*smallLanes:][:m.ySize])
			}
		}
	})
}
