package kernel

// winoWeightGradient computes the gradient of the weights of a 3×3 convolution with
// stride 1: for each ξ, vᵀ[ξ]·y[ξ] summed over all tiles, where v comes from x
// as in winograd and y from gy, transformed back once at the end.
type winoWeightGradient struct {
	*convPlan
	winoTiling
	split
	inPitch, outPitch int
	units             int // transformed at a time
	vPlane, yPlane    int
	uPlane            int
	v, y, u           *[]float32
	row, step         *[]pair
	idle              idle[weightSources]
}

// weightSources hold a piece of x and one of gy.
type weightSources struct{ x, y winoSource }

func (m *winoWeightGradient) sources() weightSources {
	return weightSources{newWinoSource(m.winoTiling, m.inPitch, 2, m.pad), newWinoSource(m.winoTiling, m.outPitch, 0, vec3{})}
}

// winoWeightsCost returns what the method costs for an image, in multiplications of
// vectors, and whether it applies.
func winoWeightsCost(p *convPlan) (cost int, ok bool) {
	return winogradCost(p, winoFast, p.ic, p.oc, p.out)
}

// runWinoWeights computes gw by this method.
func runWinoWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	p.inParts(w, 6400, x, gy, gw, winoGradWeight)
}

// winoGradWeight computes gw for a part of the batch.
func winoGradWeight(p *convPlan, w *Workers, x, gy, gw []float32) {
	m := &winoWeightGradient{convPlan: p, split: newSplit(p.oc), inPitch: roundUp(p.ic, isaLanes()), outPitch: roundUp(p.oc, isaLanes())}
	// The sums are read and written for every block of tiles, so a block is as large
	// as they are.
	form := winoFast // as accurate here as need be: sums are over all tiles
	n := form.products()
	tiles := min(max(n*m.inPitch*m.outPitch, 1<<17), 1<<22) / (n * (m.inPitch + m.outPitch))
	m.winoTiling = newWinoTiling(form, p.out, min(tiles, 64))
	all := m.winoTiling.units(p.batch)
	m.units = min(max(1, tiles/m.tiles()), all)
	capacity := m.units * m.tiles()
	m.vPlane, m.yPlane, m.uPlane = capacity*m.inPitch+planeGap, capacity*m.outPitch+planeGap, m.inPitch*m.outPitch+planeGap
	m.v, m.y, m.u = scratch(n*m.vPlane), scratch(n*m.yPlane), scratch(n*m.uPlane)
	defer release(m.v)
	defer release(m.y)
	defer release(m.u)
	m.row, m.step = offsets(roundUp(p.ic, microRows())), offsets(capacity)
	defer releaseOffsets(m.row)
	defer releaseOffsets(m.step)
	for i := range *m.row {
		(*m.row)[i] = pair{min(i, p.ic-1), min(i, p.ic-1) * m.outPitch}
	}
	for i := range *m.step {
		(*m.step)[i] = pair{i * m.inPitch, i * m.outPitch}
	}
	for g := range p.group {
		for first := 0; first < all; first += m.units {
			n := m.prepare(w, g, first, min(m.units, all-first), x, gy)
			m.accumulate(w, n, first > 0, m.ahead(first+m.units, all, x, gy))
		}
		m.finish(w, gw[g*p.wSize:(g+1)*p.wSize])
	}
	m.idle.each(func(s weightSources) {
		s.x.free()
		s.y.free()
	})
}

// prepare transforms the tiles of some units and returns their number.
func (m *winoWeightGradient) prepare(w *Workers, group, first, units int, x, gy []float32) (tiles int) {
	w.For(units, 1, func(lo, hi int) {
		s := m.idle.take(m.sources)
		defer m.idle.done(s)
		for i := lo; i < hi; i++ {
			u := m.unit(first+i, m.batch)
			for n := range u.images {
				at := (u.image+n)*m.group + group
				t := m.firstTile(first, i) + n*u.rows*m.wide
				s.x.load(x[at*m.xSize:(at+1)*m.xSize], m.ic, m.in, u.row, u.rows)
				s.x.transform(winoInput, u.rows, *m.v, t, m.vPlane)
				s.y.load(gy[at*m.ySize:(at+1)*m.ySize], m.oc, m.out, u.row, u.rows)
				s.y.transform(winoOutputGrad, u.rows, *m.y, t, m.yPlane)
				if u.row == 0 {
					m.met(x, gy, at)
				}
			}
		}
	})
	return m.firstTile(first, units)
}

// firstTile returns where the tiles of unit first+i begin, after those of the
// units from first: only the last of an image or of the batch are smaller.
func (m *winoWeightGradient) firstTile(first, i int) (tile int) {
	for j := range i {
		u := m.unit(first+j, m.batch)
		tile += u.images * u.rows * m.wide
	}
	return tile
}

// ahead returns what to fetch of x and gy for the units from first on: as much as
// leaves room in the second level of cache.
func (m *winoWeightGradient) ahead(first, all int, x, gy []float32) (a lookAhead) {
	const most = 1 << 15
	if first < all && m.group == 1 && m.rows == m.high {
		image := m.unit(first, m.batch).image
		a.from[0] = part(x, image*m.xSize, min(most, m.units*m.images*m.xSize))
		a.from[1] = part(gy, image*m.ySize, min(most, m.units*m.images*m.ySize))
	}
	return a
}

// accumulate adds the products of the first n tiles.
func (m *winoWeightGradient) accumulate(w *Workers, n int, add bool, ahead lookAhead) {
	if laneCode() != nil {
		m.accumulateBlocks(w, n, add, ahead)
		return
	}
	w.For(m.products(), 1, func(lo, hi int) {
		for xi := lo; xi < hi; xi++ {
			for i := range m.panels {
				j0, j1 := m.panel(i)
				t := tile{row: *m.row, rows: m.ic, cols: j1 - j0, a: (*m.v)[xi*m.vPlane:], b: (*m.y)[xi*m.yPlane+j0:], c: (*m.u)[xi*m.uPlane+j0:], begin: addTo(add)}
				t.runInSteps((*m.step)[:n])
			}
		}
	})
}

// accumulateBlocks is accumulate for 8 channels at a time, and fetches what is ahead.
func (m *winoWeightGradient) accumulateBlocks(w *Workers, n int, add bool, ahead lookAhead) {
	more := 0
	if add {
		more = 1
	}
	blocks, vectors := (m.ic+blockChannels()-1)/blockChannels(), m.outPitch/isaLanes()
	w.For(m.products(), 1, func(lo, hi int) {
		ahead := ahead
		for i := range ahead.from { // the part of these products
			x := ahead.from[i]
			ahead.from[i] = x[lo*len(x)/m.products() : hi*len(x)/m.products()]
		}
		ahead.spread((hi - lo) * (vectors + 2) / 3)
		for xi := lo; xi < hi; xi++ {
			v := &(*m.v)[xi*m.vPlane]
			for j := 0; j < vectors; {
				width := panelWidth(vectors - j)
				later, pace := ahead.next(blocks*n, v)
				laneCode().products[width-1](blocks, n, v, blockChannels(), &(*m.y)[xi*m.yPlane+j*isaLanes()], &(*m.u)[xi*m.uPlane+j*isaLanes()], m.outPitch, more,
					m.inPitch, m.outPitch, isaLanes(), later[0], later[1], later[2], pace[0], pace[1], pace[2])
				j += width
			}
		}
	})
}

// finish transforms the sums of a group back and writes its weights.
func (m *winoWeightGradient) finish(w *Workers, gw []float32) {
	w.For(m.ic, grainOf(m.products()*m.outPitch), func(lo, hi int) {
		taps := scratch(9 * m.outPitch)
		defer release(taps)
		for c := lo; c < hi; c++ {
			runTransform(winoWeightGrad, &winoArgs{
				tiles: 1, channels: m.outPitch,
				src: *m.u, from: winoLayout{at: c * m.outPitch, i: m.side() * m.uPlane, j: m.uPlane},
				dst: *taps, to: winoLayout{i: 3 * m.outPitch, j: m.outPitch},
			})
			transposeAll(gw[9*c:], 9*m.ic, *taps, m.outPitch, 9, m.oc)
		}
	})
}
