package kernel

// weightBlock is how many elements of x and gy are prepared at once: about half
// of the second level of cache.
const weightBlock = 1 << 16

// inParts computes gw as the sum of what f computes for parts of the batch, which
// are dealt out to threads whole: they need not wait for each other, nor read what
// another has prepared. A part has so many positions that its weights cost little to
// finish and to add, whatever the number of threads.
func (p *convPlan) inParts(w *Workers, positions int, x, gy, gw []float32, f func(part *convPlan, w *Workers, x, gy, gw []float32)) {
	const most = 16
	parts := min(most, p.batch, p.batch*p.out.size()/positions)
	if parts < 2 {
		f(p, w, x, gy, gw)
		return
	}
	size := p.group * p.wSize
	buf := scratch((parts - 1) * size)
	defer release(buf)
	w.For(parts, 1, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			part, first, to := *p, i*p.batch/parts*p.group, gw
			part.batch = (i+1)*p.batch/parts - i*p.batch/parts
			if p.sums != nil {
				part.sums = p.sums[len(p.sums)/p.batch*(first/p.group):]
			}
			if i > 0 {
				to = (*buf)[(i-1)*size:]
			}
			f(&part, nil, x[first*p.xSize:], gy[first*p.ySize:], to)
		}
	})
	w.For(size, grainOf(parts), func(lo, hi int) {
		for i := range parts - 1 {
			AddSlice(gw[lo:hi], gw[lo:hi], (*buf)[i*size+lo:i*size+hi])
		}
	})
}

// part returns the n elements of x from lo on, or as many as there are.
func part(x []float32, lo, n int) []float32 {
	lo = min(lo, len(x))
	return x[lo:min(lo+n, len(x))]
}
