package kernel

// fewImages is a way to compute the correlation of a group for a few images.
type fewImages interface {
	// atOnce returns for how many images at most.
	atOnce() int
	// compute reads images that are sourceStep apart; the first begins source,
	// and its result begins result.
	compute(w *Workers, group, images int, source, result []float32)
	free()
}

// runFewImages computes the correlation of all images and groups, a few images at a
// time, each in a frame if it has one.
func runFewImages(c *correlation, m fewImages, w *Workers, source, result []float32) {
	defer m.free()
	blocks := (c.batch + m.atOnce() - 1) / m.atOnce()
	w.For(blocks*c.group, 1, func(lo, hi int) {
		var framed []float32
		if !c.source.none() {
			buf := scratch(m.atOnce() * c.sourceStep())
			defer release(buf)
			framed = *buf
			clear(framed)
		}
		for i := lo; i < hi; i++ {
			first := i / c.group * m.atOnce()
			images := min(m.atOnce(), c.batch-first)
			at := first*c.group + i%c.group
			from := source[at*c.sourceSize:]
			for n := 0; framed != nil && n < images; n++ {
				c.source.fill(framed[n*c.sourceStep():], from[n*c.group*c.sourceSize:], c.channels)
			}
			if framed != nil {
				from = framed
			}
			m.compute(w, i%c.group, images, from, result[at*c.resultSize:])
			for n := range images {
				c.finished((at+n*c.group)*c.resultSize, (at+n*c.group+1)*c.resultSize)
			}
		}
	})
}
