package kernel

// rowLayout is how a correlation over two axes lays out its source for vectors of
// positions. What the positions of a vector read must be adjacent for every tap.
// The source is in place if nothing surrounds the image, and in a frame if rows
// are whole vectors; else the image is copied once for each column of the kernel,
// as that column meets it: shifted, every other column for a stride of 2, and
// rows without borders.
type rowLayout struct {
	*correlation
	columns     []int // those of the kernel that there are copies for: where they read for position 0
	first, high int   // row of the source that copies begin with, and their rows
	wide        int   // positions of a row of a copy
	down        int   // stride of rows, for each remainder of which rows are apart
	step        int   // from image to image in the source
	direct      bool  // positions of the result are adjacent
	flat        bool  // the source of all positions is one run
}

// rowLayout returns the layout, and whether there is one.
func (c *correlation) rowLayout() (*rowLayout, bool) {
	if !c.layoutKnown {
		c.layout, _ = newRowLayout(c)
		c.layoutKnown = true
	}
	return c.layout, c.layout != nil
}

func newRowLayout(c *correlation) (*rowLayout, bool) {
	if !hasDirect() || c.in[0] != 1 || c.out[0] != 1 || c.kernel[0] != 1 || c.pad[0] != 0 || c.extent.size() < isaLanes() {
		return nil, false
	}
	f := &c.phases[0]
	l := &rowLayout{correlation: c, down: f.stride[1], direct: len(c.phases) == 1 && f.step == vec3{1, 1, 1}}
	rows := 0
	for i := range c.phases {
		l.wide, rows = max(l.wide, c.phases[i].count[2]), max(rows, c.phases[i].count[1])
	}
	if l.wide*rows < isaLanes() {
		return nil, false
	}
	// In place, no vector may reach beyond the source.
	l.flat = l.direct && c.runLength() == c.extent.size() && (!c.source.none() || c.extent.size()%isaLanes() == 0)
	l.step = c.sourceStep()
	if f.stride != (vec3{1, 1, 1}) || !l.flat && l.wide%isaLanes() != 0 {
		l.copies()
		l.step = c.channels * l.copySize()
	}
	return l, true
}

// copied tells whether the source is not in place.
func (l *rowLayout) copied() bool { return l.columns != nil || !l.source.none() }

// copies lays out the copies of the image.
func (l *rowLayout) copies() {
	last := 0
	for i := range l.phases {
		f := &l.phases[i]
		for j, t := range f.taps {
			if i+j == 0 || t.at[1] < l.first {
				l.first = t.at[1]
			}
			last = max(last, t.at[1]+(f.count[1]-1)*f.stride[1])
			if l.column(t.at[2]) < 0 {
				l.columns = append(l.columns, t.at[2])
			}
		}
	}
	l.high = roundUp(last-l.first+1, l.down)
}

// column returns which copy a column of the kernel reads, -1 for none.
func (l *rowLayout) column(at int) int {
	for i, c := range l.columns {
		if c == at {
			return i
		}
	}
	return -1
}

// copySize returns the elements of the copies of one channel.
func (l *rowLayout) copySize() int { return len(l.columns) * l.high * l.wide }

// offsets sets at of every source channel and tap of a phase to its offset
// relative to base.
func (l *rowLayout) offsets(f *phase, set func(s, at int)) (base int) {
	if l.columns == nil {
		return l.sourceSteps(f, func(s, at, _ int, _ tap) { set(s, at) })
	}
	for ch := range l.channels {
		for i, t := range f.taps {
			row := t.at[1] - l.first
			row = row%l.down*(l.high/l.down) + row/l.down
			set(ch*len(f.taps)+i, ch*l.copySize()+(l.column(t.at[2])*l.high+row)*l.wide)
		}
	}
	return 0
}

// from returns how far what position q of a phase reads lies behind that of
// position 0.
func (l *rowLayout) from(q int) int {
	if l.columns == nil && !l.flat {
		return q/l.wide*l.source.extent[2] + q%l.wide
	}
	return q
}

// fill copies an image to its frame or copies, whose borders are zeros already.
func (l *rowLayout) fill(dst, src []float32) {
	if l.columns == nil {
		l.source.fill(dst, src, l.channels)
		return
	}
	in, s, high := l.source.in, l.phases[0].stride[2], l.high/l.down
	for i, at := range l.columns {
		// Positions x0 to x1 read inside the image, and rows y0 to y1 are of it.
		x0, x1 := max(0, (s-1-at)/s), min(l.wide, (in[2]-1-at)/s+1)
		if at >= in[2] || x0 >= x1 {
			continue
		}
		for r := range l.down {
			y0 := max(0, (l.down-1-l.first-r)/l.down)
			y1 := min(high, (in[1]-1-l.first-r)/l.down+1)
			if l.first+r >= in[1] || y0 >= y1 {
				continue
			}
			to, from := (i*l.high+r*high+y0)*l.wide+x0, (l.first+r+y0*l.down)*in[2]+x0*s+at
			for ch := range l.channels {
				copyEvery(dst[ch*l.copySize()+to:], l.wide, src[ch*in.size()+from:], l.down*in[2], s, y1-y0, x1-x0)
			}
		}
	}
}
