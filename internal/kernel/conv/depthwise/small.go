package depthwise

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// SmallPlanes is a depthwise convolution of planes, in and out, that fit in a vector: one
// plane, or several. Each element of the kernel takes its operands by a permutation of the
// vector.
type SmallPlanes struct {
	*plan.Conv
	lanes, planes int     // in a vector
	pick          []int32 // for each element of the kernel, the lane of x that each lane of y reads; none for no lane
	spread        []int32 // likewise, the lane of gy that each lane of gx reads
}

// none marks lanes that read nothing.
const none = -1

// SmallApplies reports whether there is assembly for a convolution of small planes.
func SmallApplies(p *plan.Conv) bool {
	in, out := p.In.Size(), p.Out.Size()
	return p.Batch > 0 && p.InChannels == 1 && p.OutChannels == 1 && min(in, out) > 0 && hasSmall(p.Taps, max(in, out))
}

// NewSmall returns a convolution to which the method applies.
func NewSmall(p *plan.Conv) *SmallPlanes {
	in, out := p.In.Size(), p.Out.Size()
	lanes := simd.Lanes()
	m := &SmallPlanes{Conv: p, lanes: lanes, planes: lanes / max(in, out)}
	m.pick, m.spread = slices.Repeat([]int32{none}, p.Taps*lanes), slices.Repeat([]int32{none}, p.Taps*lanes)
	for t := range p.Taps {
		for q := range out {
			from := p.Reads(p.Out.Position(q), p.Kernel.Position(t))
			if !p.In.Contains(from) {
				continue
			}
			i := p.In.At(from)
			for plane := range m.planes {
				x, y := plane*in+i, plane*out+q
				m.pick[t*lanes+y] = int32(x)
				m.spread[t*lanes+x] = int32(y)
			}
		}
	}
	return m
}

// smallArgs are the arguments of assembly for groups of planes in some images. A group is
// the planes of one vector. For forward, w holds the kernel of each plane, or, if a vector
// has several planes, a vector for each element of the kernel; bias likewise. For weight, y
// is gy, and w holds a vector of sums for each element of the kernel, and one for the bias.
type smallArgs struct {
	taps, groups, planes int
	x, y, w, bias        []float32
	xSize, ySize         int // of a plane
	index                []int32
	images               int
	xImage, yImage       int // distance between images
	plan.Gating              // for forward
}

// smallKernels is the assembly for small planes.
type smallKernels struct {
	has     func(taps, plane int) bool
	forward func(a *smallArgs, several bool) // planes in a vector
	weight  func(*smallArgs)
}

// hasSmall reports whether there is assembly for a kernel of taps elements and planes of so
// many elements.
func hasSmall(taps, plane int) bool {
	c := smallCode()
	return c != nil && c.has(taps, plane)
}

// split calls f for groups lo to hi. If the last group has fewer planes than the others, it
// calls f for it separately.
func (m *SmallPlanes) split(lo, hi int, f func(first, groups, planes int)) {
	full := m.Group / m.planes // groups
	if lo < full {
		f(lo, min(hi, full)-lo, m.planes)
	}
	if rest := m.Group % m.planes; rest > 0 && hi > full {
		f(full, 1, rest)
	}
}

func (m *SmallPlanes) groups() int { return (m.Group + m.planes - 1) / m.planes }

// Forward computes y from x and weight. bias may be nil.
func (m *SmallPlanes) Forward(w *parallel.Workers, x, weight, bias, y []float32) {
	m.convolve(w, m.pass(x, weight, bias, y, m.XSize, m.YSize, m.pick, func(int) plan.Gating { return m.Clamp.Gating(aheadSmall) }))
}

// GradInput computes gx from gy and weight.
func (m *SmallPlanes) GradInput(w *parallel.Workers, gy, weight, gx []float32) {
	m.convolve(w, m.back(gy, weight, gx))
}

func (m *SmallPlanes) back(gy, weight, gx []float32) *smallPass {
	return m.pass(gy, weight, nil, gx, m.YSize, m.XSize, m.spread, func(to int) plan.Gating { return m.Gate.From(to, aheadSmall) })
}

func (m *SmallPlanes) convolve(w *parallel.Workers, p *smallPass) {
	defer p.free()
	w.For(m.Batch, parallel.GrainOf(m.Taps*m.Group), func(lo, hi int) {
		const atOnce = 4
		for image := lo; image < hi; image += atOnce {
			p.run(image, min(atOnce, hi-image), 0, m.groups())
		}
	})
}

// smallPass is a convolution of small planes that is ready to run, with weights and biases
// in the form that the assembly takes.
type smallPass struct {
	*SmallPlanes
	x, y                 []float32
	xSize, ySize         int
	index                []int32
	gate                 func(to int) plan.Gating // of what is stored from an element on
	weights, biases      *[]float32
	weightStep, biasStep int // distance between groups
}

func (m *SmallPlanes) pass(x, weight, bias, y []float32, xSize, ySize int, index []int32, gate func(to int) plan.Gating) *smallPass {
	p := &smallPass{SmallPlanes: m, x: x, y: y, xSize: xSize, ySize: ySize, index: index, gate: gate}
	p.weights, p.weightStep = m.widen(weight, m.Taps, ySize)
	p.biases, p.biasStep = m.widen(bias, 1, ySize)
	return p
}

func (p *smallPass) free() {
	scratch.Free(p.weights)
	scratch.Free(p.biases)
}

// run computes groups lo to hi of some images. It computes the images together if that
// saves loading weights, which are vectors then.
func (p *smallPass) run(image, images, lo, hi int) {
	if p.planes == 1 && images > 1 {
		for i := range images {
			p.run(image+i, 1, lo, hi)
		}
		return
	}
	p.split(lo, hi, func(first, groups, planes int) {
		plane := image*p.Group + first*p.planes
		from, to := plane*p.xSize, plane*p.ySize
		smallCode().forward(&smallArgs{
			taps: p.Taps, groups: groups, planes: planes, x: p.x[from:], y: p.y[to:], xSize: p.xSize, ySize: p.ySize, index: p.index,
			images: images, xImage: p.Group * p.xSize, yImage: p.Group * p.ySize,
			w: (*p.weights)[first*p.weightStep:], bias: (*p.biases)[first*p.biasStep:], Gating: p.gate(to),
		}, p.planes > 1)
		for i := range images {
			at := to + i*p.Group*p.ySize
			p.Finished(at, at+groups*planes*p.ySize)
		}
	})
}

// aheadSmall is the distance, in elements, at which outputs are prefetched.
const aheadSmall = 1 << 10

// widen lays out the n numbers that each channel has; x may be nil for zeros. It also
// returns the distance between the numbers of consecutive groups. If a vector has several
// planes, each number fills the lanes of its plane in a vector.
func (m *SmallPlanes) widen(x []float32, n, lanes int) (wide *[]float32, step int) {
	if m.planes == 1 {
		wide = scratch.Floats(m.Group * n)
		clear((*wide)[copy(*wide, x):])
		return wide, n
	}
	step = n * m.lanes
	wide = scratch.Floats(m.groups() * step)
	clear(*wide)
	for c := range min(m.Group, len(x)/n) {
		to := (*wide)[c/m.planes*step+c%m.planes*lanes:]
		for i, v := range x[c*n : (c+1)*n] {
			lane := to[i*m.lanes:][:lanes]
			for j := range lane {
				lane[j] = v
			}
		}
	}
	return wide, step
}

// GradWeight computes gw and, unless gb is nil, the gradient of the bias, whose sums are
// the same to the bit as those of separate sums. If the gradient of the input is wanted as
// well, it computes that of a few images when it has read them for the weights.
func (m *SmallPlanes) GradWeight(w *parallel.Workers, x, gy, gw, gb []float32) {
	var back *smallPass
	if m.InputGrad != nil {
		back = m.back(gy, m.InputGrad.Weight, m.InputGrad.Gx)
		defer back.free()
	}
	w.For(m.groups(), parallel.GrainOf(m.Batch*m.Taps*m.lanes), func(lo, hi int) {
		vector := (m.Taps + 1) * m.lanes
		sums := scratch.Floats((hi - lo) * vector)
		defer scratch.Free(sums)
		clear(*sums)
		const atOnce = 4 // images whose sums stay in registers
		for image := 0; image < m.Batch; image += atOnce {
			images := min(atOnce, m.Batch-image)
			m.split(lo, hi, func(g, groups, planes int) {
				first := image*m.Group + g*m.planes
				smallCode().weight(&smallArgs{
					taps: m.Taps, groups: groups, planes: planes, xSize: m.XSize, ySize: m.YSize, index: m.pick, x: x[first*m.XSize:], y: gy[first*m.YSize:],
					w: (*sums)[(g-lo)*vector:], images: images, xImage: m.Group * m.XSize, yImage: m.Group * m.YSize,
				})
			})
			if back != nil {
				back.run(image, images, lo, hi)
			}
		}
		for c := lo * m.planes; c < min(hi*m.planes, m.Group); c++ {
			at := (c/m.planes-lo)*vector + c%m.planes*m.YSize // of its lanes
			for t := range m.Taps {
				gw[c*m.Taps+t] = simd.Sum((*sums)[at+t*m.lanes:][:m.YSize])
			}
			if gb != nil {
				gb[c] = simd.Sum((*sums)[at+m.Taps*m.lanes:][:m.YSize])
			}
		}
	})
}
