package kernel

// runRunWeights computes gw with gy in place.
func runRunWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	p.inParts(w, 320, x, gy, gw, runGradWeight)
}

// runGradWeight computes the gradient of the weights of a 1×1 convolution, which is a
// product of matrices,
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// with gy in place, a run of positions for each
// image and channel, while x, which should have fewer channels, is turned so that
// these are adjacent: for so many images or positions of one that the first level of
// cache holds a panel of it.
func runGradWeight(p *convPlan, w *Workers, x, gy, gw []float32) {
	size := p.out.size()
	panels := newPanels(p.ic)
	images, length := pointsAtOnce(p)
	packed := scratch(roundUp(p.ic, isaLanes())*images*length + packSlack)
	defer release(packed)
	if p.ic%isaLanes() != 0 {
		clear(*packed)
	}
	parts := (p.oc + pointRows - 1) / pointRows
	for g := range p.group {
		for n := 0; n < p.batch; n += images {
			images, at := min(images, p.batch-n), n*p.group+g
			for q := 0; q < size; q += length {
				length := min(length, size-q)
				t := runTile{runs: images, length: length, jump: p.group * p.ySize, lda: size, ldc: p.ic, add: n+q > 0}
				w.For(panels.count(), grainOf(microVecs()*isaLanes()*images*length), func(lo, hi int) {
					for i := lo; i < hi; i++ {
						j0, j1 := panels.at(i)
						turnPoints(p, (*packed)[j0*images*length:], roundUp(j1-j0, isaLanes()), x[at*p.xSize+j0*size+q:], j1-j0, images, length)
					}
				})
				if p.turned {
					metRows(p, x, at, 0, p.ic, images, q, length)
				}
				w.For(panels.count()*parts, 1, func(lo, hi int) {
					for i := lo; i < hi; i++ {
						t := t
						j0, j1 := panels.at(i / parts)
						r := i % parts * pointRows
						t.rows, t.cols = min(pointRows, p.oc-r), j1-j0
						t.a, t.b, t.c = gy[at*p.ySize+r*size+q:], (*packed)[j0*images*length:], gw[g*p.wSize+r*p.ic+j0:]
						if j1 == p.ic { // the last panel; gy of the next images is a piece of memory
							t.later = part(gy, ((n+images)*p.group+g)*p.ySize+(q*p.oc+r*length)*images, t.rows*length*images)
						}
						t.run()
						if j1 == p.ic && !p.turned {
							metRows(p, gy, at, r, t.rows, images, q, length)
						}
					}
				})
			}
		}
	}
}

// metRows sums some rows of what is the gradient of y, gy or x if they have changed
// places, if that is wanted, while they are near. The sums of all images are counted
// as those of the first, at.
func metRows(p *convPlan, gy []float32, at, first, rows, images, q, length int) {
	if p.sums == nil {
		return
	}
	channels, size := p.oc, p.out.size()
	if p.turned {
		channels = p.ic
	}
	first += at * channels
	addRowSums(p.sums[first:first+rows], gy[first*size+q:], size, images, length, p.group*channels*size)
}

// pointsAtOnce returns for how many images, and positions of them, to turn x.
func pointsAtOnce(p *convPlan) (images, length int) {
	size := p.out.size()
	width := min(roundUp(p.ic, isaLanes()), microVecs()*isaLanes())
	most := cacheL1 * 3 / 4 / (4 * width)
	if size > most {
		pieces := (size + most - 1) / most
		return 1, roundUp((size+pieces-1)/pieces, unroll)
	}
	images = max(1, min(p.batch, most/size, weightBlock/(p.xSize+p.ySize)))
	times := (p.batch + images - 1) / images
	return (p.batch + times - 1) / times, size
}

// turnPoints sets dst to some positions of channels of a few images with the
// channels last, width elements a position.
func turnPoints(p *convPlan, dst []float32, width int, x []float32, channels, images, length int) {
	size := p.out.size()
	for c := 0; c < channels; c += 8 {
		transposeLines(images, dst[c:], width, length*width, x[c*size:], size, p.group*p.xSize, min(8, channels-c), length)
	}
}
