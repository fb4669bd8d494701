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

// small returns the convolution as one of small planes, if it is and there is
// assembly for it.
func (p *convPlan) small() (*smallPlanes, bool) {
	in, out := p.in.size(), p.out.size()
	if isa.small == nil || p.ic != 1 || p.oc != 1 || min(in, out) == 0 || max(in, out) > smallLanes || (p.taps != 9 && p.taps != 25) {
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
// each. For forward, w holds the kernel of each plane or, if there are several
// planes in a vector, a vector for each tap; likewise bias. For weight, y is gy
// and w holds a vector for each tap, to whose lanes products are added.
type smallArgs struct {
	taps, groups, planes int
	x, y, w, bias        []float32
	xSize, ySize         int // of a plane
	index                []int32
	images               int // for weight
	xImage, yImage       int // from image to image
	gating                   // for forward
}

// each calls f for ranges of whole groups of planes, and for the last planes of
// each image if they are fewer than a group.
func (m *smallPlanes) each(w *Workers, f func(image, channel, groups, planes int)) {
	full := m.group / m.planes
	w.For(m.batch, grainOf(m.taps*m.group), func(lo, hi int) {
		for image := lo; image < hi; image++ {
			if full > 0 {
				f(image, 0, full, m.planes)
			}
			if rest := m.group % m.planes; rest > 0 {
				f(image, full*m.planes, 1, rest)
			}
		}
	})
}

func (m *smallPlanes) forward(w *Workers, x, weight, bias, y []float32) {
	m.convolve(w, x, weight, bias, y, m.xSize, m.ySize, m.pick, nil)
}

func (m *smallPlanes) gradInput(w *Workers, gy, weight, gx []float32) {
	m.convolve(w, gy, weight, nil, gx, m.ySize, m.xSize, m.spread, m.gate)
}

func (m *smallPlanes) convolve(w *Workers, x, weight, bias, y []float32, xSize, ySize int, index []int32, gate *Gate) {
	if bias == nil {
		zeros := scratch(m.group)
		defer release(zeros)
		clear(*zeros)
		bias = *zeros
	}
	wStep := m.taps // from channel to channel
	if m.planes > 1 {
		wStep = m.taps * smallLanes / m.planes
		weights, biases := m.widen(weight, m.taps, ySize), m.widen(bias, 1, ySize)
		defer release(weights)
		defer release(biases)
		weight, bias = *weights, *biases
	}
	m.each(w, func(image, channel, groups, planes int) {
		from, to := (image*m.group+channel)*xSize, (image*m.group+channel)*ySize
		isa.small.forward(&smallArgs{
			taps: m.taps, groups: groups, planes: planes, x: x[from:], y: y[to:], xSize: xSize, ySize: ySize, index: index,
			w: weight[channel/m.planes*m.planes*wStep:], bias: bias[channel/m.planes*m.biasStep():],
			gating: gate.from(to, aheadSmall),
		}, m.planes > 1)
		m.finished(to, to+groups*planes*ySize)
	})
}

// biasStep returns how far apart the biases of vectors are.
func (m *smallPlanes) biasStep() int {
	if m.planes > 1 {
		return smallLanes
	}
	return 1
}

// aheadSmall is how many elements further on what is written is fetched.
const aheadSmall = 1 << 10

// widen makes a vector of each of n numbers that a channel has, the channels of
// a vector side by side in lanes lanes each.
func (m *smallPlanes) widen(x []float32, n, lanes int) *[]float32 {
	groups := (m.group + m.planes - 1) / m.planes
	wide := scratch(groups * n * smallLanes)
	clear(*wide)
	for c := range m.group {
		for i := range n {
			fill((*wide)[(c/m.planes*n+i)*smallLanes+c%m.planes*lanes:][:lanes], x[c*n+i])
		}
	}
	return wide
}

func (m *smallPlanes) gradWeight(w *Workers, x, gy, gw []float32) {
	groups := (m.group + m.planes - 1) / m.planes
	w.For(groups, grainOf(m.batch*m.taps*smallLanes), func(lo, hi int) {
		vector := m.taps * smallLanes
		sums := scratch((hi - lo) * vector)
		defer release(sums)
		clear(*sums)
		const atOnce = 8 // images, whose sums stay in registers
		for image := 0; image < m.batch; image += atOnce {
			for g := lo; g < hi; {
				a := smallArgs{taps: m.taps, groups: hi - g, planes: m.planes, xSize: m.xSize, ySize: m.ySize, index: m.pick, images: min(atOnce, m.batch-image)}
				if rest := m.group % m.planes; rest > 0 && hi == groups { // the last group is smaller
					if a.groups--; a.groups == 0 {
						a.groups, a.planes = 1, rest
					}
				}
				first := image*m.group + g*m.planes
				a.x, a.y, a.w = x[first*m.xSize:], gy[first*m.ySize:], (*sums)[(g-lo)*vector:]
				a.xImage, a.yImage = m.group*m.xSize, m.group*m.ySize
				isa.small.weight(&a)
				g += a.groups
			}
		}
		for c := lo * m.planes; c < min(hi*m.planes, m.group); c++ {
			for t := range m.taps {
				at := (c/m.planes-lo)*vector + t*smallLanes + c%m.planes*m.ySize
				gw[c*m.taps+t] = sum((*sums)[at : at+m.ySize])
			}
		}
	})
}
