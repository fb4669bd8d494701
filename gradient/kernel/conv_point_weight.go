package kernel

const (
	fewPoints  = 8       // positions of a map: fewer are too short a run
	mostPoints = 64      // without runs, larger maps are taken one by one
	pointBlock = 1 << 17 // elements collected at once
)

// pointGradWeight computes the gradient of the weights of a 1×1 convolution, which
// is a product of matrices:
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// It returns whether it has: other methods are as good for the rest.
func (p *convPlan) pointGradWeight(w *Workers, x, gy, gw []float32) bool {
	size := p.out.size()
	inRuns := isa.runs != nil && size >= fewPoints
	switch {
	case inRuns && p.ic <= p.oc:
		p.inParts(w, 320, x, gy, gw, (*convPlan).runGradWeight)
	case !inRuns && size <= mostPoints:
		p.inParts(w, 320, x, gy, gw, (*convPlan).collectedGradWeight)
	case inRuns || p.ic < p.oc:
		p.turn(w, x, gy, gw)
	default:
		return false
	}
	return true
}

// collectedGradWeight is pointGradWeight for maps so small that the positions of each
// channel are put side by side first, those of some images at a time.
func (p *convPlan) collectedGradWeight(w *Workers, x, gy, gw []float32) {
	size := p.out.size()
	images := max(1, min(p.batch, pointBlock/((p.ic+p.oc)*size)))
	a, b := scratch(p.oc*images*size), scratch(p.ic*images*size)
	defer release(a)
	defer release(b)
	for g := range p.group {
		for n := 0; n < p.batch; n += images {
			images, at := min(images, p.batch-n), n*p.group+g
			p.collect(w, *a, gy[at*p.ySize:], p.oc, images)
			p.collect(w, *b, x[at*p.xSize:], p.ic, images)
			for i := range images {
				p.met(x, gy, at+i*p.group)
			}
			k := images * size
			Gemm(w, false, true, p.oc, p.ic, k, 1, *a, k, *b, k, min(1, float32(n)), gw[g*p.wSize:], p.ic)
		}
	}
}

// collect copies a group of some images to a row for each channel.
func (p *convPlan) collect(w *Workers, rows, from []float32, channels, images int) {
	size := p.out.size()
	const some = 32 // channels: the lines of cache that an image begins the next one ends
	w.For((channels+some-1)/some, grainOf(images*some*size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c := i * some
			for n := range images {
				copyRows(rows[(c*images+n)*size:], images*size, from[(n*p.group*channels+c)*size:], size, min(some, channels-c), size)
			}
		}
	})
}
