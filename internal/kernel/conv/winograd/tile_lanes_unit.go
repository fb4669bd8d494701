package winograd

import (
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// tileState is the memory for the unit that is being computed.
type tileState struct {
	*tileLanes
	windows, v, p, out *[]float32 // out is nil if outputs are written in place
	ahead              lookAhead
}

// windowChannels is how many channels have their windows computed at a time. These windows
// stay in the L1 cache.
const windowChannels = 4

func (m *tileLanes) newState() *tileState {
	n := winoAccurate.products()
	s := &tileState{tileLanes: m, windows: scratch.Floats(windowChannels*8*m.half + simd.PackSlack), v: scratch.Floats(n * m.vPlane), p: scratch.Floats(n * m.pPlane)}
	clear(*s.windows)
	if !m.inPlace {
		s.out = scratch.Floats(micro.Channels() * 2 * 8 * len(m.to))
	}
	return s
}

func (s *tileState) free() {
	scratch.Free(s.windows)
	scratch.Free(s.v)
	scratch.Free(s.p)
	if s.out != nil {
		scratch.Free(s.out)
	}
}

// load computes v for the tiles of a unit.
func (s *tileState) load(u winoUnit, group int, source []float32) {
	// Of the rows that the tiles read, first to last are inside the image.
	before, all := s.before[1]-2*u.row, 2*u.rows+2
	first := min(max(0, before), all)
	last := max(first, min(all, s.Source.In[1]+before))
	if u.rows < s.high && last-first < all {
		clear(*s.windows) // other rows are zeros than in the previous unit
	}
	even, odd := first/2*s.wide, s.half+first/2*s.wide
	if first%2 == 1 {
		even, odd = odd, even+s.wide
	}
	windows, step, vectors, size := *s.windows, 8*s.half, s.vectorsOf(u.rows), s.Source.In.Size()
	for i := range u.images {
		from := source[((u.image+i)*s.Group+group)*s.SourceSize:]
		for ch := 0; ch < s.Channels; ch += windowChannels {
			n := min(windowChannels, s.Channels-ch)
			if first < last {
				laneCode().windows(n, last-first, len(s.masks)/s.maskWords, &from[ch*size+(first-before)*s.Source.In[2]], size, s.Source.In[2], s.before[2],
					&windows[even], &windows[odd], step, 2*s.half, s.wide, &s.masks[0])
			}
			laneCode().inputs(n, vectors, &windows[0], step, 2*s.half, s.half, s.wide, &(*s.v)[ch*s.pitch+i*vectors*simd.Lanes()], s.pitch, s.vPlane)
		}
	}
}

// multiply computes p = u·v.
func (s *tileState) multiply(u winoUnit, group int) {
	vectors := u.images * s.vectorsOf(u.rows)
	blocks := (s.Results + micro.Channels() - 1) / micro.Channels()
	s.ahead.spread(winoAccurate.products() * (vectors + 2) / 3)
	for xi := range winoAccurate.products() {
		weight := &(*s.u)[xi*s.uPlane+group*s.Channels*s.outs]
		for v := 0; v < vectors; {
			n := panelWidth(vectors - v)
			prefetch, rate := s.ahead.next(blocks*s.Channels, weight)
			laneCode().products[n-1](blocks, s.Channels, weight, micro.Channels(), &(*s.v)[xi*s.vPlane+v*simd.Lanes()], &(*s.p)[xi*s.pPlane+v*simd.Lanes()], s.pitch, 0,
				s.outs, s.pitch, simd.Lanes(), prefetch[0], prefetch[1], prefetch[2], rate[0], rate[1], rate[2])
			v += n
		}
	}
}

// store transforms p back and writes the result, a block of channels at a time.
func (s *tileState) store(u winoUnit, group int, result []float32) {
	e := s.Extent
	vectors := u.images * s.vectorsOf(u.rows)
	first := (u.image*s.Group+group)*s.ResultSize + 2*u.row*e[2]
	for r := 0; r < s.Results; r += micro.Channels() {
		n := min(micro.Channels(), s.Results-r)
		to, plane, line := result[first+r*e.Size():], e.Size(), e[2]
		if !s.inPlace {
			line = 2 * vectors * simd.Lanes()
			to, plane = *s.out, 2*line
		}
		laneCode().outputs(n, vectors, &(*s.p)[r*s.pitch], s.pitch, s.pPlane, &to[0], plane, line, &s.to[0], &(*s.bias)[group*s.outs+r])
		for i := range u.images {
			s.finish(u, i, ((u.image+i)*s.Group+group)*s.ResultSize+r*e.Size(), n, line, result)
		}
	}
}

// finish completes channels of an image, whose part of the result begins with element at.
func (s *tileState) finish(u winoUnit, image, at, channels, line int, result []float32) {
	e := s.Extent
	y0, y1 := 2*u.row, min(2*(u.row+u.rows), e[1])
	if !s.inPlace {
		for c := range channels {
			for odd := range 2 { // rows
				from := (*s.out)[(2*c+odd)*line+2*image*s.vectorsOf(u.rows)*simd.Lanes():]
				simd.CopyRows(result[at+c*e.Size()+(y0+odd)*e[2]:], 2*e[2], from, 2*s.wide, (y1-y0+1-odd)/2, e[2])
			}
		}
	}
	if y1-y0 == e[1] {
		s.Finished(at, at+channels*e.Size())
		return
	}
	for c := range channels {
		s.Finished(at+c*e.Size()+y0*e[2], at+c*e.Size()+y1*e[2])
	}
}
