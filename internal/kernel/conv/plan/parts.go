package plan

import (
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// WeightBlock is how many elements of x and gy are prepared at once: about half of the L2
// cache.
const WeightBlock = 1 << 16

// InParts computes gw as the sum of what f computes for parts of the batch. Each part is
// computed by one thread, which need not wait for others or read what they have prepared. A
// part has at least the given number of positions, so that finishing and adding its weights
// costs little. The parts do not depend on the number of threads.
func (p *Conv) InParts(w *parallel.Workers, positions int, x, gy, gw []float32, f func(part *Conv, w *parallel.Workers, x, gy, gw []float32)) {
	const most = 16
	parts := min(most, p.Batch, p.Batch*p.Out.Size()/positions)
	if parts < 2 {
		f(p, w, x, gy, gw)
		return
	}
	size := p.Group * p.WSize
	buf := scratch.Floats((parts - 1) * size)
	defer scratch.Free(buf)
	w.For(parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			part, first, to := *p, i*p.Batch/parts*p.Group, gw
			part.Batch = (i+1)*p.Batch/parts - i*p.Batch/parts
			if p.BiasSums != nil {
				part.BiasSums = p.BiasSums[len(p.BiasSums)/p.Batch*(first/p.Group):]
			}
			if i > 0 {
				to = (*buf)[(i-1)*size:]
			}
			f(&part, nil, x[first*p.XSize:], gy[first*p.YSize:], to)
		}
	})
	w.For(size, parallel.GrainOf(parts), func(lo, hi int) {
		for i := range parts - 1 {
			simd.Add(gw[lo:hi], gw[lo:hi], (*buf)[i*size+lo:i*size+hi])
		}
	})
}

// SliceUpTo returns the n elements of x from lo on, or as many as there are.
func SliceUpTo(x []float32, lo, n int) []float32 {
	lo = min(lo, len(x))
	return x[lo:min(lo+n, len(x))]
}
