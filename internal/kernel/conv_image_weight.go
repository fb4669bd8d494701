package kernel

// imageWeights computes the gradient of the weights of a convolution of small
// images, for each tap t of the kernel the matrix product
//
//	gw[o, c, t] = Σ_{n, q} gy[n, o, q] · x[n, c, at(q, t)]
//
// over the positions q for which t lies inside the image, with input channels in
// the lanes of a vector. x is transposed, so that channels are last, and gy
// packed for blocks of output channels; nothing is summed that is zero.
type imageWeights struct {
	*convPlan
	split      // input channels
	wide   int // elements of a position in a panel of x
	blocks int // of output channels
	steps  *[]pair
	from   []int // where the steps of each tap begin, and where the last end
}

// imageWeightsApply reports whether the method applies, and is the best.
func imageWeightsApply(p *convPlan) bool {
	return hasDirect() && p.taps > 1 && p.out.size() <= mostPlaces && p.in.size() <= 4*mostPlaces && p.ic >= isaLanes() && p.oc >= blockChannels()
}

// newImageWeights makes the tables.
func newImageWeights(p *convPlan) *imageWeights {
	m := &imageWeights{convPlan: p, split: newSplit(p.ic), wide: microVecs() * isaLanes(), blocks: (p.oc + blockChannels() - 1) / blockChannels()}
	m.steps = offsets(p.batch * p.taps * p.out.size())
	at, in, out := 0, p.in.size(), p.out.size()
	for t := range p.taps {
		m.from = append(m.from, at)
		for n := range p.batch {
			for q := range out {
				if from := p.reads(p.out.position(q), p.kernel.position(t)); p.in.contains(from) {
					(*m.steps)[at] = pair{(n*out + q) * blockChannels(), (n*in + p.in.at(from)) * m.wide}
					at++
				}
			}
		}
	}
	m.from = append(m.from, at)
	return m
}

// runImageWeights computes gw by this method.
func runImageWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	m := newImageWeights(p)
	in, out := m.in.size(), m.out.size()
	b := scratch(m.panels*m.batch*in*m.wide + packSlack)
	a := scratch(m.blocks*m.batch*out*blockChannels() + packSlack)
	defer release(b)
	defer release(a)
	defer releaseOffsets(m.steps)
	for g := range m.group {
		w.For(m.panels*m.batch, grainOf(in*m.wide), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				j0, j1 := m.panel(i / m.batch)
				matrix{x[(i%m.batch*m.group+g)*m.xSize:], 1, in}.pack((*b)[i*in*m.wide:], 0, in, j0, j1, m.wide)
			}
		})
		w.For(m.blocks, grainOf(m.batch*out*blockChannels()), func(lo, hi int) {
			for i := lo; i < hi; i++ {
				o := i * blockChannels()
				to := (*a)[o*m.batch*out:]
				if m.oc-o < blockChannels() {
					clear(to[:m.batch*out*blockChannels()])
				}
				for n := range m.batch {
					from := matrix{gy[(n*m.group+g)*m.ySize:], out, 1}
					packDirect(to[n*out*blockChannels():], from, o, min(o+blockChannels(), m.oc), out)
				}
			}
		})
		m.multiply(w, *a, *b, gw[g*m.wSize:])
	}
}

// multiply computes the products of a group, a panel of columns after another.
func (m *imageWeights) multiply(w *Workers, a, b, gw []float32) {
	out := m.out.size()
	w.For(m.panels*m.blocks, 1, func(lo, hi int) {
		at, wide := offsets(microVecs()), m.wide
		sums := scratch(m.taps * blockChannels() * wide)
		defer releaseOffsets(at)
		defer release(sums)
		for i := lo; i < hi; i++ {
			j0, j1 := m.panel(i / m.blocks)
			o := i % m.blocks * blockChannels()
			t := directTile{a: a[o*m.batch*out:], b: b[i/m.blocks*m.batch*m.in.size()*wide:], n: min(blockChannels(), m.oc-o), cRow: wide, last: isaLanes()}
			vectors := (j1 - j0 + isaLanes() - 1) / isaLanes()
			for v := range vectors {
				(*at)[v] = pair{v * isaLanes(), v * isaLanes()}
			}
			t.at = (*at)[:vectors]
			for tap := range m.taps {
				t.c, t.begin = (*sums)[tap*blockChannels()*wide:], fromZero
				steps := (*m.steps)[m.from[tap]:m.from[tap+1]]
				if len(steps) == 0 {
					clear(t.c[:blockChannels()*wide])
				}
				for len(steps) > 0 {
					t.step = steps[:min(directDepth, len(steps))]
					steps = steps[len(t.step):]
					t.run()
					t.begin = fromC
				}
			}
			for r := range t.n {
				to := gw[((o+r)*m.ic+j0)*m.taps:]
				transposeAll(to, m.taps, (*sums)[r*wide:], blockChannels()*wide, m.taps, j1-j0)
			}
		}
	})
}
