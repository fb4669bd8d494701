package plan

import (
	"github.com/advparams/advparams/internal/kernel/window"
)

// Correlation is what the forward convolution and the gradient of its input have in common.
// Every channel of the result is a sum, over the channels and some elements of the kernel,
// of a weight times the source at an offset:
//
//	result[o, p] = Σ_{c, t} weight[o, c, t] · source[c, at(p, t)]
//
// The gradient of the input reads gy at (p + Pad - t·Dilation)/Stride, for the elements t
// of the kernel for which this is a whole number. Which these are depends on p modulo
// Stride. The result therefore falls into phases, one for each remainder, that use
// different elements.
type Correlation struct {
	*Conv
	Channels, Results      int // of source and result, in one group
	SourceSize, ResultSize int // elements of one image and group
	Source                 Frame
	Extent                 window.Vec3 // of the result
	Phases                 []Phase
	Wr, Wc                 int        // steps in weight for a channel of result and source
	layout                 *RowLayout // nil for none; see rowLayout
	layoutKnown            bool
	Adjoint                bool // the adjoint of a convolution: the kernel runs the other way
}

// Phase is a set of positions of the result that use the same elements of the kernel.
type Phase struct {
	First, Step, Count window.Vec3 // the positions: first + i·step, i < count
	Stride             window.Vec3 // how far the source position moves with i
	Taps               []Tap       // may be empty
}

// Tap is one element of the kernel.
type Tap struct {
	At    window.Vec3 // source position it reads for i = 0
	Index int         // in the kernel
}

// Reads returns the source position that a tap reads for position i of the phase.
func (f *Phase) Reads(i window.Vec3, t Tap) window.Vec3 {
	at := t.At
	for a := range at {
		at[a] += i[a] * f.Stride[a]
	}
	return at
}

// Forward returns the correlation that computes y.
func (p *Conv) Forward() *Correlation {
	c := &Correlation{
		Conv: p, Channels: p.InChannels, Results: p.OutChannels, SourceSize: p.XSize, ResultSize: p.YSize,
		Extent: p.Out, Wr: p.InChannels * p.Taps, Wc: p.Taps,
	}
	f := Phase{Step: window.Vec3{1, 1, 1}, Count: p.Out, Stride: p.Stride}
	for t := range p.Taps {
		f.Taps = append(f.Taps, Tap{p.Reads(window.Vec3{}, p.Kernel.Position(t)), t})
	}
	c.Phases = []Phase{f}
	c.chooseFrame(p.In)
	return c
}

// Backward returns the correlation that computes the gradient of x.
func (p *Conv) Backward() *Correlation {
	c := &Correlation{
		Conv: p, Channels: p.OutChannels, Results: p.InChannels, SourceSize: p.YSize, ResultSize: p.XSize,
		Extent: p.In, Wr: p.Taps, Wc: p.InChannels * p.Taps, Adjoint: true,
	}
	for r := range p.Stride.Size() {
		f := Phase{First: p.Stride.Position(r), Step: p.Stride, Stride: window.Vec3{1, 1, 1}}
		for a := range f.Count {
			f.Count[a] = (p.In[a] - f.First[a] + p.Stride[a] - 1) / p.Stride[a]
		}
		if f.Count.Size() == 0 {
			continue
		}
		for t := range p.Taps {
			at, whole := p.Kernel.Position(t), true
			for a := range at {
				at[a] = f.First[a] + p.Pad[a] - at[a]*p.Dilation[a]
				whole = whole && at[a]%p.Stride[a] == 0
				at[a] /= p.Stride[a]
			}
			if whole {
				f.Taps = append(f.Taps, Tap{at, t})
			}
		}
		c.Phases = append(c.Phases, f)
	}
	c.chooseFrame(p.Out)
	return c
}

// chooseFrame chooses borders that hold everything that any phase reads.
func (c *Correlation) chooseFrame(in window.Vec3) {
	var first, last window.Vec3
	for _, f := range c.Phases {
		for _, t := range f.Taps {
			for a, at := range t.At {
				first[a], last[a] = min(first[a], at), max(last[a], at+(f.Count[a]-1)*f.Stride[a])
			}
		}
	}
	c.Source = NewFrame(in, first, last)
}

// SourceStep returns how far apart the images of a group are, in frames or in place.
func (c *Correlation) SourceStep() int {
	if c.Source.None() {
		return c.Group * c.SourceSize
	}
	return c.Channels * c.Source.Extent.Size()
}

// SourceSteps calls set for every channel of the source and element of the kernel of a
// phase, with its number and its offset in the framed source. Offsets are relative to base,
// the least of them.
func (c *Correlation) SourceSteps(f *Phase, set func(p, at, ch int, t Tap)) (base int) {
	for i, t := range f.Taps {
		if at := c.Source.At(t.At); i == 0 || at < base {
			base = at
		}
	}
	for ch := range c.Channels {
		for i, t := range f.Taps {
			set(ch*len(f.Taps)+i, ch*c.Source.Extent.Size()+c.Source.At(t.At)-base, ch, t)
		}
	}
	return base
}

// RunLength returns the number of positions from the first to the last of the result, in a
// frame of the source.
func (c *Correlation) RunLength() int {
	last := c.Extent
	for a := range last {
		last[a]--
	}
	return c.Source.Extent.At(last) + 1
}
