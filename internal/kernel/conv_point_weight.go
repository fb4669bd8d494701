package kernel

const (
	fewPoints  = 8   // positions of a map: fewer are too short a run
	mostPoints = 64  // without runs, larger maps are taken one by one
	pointSteps = 512 // positions collected at once
	pointRows  = 64  // channels of gy for a thread
)

// runCollectedWeights computes gw by collecting positions.
func runCollectedWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	p.inParts(w, 320, x, gy, gw, collectedGradWeight)
}

// collectedGradWeight computes the gradient of the weights of a 1×1 convolution, which
// is a product of matrices,
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// for maps so small that the positions of each
// channel are put side by side first, those of some images at a time. x, which should
// have fewer channels, is turned so that those are adjacent.
func collectedGradWeight(p *convPlan, w *Workers, x, gy, gw []float32) {
	images := max(1, min(p.batch, pointSteps/p.out.size()))
	packed := scratch(roundUp(p.ic, isaLanes())*images*p.out.size() + packSlack)
	defer release(packed)
	panels := newPanels(p.ic)
	for g := range p.group {
		for n := 0; n < p.batch; n += images {
			images, at := min(images, p.batch-n), n*p.group+g
			k := images * p.out.size()
			w.For(panels.count(), grainOf(microVecs()*isaLanes()*k), func(lo, hi int) {
				rows := scratch(microVecs() * isaLanes() * k)
				defer release(rows)
				for i := lo; i < hi; i++ {
					j0, j1 := panels.at(i)
					collect(p, *rows, x[at*p.xSize:], p.ic, j0, j1, images)
					if p.sums != nil && p.turned {
						addRowSums(p.sums[at*p.ic+j0:at*p.ic+j1], *rows, k, 1, k, 0)
					}
					matrix{*rows, 1, k}.pack((*packed)[j0*k:], 0, k, 0, j1-j0, roundUp(j1-j0, isaLanes()))
				}
			})
			w.For((p.oc+pointRows-1)/pointRows, 1, func(lo, hi int) {
				rows := scratch(pointRows * k)
				defer release(rows)
				s := strip{cols: p.ic, panels: panels, k: k, lda: k, byRows: true, b: *packed, ldc: p.ic, begin: addTo(n > 0)}
				for i := lo; i < hi; i++ {
					r0, r1 := i*pointRows, min((i+1)*pointRows, p.oc)
					collect(p, *rows, gy[at*p.ySize:], p.oc, r0, r1, images)
					if p.sums != nil && !p.turned {
						addRowSums(p.sums[at*p.oc+r0:at*p.oc+r1], *rows, k, 1, k, 0)
					}
					for r := r0; r < r1; r += microRows() {
						s.rows, s.a, s.c = min(microRows(), r1-r), (*rows)[(r-r0)*k:], gw[g*p.wSize+r*p.ic:]
						s.run()
					}
				}
			})
		}
	}
}

// collect copies channels c0 to c1 of a group of some images to a row for each.
func collect(p *convPlan, rows, from []float32, channels, c0, c1, images int) {
	size, image := p.out.size(), p.group*channels*p.out.size()
	if size == quad && hasQuads() {
		turnQuads(rows, images*size, from[c0*size:], image, images, c1-c0)
		return
	}
	for i := range images {
		copyRows(rows[i*size:], images*size, from[i*image+c0*size:], size, c1-c0, size)
	}
}
