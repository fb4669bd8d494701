package depthwise

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
	"github.com/advparams/advparams/internal/kernel/window"
)

//go:generate go run ../../internal/armgen -out asm_arm64.s -stubs asm_arm64.go -pkg depthwise

// Framed is Planes for vectors without masks. Each plane is copied into a frame of zeros,
// which stay when the next plane takes its place.
type Framed struct{ Planes }

// framedKernels is the assembly by size (3 or 5) and stride (1 or 2); see armgen.
type framedKernels struct {
	forward [2][2]func(rows, n int, x *float32, line int, w, y *float32, bias float32)
	weight  [2][2]func(rows, vectors int, x *float32, line int, gy, sums *float32)
}

// FramedApplies reports whether there is assembly for a convolution. A row has to fill a
// vector.
func FramedApplies(p *plan.Conv) bool {
	return framedCode() != nil && hasSquareKernels(p) && min(p.In[2], p.Out[2]) >= simd.Lanes()
}

// NewFramed returns a convolution to which the method applies.
func NewFramed(p *plan.Conv) *Framed { return &Framed{*New(p)} }

// frame is where planes lie in zeros, their elements step rows and columns apart.
type frame struct {
	plan.Frame
	step int
}

// frameFor returns the frame of planes of a size for kernels that compute rows of n elements.
// Vectors read up to one element more than the last of these needs.
func (d *Framed) frameFor(size window.Vec3, step, top, left, rows, n, stride int) frame {
	spread := window.Vec3{1, (size[1]-1)*step + 1, (size[2]-1)*step + 1}
	last := window.Vec3{0, (rows-1)*stride + d.k - 1 - top, simd.RoundUp(n, simd.Lanes())*stride + d.k - left}
	return frame{plan.NewFrame(spread, window.Vec3{0, -top, -left}, last), step}
}

// zeros returns an empty frame, which is to be freed.
func (f *frame) zeros() *[]float32 {
	buf := scratch.Floats(f.Extent.Size())
	clear(*buf)
	return buf
}

// fill puts a plane into the frame.
func (f *frame) fill(to, plane []float32) {
	if f.step == 1 {
		f.Fill(to, plane, 1)
		return
	}
	columns := (f.In[2]-1)/f.step + 1
	for r := 0; r < f.In[1]; r += f.step {
		at := to[f.At(window.Vec3{0, r, 0}):]
		for c, v := range plane[:columns] {
			at[f.step*c] = v
		}
		plane = plane[columns:]
	}
}

// Forward computes y from x and weight. bias may be nil.
func (d *Framed) Forward(w *parallel.Workers, x, weight, bias, y []float32) {
	f := d.frameFor(d.In, 1, d.Pad[1], d.Pad[2], d.Out[1], d.Out[2], d.stride)
	d.convolve(w, f, d.stride, x, d.XSize, weight, bias, y, d.Out)
}

// GradInput computes gx from gy and weight: a convolution, with stride 1 and the kernels
// flipped, of gy whose elements are a stride apart.
func (d *Framed) GradInput(w *parallel.Workers, gy, weight, gx []float32) {
	taps := d.k * d.k
	flipped := scratch.Floats(d.Group * taps)
	defer scratch.Free(flipped)
	copy(*flipped, weight[:d.Group*taps])
	for c := range d.Group {
		slices.Reverse((*flipped)[c*taps : (c+1)*taps])
	}
	f := d.frameFor(d.Out, d.stride, d.k-1-d.Pad[1], d.k-1-d.Pad[2], d.In[1], d.In[2], 1)
	d.convolve(w, f, 1, gy, d.YSize, *flipped, nil, gx, d.In)
}

// convolve computes planes of a size from planes of fromSize elements, which go into the frame f.
func (d *Framed) convolve(w *parallel.Workers, f frame, stride int, from []float32, fromSize int, weight, bias, to []float32, size window.Vec3) {
	taps, kernel := d.k*d.k, framedCode().forward[d.k/2-1][stride-1]
	d.planes(w, simd.NearL1, func(image, channel, planes int) {
		buf, first := f.zeros(), image*d.Group+channel
		defer scratch.Free(buf)
		var padded [28]float32 // the elements of a kernel, in whole vectors
		for i := range planes {
			copy(padded[:], weight[(channel+i)*taps:][:taps])
			b := float32(0)
			if bias != nil {
				b = bias[channel+i]
			}
			f.fill(*buf, from[(first+i)*fromSize:][:fromSize])
			kernel(size[1], size[2], &(*buf)[0], f.Extent[2], &padded[0], &to[(first+i)*size.Size()], b)
		}
		d.Finished(first*size.Size(), (first+planes)*size.Size())
	})
}

// GradWeight computes gw.
func (d *Framed) GradWeight(w *parallel.Workers, x, gy, gw []float32) {
	taps, lanes := d.k*d.k, simd.Lanes()
	kernel := framedCode().weight[d.k/2-1][d.stride-1]
	ofX := d.frameFor(d.In, 1, d.Pad[1], d.Pad[2], d.Out[1], d.Out[2], d.stride)
	line := simd.RoundUp(d.Out[2], lanes)
	ofGy := frame{plan.NewFrame(d.Out, window.Vec3{}, window.Vec3{0, 0, line - 1}), 1}
	w.For(d.Group, parallel.GrainOf(d.Batch*d.XSize), func(lo, hi int) {
		framedX, framedGy := ofX.zeros(), ofGy.zeros()
		defer scratch.Free(framedX)
		defer scratch.Free(framedGy)
		var sums [25 * 4]float32
		for c := lo; c < hi; c++ {
			clear(sums[:])
			for n := range d.Batch {
				i := n*d.Group + c
				of := gy[i*d.YSize:][:d.YSize]
				d.AccumulateBiasPlanes(gy, i, 1)
				ofX.fill(*framedX, x[i*d.XSize:][:d.XSize])
				if !ofGy.None() {
					ofGy.fill(*framedGy, of)
					of = *framedGy
				}
				kernel(d.Out[1], line/lanes, &(*framedX)[0], ofX.Extent[2], &of[0], &sums[0])
			}
			for t := range taps {
				s := sums[4*t:]
				gw[c*taps+t] = (s[0] + s[1]) + (s[2] + s[3])
			}
		}
	})
}
