package kernel

// pointWeights computes the gradient of the weights of a 1×1 convolution of small
// maps, which is a product of matrices
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// once the positions (n, q) of each channel stand side by side, those of some images
// at a time.
type pointWeights struct{ *convPlan }

const (
	mostPoints = 64      // positions of a map: larger ones are taken one by one
	pointBlock = 1 << 17 // elements collected at once
)

func (p *convPlan) pointWeights() (m pointWeights, ok bool) {
	return pointWeights{p}, p.pointwise() && p.out.size() <= mostPoints
}

func (m pointWeights) run(w *Workers, x, gy, gw []float32) {
	size := m.out.size()
	images := max(1, min(m.batch, pointBlock/((m.ic+m.oc)*size)))
	a, b := scratch(m.oc*images*size), scratch(m.ic*images*size)
	defer release(a)
	defer release(b)
	for g := range m.group {
		for n := 0; n < m.batch; n += images {
			images, at := min(images, m.batch-n), n*m.group+g
			m.collect(w, *a, gy[at*m.ySize:], m.oc, images)
			m.collect(w, *b, x[at*m.xSize:], m.ic, images)
			for i := range images {
				m.met(x, gy, at+i*m.group)
			}
			k := images * size
			Gemm(w, false, true, m.oc, m.ic, k, 1, *a, k, *b, k, min(1, float32(n)), gw[g*m.wSize:], m.ic)
		}
	}
}

// collect copies a group of some images to a row for each channel.
func (m pointWeights) collect(w *Workers, rows, from []float32, channels, images int) {
	size := m.out.size()
	const some = 32 // channels: the lines of cache that an image begins the next one ends
	w.For((channels+some-1)/some, grainOf(images*some*size), func(lo, hi int) {
		for i := lo; i < hi; i++ {
			c := i * some
			for n := range images {
				copyRows(rows[(c*images+n)*size:], images*size, from[(n*m.group*channels+c)*size:], size, min(some, channels-c), size)
			}
		}
	})
}
