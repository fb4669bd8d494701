package plan

import (
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// RowLayout is how a correlation over two axes lays out its source for vectors of
// positions. What the positions of a vector read must be adjacent, for every element of the
// kernel. The source is used in place if the image has no border, and in a frame if rows
// are whole vectors. Otherwise the image is copied once for each column of the kernel, as
// that column reads it: shifted, with every other column for a stride of 2, and without
// borders between rows.
type RowLayout struct {
	*Correlation
	columns     []int // those of the kernel that there are copies for: where they read for position 0
	first, high int   // row of the source that copies begin with, and their rows
	Wide        int   // positions of a row of a copy
	down        int   // stride of rows, for each remainder of which rows are apart
	Step        int   // from image to image in the source
	Direct      bool  // positions of the result are adjacent
	flat        bool  // the source of all positions is one run
}

// RowLayout returns the layout, and whether there is one. It makes it once.
func (c *Correlation) RowLayout() (*RowLayout, bool) {
	if !c.layoutKnown {
		c.layout, _ = newRowLayout(c)
		c.layoutKnown = true
	}
	return c.layout, c.layout != nil
}

func newRowLayout(c *Correlation) (*RowLayout, bool) {
	if !micro.HasDirect() || c.In[0] != 1 || c.Out[0] != 1 || c.Kernel[0] != 1 || c.Pad[0] != 0 || c.Extent.Size() < simd.Lanes() {
		return nil, false
	}
	f := &c.Phases[0]
	l := &RowLayout{Correlation: c, down: f.Stride[1], Direct: len(c.Phases) == 1 && f.Step == window.Vec3{1, 1, 1}}
	rows := 0
	for i := range c.Phases {
		l.Wide, rows = max(l.Wide, c.Phases[i].Count[2]), max(rows, c.Phases[i].Count[1])
	}
	if l.Wide*rows < simd.Lanes() {
		return nil, false
	}
	// In place, no vector may reach beyond the source.
	l.flat = l.Direct && c.RunLength() == c.Extent.Size() && (!c.Source.None() || c.Extent.Size()%simd.Lanes() == 0)
	l.Step = c.SourceStep()
	if f.Stride != (window.Vec3{1, 1, 1}) || !l.flat && l.Wide%simd.Lanes() != 0 {
		l.copies()
		l.Step = c.Channels * l.copySize()
	}
	return l, true
}

// Copied reports whether the source is copied or framed rather than used in place.
func (l *RowLayout) Copied() bool { return l.columns != nil || !l.Source.None() }

// copies lays out the copies of the image.
func (l *RowLayout) copies() {
	last := 0
	for i := range l.Phases {
		f := &l.Phases[i]
		for j, t := range f.Taps {
			if i+j == 0 || t.At[1] < l.first {
				l.first = t.At[1]
			}
			last = max(last, t.At[1]+(f.Count[1]-1)*f.Stride[1])
			if l.column(t.At[2]) < 0 {
				l.columns = append(l.columns, t.At[2])
			}
		}
	}
	l.high = simd.RoundUp(last-l.first+1, l.down)
}

// column returns the number of the copy that a column of the kernel reads, -1 for none.
func (l *RowLayout) column(at int) int {
	for i, c := range l.columns {
		if c == at {
			return i
		}
	}
	return -1
}

// copySize returns the number of elements of the copies of one channel.
func (l *RowLayout) copySize() int { return len(l.columns) * l.high * l.Wide }

// Offsets calls set for every channel of the source and element of the kernel of a phase,
// with its number and its offset relative to base.
func (l *RowLayout) Offsets(f *Phase, set func(s, at int)) (base int) {
	if l.columns == nil {
		return l.SourceSteps(f, func(s, at, _ int, _ Tap) { set(s, at) })
	}
	for ch := range l.Channels {
		for i, t := range f.Taps {
			row := t.At[1] - l.first
			row = row%l.down*(l.high/l.down) + row/l.down
			set(ch*len(f.Taps)+i, ch*l.copySize()+(l.column(t.At[2])*l.high+row)*l.Wide)
		}
	}
	return 0
}

// From returns the distance between what position q of a phase reads and what position 0
// reads.
func (l *RowLayout) From(q int) int {
	if l.columns == nil && !l.flat {
		return q/l.Wide*l.Source.Extent[2] + q%l.Wide
	}
	return q
}

// Fill copies an image to its frame or copies. Their borders must hold zeros already.
func (l *RowLayout) Fill(dst, src []float32) {
	if l.columns == nil {
		l.Source.Fill(dst, src, l.Channels)
		return
	}
	in, s, high := l.Source.In, l.Phases[0].Stride[2], l.high/l.down
	for i, at := range l.columns {
		// Positions x0 to x1 read inside the image, and rows y0 to y1 are of it.
		x0, x1 := max(0, (s-1-at)/s), min(l.Wide, (in[2]-1-at)/s+1)
		if at >= in[2] || x0 >= x1 {
			continue
		}
		for r := range l.down {
			y0 := max(0, (l.down-1-l.first-r)/l.down)
			y1 := min(high, (in[1]-1-l.first-r)/l.down+1)
			if l.first+r >= in[1] || y0 >= y1 {
				continue
			}
			to, from := (i*l.high+r*high+y0)*l.Wide+x0, (l.first+r+y0*l.down)*in[2]+x0*s+at
			for ch := range l.Channels {
				simd.CopyEvery(dst[ch*l.copySize()+to:], l.Wide, src[ch*in.Size()+from:], l.down*in[2], s, y1-y0, x1-x0)
			}
		}
	}
}
