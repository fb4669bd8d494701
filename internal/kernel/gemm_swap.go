package kernel

// swapPays tells whether to compute Cᵀ = Bᵀ·Aᵀ: B by columns would have to be
// turned for packing, which is much work if A has few rows. It is better to turn
// the few rows of C.
func (p *product) swapPays() bool {
	return p.b.ri == 1 && p.b.rj != 1 && 3*p.m <= p.k && p.m <= 256 && p.begin != fromRows && p.alpha == 1
}

// runSwapped computes a few columns of C at a time, as strips of Cᵀ.
func (p *product) runSwapped(w *Workers) {
	const columns = 24 // three times what transpose turns at once, and whole strips
	width := roundUp(p.m, isaLanes())
	packed := scratch(width*p.k + packSlack)
	defer release(packed)
	depth := p.depth()
	swapped := product{m: p.n, n: p.m, k: p.k, alpha: 1, a: matrix{p.b.x, p.b.rj, p.b.ri}, b: matrix{p.a.x, p.a.rj, p.a.ri}, ldc: width}
	swapped.packB(w, *packed, 0, p.m, 0, p.k, depth)
	w.For((p.n+columns-1)/columns, grainOf(columns*p.m*p.k/8), func(lo, hi int) {
		buf := scratch(columns * width)
		defer release(buf)
		part := new(product)
		*part = swapped
		part.c = *buf
		for q := lo; q < hi; q++ {
			j0, j1 := q*columns, min((q+1)*columns, p.n)
			part.m, part.a.x = j1-j0, p.b.x[j0*p.b.rj:]
			if p.begin == fromColumns {
				part.begin, part.bias = fromRows, p.bias[j0:]
			}
			part.chunk = chunk{p: part, i1: j1 - j0, width: p.m, packed: *packed}
			part.chunk.run(0, p.k, depth)
			p.turn(*buf, width, j0, j1)
		}
	})
	p.finished(0, p.m, 0, p.n)
}

// turn puts columns j0 to j1 of C in place, which come as rows ld apart.
func (p *product) turn(rows []float32, ld, j0, j1 int) {
	j := j0
	for ; p.begin != fromC && j+8 <= j1; j += 8 { // transpose writes no more than eight elements a row
		transpose(p.c[j:], p.ldc, rows[(j-j0)*ld:], ld, 8, p.m)
	}
	for ; j < j1; j++ {
		for i, v := range rows[(j-j0)*ld : (j-j0)*ld+p.m] {
			if p.begin == fromC {
				v += p.c[i*p.ldc+j]
			}
			p.c[i*p.ldc+j] = v
		}
	}
}
