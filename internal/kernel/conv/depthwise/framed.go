package depthwise

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
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

// frame is where a plane lies in zeros: its element in row r and column c at row top + step·r
// and column left + step·c.
type frame struct{ rows, line, top, left, step int }

// frameFor returns the frame for kernels that compute rows of n elements.
func (d *Framed) frameFor(rows, n, stride, top, left, step int) frame {
	line := simd.RoundUp(stride*simd.RoundUp(n, simd.Lanes())+d.k+1, simd.Lanes())
	return frame{rows: (rows-1)*stride + d.k, line: line, top: top, left: left, step: step}
}

// zeros returns an empty frame, which is to be freed.
func (f *frame) zeros() *[]float32 {
	buf := scratch.Floats(f.rows*f.line + 2*simd.Lanes()) // what the last vectors read beyond it
	clear(*buf)
	return buf
}

// fill puts a plane into the frame, but for what no element of the result reads.
func (f *frame) fill(to, plane []float32, rows, columns int) {
	n := min(columns, (f.line-f.left+f.step-1)/f.step)
	for r := range min(rows, (f.rows-f.top+f.step-1)/f.step) {
		row, at := plane[r*columns:][:n], to[(f.top+f.step*r)*f.line+f.left:]
		if f.step == 1 {
			copy(at, row)
			continue
		}
		for c, v := range row {
			at[f.step*c] = v
		}
	}
}

// Forward computes y from x and weight. bias may be nil.
func (d *Framed) Forward(w *parallel.Workers, x, weight, bias, y []float32) {
	f := d.frameFor(d.Out[1], d.Out[2], d.stride, d.Pad[1], d.Pad[2], 1)
	d.convolve(w, f, d.stride, x, d.In[1], d.In[2], weight, bias, y, d.Out[1], d.Out[2])
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
	f := d.frameFor(d.In[1], d.In[2], 1, d.k-1-d.Pad[1], d.k-1-d.Pad[2], d.stride)
	d.convolve(w, f, 1, gy, d.Out[1], d.Out[2], *flipped, nil, gx, d.In[1], d.In[2])
}

// convolve computes planes of rows×columns elements from those of from, which go into the
// frame f.
func (d *Framed) convolve(w *parallel.Workers, f frame, stride int, from []float32, fromRows, fromColumns int, weight, bias, to []float32, rows, columns int) {
	taps, size, fromSize := d.k*d.k, rows*columns, fromRows*fromColumns
	kernel := framedCode().forward[d.k/2-1][stride-1]
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
			f.fill(*buf, from[(first+i)*fromSize:][:fromSize], fromRows, fromColumns)
			kernel(rows, columns, &(*buf)[0], f.line, &padded[0], &to[(first+i)*size], b)
		}
		d.Finished(first*size, (first+planes)*size)
	})
}

// GradWeight computes gw.
func (d *Framed) GradWeight(w *parallel.Workers, x, gy, gw []float32) {
	taps, lanes := d.k*d.k, simd.Lanes()
	kernel := framedCode().weight[d.k/2-1][d.stride-1]
	ofX := d.frameFor(d.Out[1], d.Out[2], d.stride, d.Pad[1], d.Pad[2], 1)
	ofGy := frame{rows: d.Out[1], line: simd.RoundUp(d.Out[2], lanes), step: 1}
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
				ofX.fill(*framedX, x[i*d.XSize:][:d.XSize], d.In[1], d.In[2])
				if ofGy.line > d.Out[2] {
					ofGy.fill(*framedGy, of, d.Out[1], d.Out[2])
					of = *framedGy
				}
				kernel(d.Out[1], ofGy.line/lanes, &(*framedX)[0], ofX.line, &of[0], &sums[0])
			}
			for t := range taps {
				s := sums[4*t:]
				gw[c*taps+t] = (s[0] + s[1]) + (s[2] + s[3])
			}
		}
	})
}
