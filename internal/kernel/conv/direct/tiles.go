package direct

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

// Tiles computes a correlation in the matrix unit, of rounded factors. Channels of the result
// are the rows of a product, and positions its columns. Channels of the source go in groups of
// 32, two of which share a word: what the columns of a tile read for an element of the kernel is
// adjacent then. Where there are fewer channels, a tile has several elements of a row of the
// kernel, for which the source lies there once more, shifted.
//
// The positions of all images are one run. Between rows there are as many zeros as are read
// beyond the end of one and before the next, and so between planes and images.
type Tiles struct {
	*plan.Correlation
	words    int         // that hold a group's channels
	groups   int         // of channels
	copies   int         // of the source
	extent   window.Vec3 // of an image with its zeros
	lead     int         // words before the first position
	plane    int         // words of a row of the right side
	images   int         // computed at a time
	rowsAt   int         // rows of the result that are computed at a time
	chunks   [][]plan.Tap
	high     int   // tiles of the left side at a time
	step     []int // see [amx.Task]
	form     *[]float32
	left     []uint32 // of a group, tiles in rows of results, steps
	leftSize int      // words for a tile row, or two
}

const (
	tileWords = amx.Depth / 2
	tileRun   = 1 << 15 // words of a source that is rounded at a time, or of one image
	tileSums  = 1 << 10 // positions that are computed at a time, if one image has more
)

// NewTiles returns the method for a correlation, nil if it does not apply.
func NewTiles(c *plan.Correlation) *Tiles {
	one := window.Vec3{1, 1, 1}
	if !amx.Available() || len(c.Phases) != 1 || c.Phases[0].Stride != one || c.Phases[0].Step != one || len(c.Phases[0].Taps) == 0 || c.Channels < 4 || c.Results < 8 {
		return nil
	}
	m := &Tiles{Correlation: c, words: min(tileWords, (c.Channels+1)/2), copies: 1}
	m.groups = (c.Channels + 2*m.words - 1) / (2 * m.words)
	taps := slices.Clone(c.Phases[0].Taps)
	slices.SortFunc(taps, func(a, b plan.Tap) int { return slices.Compare(a.At[:], b.At[:]) })
	var before, after window.Vec3
	for a := range before {
		for _, t := range taps {
			before[a] = max(before[a], -t.At[a])
			after[a] = max(after[a], t.At[a]+c.Extent[a]-c.Source.In[a])
		}
		m.extent[a] = c.Source.In[a] + max(before[a], after[a])
	}
	row := m.Kernel[2]
	if m.groups == 1 {
		m.copies = min(row, tileWords/m.words)
	}
	if m.copies == 1 { // as weights lie
		slices.SortFunc(taps, func(a, b plan.Tap) int { return a.Index - b.Index })
	}
	for i := 0; i < len(taps); i += row {
		for j := 0; j < row; j += m.copies {
			m.chunks = append(m.chunks, taps[i+j:i+min(j+m.copies, row)])
		}
	}
	m.lead = m.extent.At(before)
	m.high = 2
	if c.Results <= amx.Rows {
		m.high = 1
	}
	m.images = max(1, min(c.Batch, tileRun/(m.extent.Size()*m.rows())))
	m.rowsAt = m.Extent[1]
	if m.images == 1 && m.Extent[0] == 1 {
		m.rowsAt = min(m.rowsAt, max(1, tileSums/m.extent[2]))
	}
	m.size()
	return m
}

// rows returns the rows of the right side.
func (m *Tiles) rows() int { return m.groups * tileWords }

// block is the number of positions of a block.
func (m *Tiles) block() int { return amx.Rows * amx.Wide(m.high) }

// size chooses the distance of rows for the number of images. Rows that are a multiple of a
// page apart would share the sets of the L1 cache.
func (m *Tiles) size() {
	reach := 0
	for _, t := range m.Phases[0].Taps {
		reach = max(reach, m.offset(t))
	}
	m.plane = simd.RoundUp(m.lead+max(m.run(m.Extent[1])+m.block()+reach, m.images*m.extent.Size()), 2*amx.Rows) + amx.Rows
}

// run returns the number of positions from the first to the last of some rows of the images,
// in blocks.
func (m *Tiles) run(rows int) int {
	last := m.Extent
	last[1] = rows
	for a := range last {
		last[a]--
	}
	return simd.RoundUp((m.images-1)*m.extent.Size()+m.extent.At(last)+1, m.block())
}

// offset returns where a tap reads, from a position.
func (m *Tiles) offset(t plan.Tap) int {
	return (t.At[0]*m.extent[1]+t.At[1])*m.extent[2] + t.At[2]
}

// pack packs the weights of all groups. It reports whether they can be rounded.
func (m *Tiles) pack(weight []float32) bool {
	steps := len(m.chunks) * m.groups
	m.leftSize = steps * m.high * amx.Tile
	blocks := (m.Results + m.high*amx.Rows - 1) / (m.high * amx.Rows)
	var ready bool
	m.form, ready = m.Form(m.Group*blocks*m.leftSize + amx.Slack)
	m.left = amx.Words(*m.form)
	m.step = m.step[:0]
	for g := range m.groups {
		for _, chunk := range m.chunks {
			m.step = append(m.step, 4*(g*tileWords*m.plane+m.lead+m.offset(chunk[0])))
		}
	}
	if ready {
		return true
	}
	clear(m.left)
	ok := true
	wide := m.groups * 2 * m.words // channels, with those that do not exist
	buf := scratch.Floats(amx.Rows*m.Taps*wide + simd.PackSlack)
	defer scratch.Free(buf)
	byTap := *buf
	clear(byTap)
	for g := range m.Group {
		for o := 0; o < m.Results; o += amx.Rows {
			some := min(amx.Rows, m.Results-o)
			m.byTap(byTap, wide, weight[g*m.WSize+o*m.Wr:], some)
			to := m.left[(g*blocks+o/(m.high*amx.Rows))*m.leftSize+o/amx.Rows%m.high*amx.Tile:]
			for r := range some {
				ok = m.packRow(to[r*tileWords:], byTap[r*m.Taps*wide:], wide) && ok
			}
		}
	}
	return ok
}

// byTap copies the weights of some channels of the result: element ch of row o·Taps + t is
// that of channel ch of the source and element t of the kernel.
func (m *Tiles) byTap(dst []float32, wide int, weight []float32, some int) {
	switch {
	case m.Wr == m.Taps: // rows are adjacent
		simd.TransposeAll(dst, wide, weight, m.Wc, m.Channels, some*m.Taps)
	case m.Taps == 1:
		simd.CopyRows(dst, wide, weight, m.Wr, some, m.Channels)
	default:
		for o := range some {
			simd.TransposeAll(dst[o*m.Taps*wide:], wide, weight[o*m.Wr:], m.Wc, m.Channels, m.Taps)
		}
	}
}

// packRow packs the weights of one channel of the result: a row of the tiles of each step.
func (m *Tiles) packRow(to []uint32, byTap []float32, wide int) bool {
	ok, step := true, m.high*amx.Tile
	for group := range m.groups {
		from, to := byTap[group*2*m.words:], to[group*len(m.chunks)*step:]
		if m.copies == 1 {
			ok = amx.Round(m.Taps, m.words, from, from[m.words:], wide, to, step) && ok
			continue
		}
		for k, chunk := range m.chunks {
			for j, t := range chunk {
				x := from[t.Index*wide:]
				ok = amx.Round(1, m.words, x, x[m.words:], 0, to[k*step+j*m.words:], 0) && ok
			}
		}
	}
	return ok
}

// fill rounds some images of a group into right, which holds zeros where no image is. It
// reports whether they can be.
func (m *Tiles) fill(right []uint32, source []float32, images int) bool {
	in := m.Source.In
	ok := true
	for n := range images {
		for ch := range m.Channels {
			g, c := ch/(2*m.words), ch%(2*m.words)
			if c >= m.words {
				continue // goes with another
			}
			to := right[(g*tileWords+c)*m.plane+m.lead+n*m.extent.Size():]
			x, y := m.channel(source, n, ch), []float32(nil)
			if other := ch + m.words; other < m.Channels {
				y = m.channel(source, n, other)
			}
			for z := range in[0] {
				at := z * in[1] * in[2]
				plane := y
				if y != nil {
					plane = y[at:]
				}
				ok = amx.Round(in[1], in[2], x[at:], plane, in[2], to[z*m.extent[1]*m.extent[2]:], m.extent[2]) && ok
			}
		}
	}
	for j := 1; j < m.copies; j++ { // the same, shifted
		step := m.Dilation[2] * j
		for c := range m.words {
			copy(right[(j*m.words+c)*m.plane:][:m.plane-step], right[c*m.plane:][step:m.plane])
		}
	}
	return ok
}

// channel returns a plane of an image.
func (m *Tiles) channel(source []float32, image, ch int) []float32 {
	size := m.Source.In.Size()
	return source[image*m.Group*m.SourceSize+ch*size:][:size]
}

// Run computes the correlation. bias may be nil. instead computes an image of a group, where a
// number of it or of the weights is too large for the unit, or none.
func (m *Tiles) Run(w *parallel.Workers, source, weight, bias, result []float32, instead func(one *plan.Conv, group int, source, result []float32)) {
	if threads := w.Threads(); threads > 1 {
		m.images = max(1, min(m.images, (m.Batch+threads-1)/threads))
		m.size()
	}
	ok := m.pack(weight)
	defer m.FreeForm(m.form)
	if !ok {
		m.Kept.Forget()
	}
	blocks := (m.Batch + m.images - 1) / m.images
	w.For(blocks*m.Group, 1, func(lo, hi int) {
		words := scratch.Floats(m.rows()*m.plane + amx.Slack)
		defer scratch.Free(words)
		right := amx.Words(*words)
		clear(right)
		buf := scratch.Floats(m.high * amx.Rows * m.run(m.rowsAt))
		defer scratch.Free(buf)
		for i := lo; i < hi; i++ {
			first, g := i/m.Group*m.images, i%m.Group
			images := min(m.images, m.Batch-first)
			at := first*m.Group + g
			if ok && m.fill(right, source[at*m.SourceSize:], images) {
				m.compute(right, *buf, g, images, at, bias, result)
				continue
			}
			clear(right)
			for n := at; n < at+images*m.Group; n += m.Group {
				instead(m.one(n), g, source[n*m.SourceSize:], result[n*m.ResultSize:])
			}
		}
	})
}

// one returns the convolution of one image of a group.
func (m *Tiles) one(image int) *plan.Conv {
	p := *m.Conv
	p.Batch, p.Group, p.Kept = 1, 1, nil
	if p.Epilogue != nil {
		p.Epilogue = func(lo, hi int) { m.Epilogue(lo+image*m.ResultSize, hi+image*m.ResultSize) }
	}
	return &p
}

// compute computes some images of a group; the first one is number at of images and groups.
// Images that are large are computed some rows at a time, so that the sums stay in the cache.
func (m *Tiles) compute(right []uint32, sums []float32, group, images, at int, bias, result []float32) {
	for y := 0; y < m.Extent[1]; y += m.rowsAt {
		m.computeRows(right[y*m.extent[2]:], sums, group, images, at, y, min(y+m.rowsAt, m.Extent[1]), bias, result)
	}
}

// computeRows computes rows y0 to y1; right begins with what the first one reads.
func (m *Tiles) computeRows(right []uint32, sums []float32, group, images, at, y0, y1 int, bias, result []float32) {
	run, high, plane := m.run(y1-y0), m.high*amx.Rows, m.Extent.Size()
	t := amx.Task{High: m.high, Right: right, Step: m.step, Row: m.plane, Next: amx.Rows, Block: m.block(), Blocks: run / m.block(), Sums: sums, SumsRow: run, SumsBlock: m.block()}
	blocks := (m.Results + high - 1) / high
	for i := range blocks {
		t.Left = m.left[(group*blocks+i)*m.leftSize:][:m.leftSize]
		t.Run()
		end := min((i+1)*high, m.Results)
		for n := range images {
			first := (at + n*m.Group) * m.ResultSize
			for o := i * high; o < end; o++ {
				b := float32(0)
				if bias != nil {
					b = bias[group*m.Results+o]
				}
				from := sums[(o-i*high)*run+n*m.extent.Size():]
				if y1-y0 == m.Extent[1] {
					m.collect(result[first+o*plane:], from, b)
					continue
				}
				lo, hi := first+o*plane+y0*m.Extent[2], first+o*plane+y1*m.Extent[2]
				amx.AddRows(y1-y0, m.Extent[2], result[lo:], m.Extent[2], from, m.extent[2], b)
				m.Finished(lo, hi)
			}
			if y1-y0 == m.Extent[1] {
				m.Finished(first+i*high*plane, first+end*plane)
			}
		}
	}
}

// collect copies the positions of a plane of the result, and adds the bias.
func (m *Tiles) collect(to, sums []float32, bias float32) {
	e := m.Extent
	for z := range e[0] {
		amx.AddRows(e[1], e[2], to[z*e[1]*e[2]:], e[2], sums[z*m.extent[1]*m.extent[2]:], m.extent[2], bias)
	}
}

// Cost returns what the method costs for the batch, in multiplications of vectors.
func (m *Tiles) Cost() int {
	const product, vector, call, row = 48, 16, 100, 20 // of tiles; rounded or collected; a call of Round; a row of either
	images := (m.Batch + m.images - 1) / m.images
	high := (m.Results + m.high*amx.Rows - 1) / (m.high * amx.Rows)
	steps, in := len(m.chunks)*m.groups, m.Source.In
	cost := images * m.run(m.Extent[1]) / m.block() * high * steps * 4 * product
	cost += m.Batch * m.Channels * (in.Size()/simd.Lanes()*vector + in[0]*in[1]*row/2)
	cost += images * m.rows() * m.plane / simd.Lanes()
	cost += m.Batch * m.Results * (m.Extent.Size()/simd.Lanes()*vector + m.Extent[0]*m.Extent[1]*row)
	if m.Kept == nil {
		cost += m.Results * m.groups * m.Taps * call
	}
	return cost * m.Group
}
