package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
)

// fewImages is a way to compute the correlation of a group for a few images at a time.
type fewImages interface {
	// atOnce returns the largest number of images to compute at once.
	atOnce() int
	// compute computes some images, which are SourceStep apart in source. source and
	// result begin with the first image.
	compute(w *parallel.Workers, group, images int, source, result []float32)
	free()
}

// runFewImages computes the correlation of all images and groups, a few images at a time.
// It frames images that need a border.
func runFewImages(c *plan.Correlation, m fewImages, w *parallel.Workers, source, result []float32) {
	defer m.free()
	blocks := (c.Batch + m.atOnce() - 1) / m.atOnce()
	w.For(blocks*c.Group, 1, func(lo, hi int) {
		var framed []float32
		if !c.Source.None() {
			buf := scratch.Floats(m.atOnce() * c.SourceStep())
			defer scratch.Free(buf)
			framed = *buf
			clear(framed)
		}
		for i := lo; i < hi; i++ {
			first := i / c.Group * m.atOnce()
			images := min(m.atOnce(), c.Batch-first)
			at := first*c.Group + i%c.Group
			from := source[at*c.SourceSize:]
			for n := 0; framed != nil && n < images; n++ {
				c.Source.Fill(framed[n*c.SourceStep():], from[n*c.Group*c.SourceSize:], c.Channels)
			}
			if framed != nil {
				from = framed
			}
			m.compute(w, i%c.Group, images, from, result[at*c.ResultSize:])
			for n := range images {
				c.Finished((at+n*c.Group)*c.ResultSize, (at+n*c.Group+1)*c.ResultSize)
			}
		}
	})
}
