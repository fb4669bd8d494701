package pool

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// poolPhases lays out a plane for pooling such that an element of the kernel reads, for all
// outputs, one run of elements. The padded plane is taken apart into phases, each of which
// holds the rows and columns with one remainder modulo the stride. Outputs lie in rows as
// long as those of a phase; what comes after the last output of a row is dropped.
type poolPhases struct {
	*plane
	high, wide     int // of a phase
	run            int // from the first output to the last
	taps           []phaseTap
	simd.VectorSet // those in Go for runs shorter than a vector
}

// phaseTap is where an element of the kernel finds what output 0 reads.
type phaseTap struct {
	plane int // first axis
	at    int // in the phases of that plane
}

func (g *plane) poolPhases() *poolPhases {
	reach := func(a int) int { return (g.Kernel[a] - 1) * g.Dilation[a] / g.Stride[a] }
	m := &poolPhases{plane: g, high: g.Out[1] + reach(1), wide: g.Out[2] + reach(2)}
	m.run = (g.Out[1]-1)*m.wide + g.Out[2]
	if m.VectorSet = simd.Functions(); m.run < simd.Lanes() {
		m.VectorSet = simd.PortableVectors
	}
	for t := range g.Kernel.Size() {
		p := g.Kernel.Position(t)
		y, x := p[1]*g.Dilation[1], p[2]*g.Dilation[2]
		phase := y%g.Stride[1]*g.Stride[2] + x%g.Stride[2]
		m.taps = append(m.taps, phaseTap{p[0] * g.Dilation[0], (phase*m.high+y/g.Stride[1])*m.wide + x/g.Stride[2]})
	}
	return m
}

// size returns the elements of the phases of a plane.
func (m *poolPhases) size() int { return m.Stride[1] * m.Stride[2] * m.high * m.wide }

// phases calls f for each phase of the plane, with where its rows and columns begin in the
// plane and in the phase, and how many there are.
func (m *poolPhases) phases(f func(from, to, rows, columns int)) {
	part := func(a, phase, limit int) (first, at, n int) {
		first = (phase + m.Pad[a]*(m.Stride[a]-1)) % m.Stride[a] // (first + pad) mod stride = phase
		at = (first + m.Pad[a]) / m.Stride[a]
		if first < m.In[a] {
			n = max(0, min((m.In[a]-1-first)/m.Stride[a]+1, limit-at))
		}
		return first, at, n
	}
	for i := range m.Stride[1] {
		y, r, rows := part(1, i, m.high)
		for j := range m.Stride[2] {
			x, c, columns := part(2, j, m.wide)
			if rows > 0 && columns > 0 {
				f(y*m.In[2]+x, ((i*m.Stride[2]+j)*m.high+r)*m.wide+c, rows, columns)
			}
		}
	}
}

// takeApart fills the phases of all planes of x. The padding has the given value.
func (m *poolPhases) takeApart(x, phases []float32, padding float32) {
	simd.Fill(phases, padding)
	for i := range m.In[0] {
		x, to := x[i*m.In[1]*m.In[2]:], phases[i*m.size():]
		m.phases(func(from, at, rows, columns int) {
			simd.CopyEvery(to[at:], m.wide, x[from:], m.Stride[1]*m.In[2], m.Stride[2], rows, columns)
		})
	}
}

// putTogether is the inverse of takeApart. What no window reads becomes 0.
func (m *poolPhases) putTogether(phases, x []float32) {
	if m.Stride[1] > 1 || m.Stride[2] > 1 || m.high-m.Pad[1] < m.In[1] || m.wide-m.Pad[2] < m.In[2] {
		clear(x[:m.In.Size()])
	}
	for i := range m.In[0] {
		x, from := x[i*m.In[1]*m.In[2]:], phases[i*m.size():]
		m.phases(func(to, at, rows, columns int) {
			if m.Stride[2] == 1 {
				simd.CopyRows(x[to:], m.Stride[1]*m.In[2], from[at:], m.wide, rows, columns)
				return
			}
			for r := range rows {
				line := x[to+r*m.Stride[1]*m.In[2]:]
				for c, v := range from[at+r*m.wide:][:columns] {
					line[c*m.Stride[2]] = v
				}
			}
		})
	}
}

// eachTap calls f for plane q of outputs with the runs that its windows read, in row-major
// order: where they begin in the phases of all planes.
func (m *poolPhases) eachTap(q int, f func(at int)) {
	for _, t := range m.taps {
		if plane := q*m.Stride[0] + t.plane - m.Pad[0]; plane >= 0 && plane < m.In[0] {
			f(plane*m.size() + t.at)
		}
	}
}

// fromRun copies a plane of outputs from a run.
func (m *poolPhases) fromRun(y, run []float32) {
	simd.CopyRows(y, m.Out[2], run, m.wide, m.Out[1], m.Out[2])
}

// toRun copies a plane of outputs to a run.
func (m *poolPhases) toRun(run, y []float32) {
	simd.CopyRows(run, m.wide, y, m.Out[2], m.Out[1], m.Out[2])
}

// buffers returns the memory that a thread needs: the phases of x and of its gradient, and
// runs.
func (m *poolPhases) buffers(runs int) (buf *[]float32, x, gx []float32, run [2][]float32) {
	n := m.In[0] * m.size()
	buf = scratch.Floats(2*n + runs*m.run)
	b := *buf
	for i := range runs {
		run[i] = b[2*n+i*m.run:][:m.run]
	}
	return buf, b[:n], b[n : 2*n], run
}

// max writes the maxima of the windows of plane q of outputs to a run.
func (m *poolPhases) max(q int, x, run []float32) {
	simd.Fill(run, float32(math.Inf(-1)))
	m.eachTap(q, func(at int) { m.Larger(run, run, x[at:at+m.run]) })
}

// maxForward is [Pool.MaxForward] for one plane.
func (m *poolPhases) maxForward(x, y []float32) {
	buf, apart, _, run := m.buffers(1)
	defer scratch.Free(buf)
	m.takeApart(x, apart, float32(math.Inf(-1)))
	for q := range m.Out[0] {
		m.max(q, apart, run[0])
		m.fromRun(y[q*m.Out[1]*m.Out[2]:], run[0])
	}
}

// maxGrad is [Pool.MaxGrad] for one plane. The gradient of a window goes to the first
// element that equals its maximum. Nothing is left for later ones.
func (m *poolPhases) maxGrad(x, gy, gx []float32) {
	buf, apart, grads, run := m.buffers(2)
	defer scratch.Free(buf)
	m.takeApart(x, apart, float32(math.Inf(-1)))
	clear(grads)
	most, left := run[0], run[1]
	clear(left) // what is not an output has no gradient
	for q := range m.Out[0] {
		m.max(q, apart, most)
		m.toRun(left, gy[q*m.Out[1]*m.Out[2]:])
		m.eachTap(q, func(at int) {
			m.AddWhereMax(grads[at:at+m.run], apart[at:at+m.run], most, left)
			m.ClearWhereMax(left, apart[at:at+m.run], most)
		})
	}
	m.putTogether(grads, gx)
}

// sumForward sets y to the sums of the windows of one plane, and sumGrad gx to the
// sums of what their gradients pass on.
func (m *poolPhases) sumForward(x, y []float32) {
	buf, apart, _, run := m.buffers(1)
	defer scratch.Free(buf)
	m.takeApart(x, apart, 0)
	for q := range m.Out[0] {
		clear(run[0])
		m.eachTap(q, func(at int) { m.Add(run[0], run[0], apart[at:at+m.run]) })
		m.fromRun(y[q*m.Out[1]*m.Out[2]:], run[0])
	}
}

func (m *poolPhases) sumGrad(gy, gx []float32) {
	buf, _, grads, run := m.buffers(1)
	defer scratch.Free(buf)
	clear(grads)
	clear(run[0])
	for q := range m.Out[0] {
		m.toRun(run[0], gy[q*m.Out[1]*m.Out[2]:])
		m.eachTap(q, func(at int) { m.Add(grads[at:at+m.run], grads[at:at+m.run], run[0]) })
	}
	m.putTogether(grads, gx)
}
