package kernel

import "math"

// poolPhases lays out a plane for pooling so that a tap of the kernel reads, for
// all outputs, one run of elements: the plane with its padding is taken apart into
// phases, each of which holds every stride'th row and column. Outputs lie in rows as
// long as those of a phase; what comes after the last of a row is dropped.
type poolPhases struct {
	*plane
	high, wide int // of a phase
	run        int // from the first output to the last
	taps       []phaseTap
	vectorSet  // those in Go for runs shorter than a vector
}

// phaseTap is where a position of the kernel finds what output 0 reads.
type phaseTap struct {
	plane int // first axis
	at    int // in the phases of that plane
}

func (g *plane) poolPhases() *poolPhases {
	reach := func(a int) int { return (g.kernel[a] - 1) * g.dilation[a] / g.stride[a] }
	m := &poolPhases{plane: g, high: g.out[1] + reach(1), wide: g.out[2] + reach(2)}
	m.run = (g.out[1]-1)*m.wide + g.out[2]
	if m.vectorSet = vectorFunctions(); m.run < isaLanes() {
		m.vectorSet = portableVectors
	}
	for t := range g.kernel.size() {
		p := g.kernel.position(t)
		y, x := p[1]*g.dilation[1], p[2]*g.dilation[2]
		phase := y%g.stride[1]*g.stride[2] + x%g.stride[2]
		m.taps = append(m.taps, phaseTap{p[0] * g.dilation[0], (phase*m.high+y/g.stride[1])*m.wide + x/g.stride[2]})
	}
	return m
}

// size returns the elements of the phases of a plane.
func (m *poolPhases) size() int { return m.stride[1] * m.stride[2] * m.high * m.wide }

// phases calls f for each phase that rows and columns of the plane fall into: with
// where these begin in the plane and in the phase, and how many there are.
func (m *poolPhases) phases(f func(from, to, rows, columns int)) {
	part := func(a, phase, limit int) (first, at, n int) {
		first = (phase + m.pad[a]*(m.stride[a]-1)) % m.stride[a] // (first + pad) mod stride = phase
		at = (first + m.pad[a]) / m.stride[a]
		if first < m.in[a] {
			n = max(0, min((m.in[a]-1-first)/m.stride[a]+1, limit-at))
		}
		return first, at, n
	}
	for i := range m.stride[1] {
		y, r, rows := part(1, i, m.high)
		for j := range m.stride[2] {
			x, c, columns := part(2, j, m.wide)
			if rows > 0 && columns > 0 {
				f(y*m.in[2]+x, ((i*m.stride[2]+j)*m.high+r)*m.wide+c, rows, columns)
			}
		}
	}
}

// takeApart fills the phases of all planes of x; padding has the given value.
func (m *poolPhases) takeApart(x, phases []float32, padding float32) {
	fill(phases, padding)
	for i := range m.in[0] {
		x, to := x[i*m.in[1]*m.in[2]:], phases[i*m.size():]
		m.phases(func(from, at, rows, columns int) {
			copyEvery(to[at:], m.wide, x[from:], m.stride[1]*m.in[2], m.stride[2], rows, columns)
		})
	}
}

// putTogether is the reverse: what no window reads is 0.
func (m *poolPhases) putTogether(phases, x []float32) {
	if m.stride[1] > 1 || m.stride[2] > 1 || m.high-m.pad[1] < m.in[1] || m.wide-m.pad[2] < m.in[2] {
		clear(x[:m.in.size()])
	}
	for i := range m.in[0] {
		x, from := x[i*m.in[1]*m.in[2]:], phases[i*m.size():]
		m.phases(func(to, at, rows, columns int) {
			if m.stride[2] == 1 {
				copyRows(x[to:], m.stride[1]*m.in[2], from[at:], m.wide, rows, columns)
				return
			}
			for r := range rows {
				line := x[to+r*m.stride[1]*m.in[2]:]
				for c, v := range from[at+r*m.wide:][:columns] {
					line[c*m.stride[2]] = v
				}
			}
		})
	}
}

// eachTap calls f, for each plane of outputs, with the runs that its windows read, in
// row-major order: where they begin in the phases of all planes.
func (m *poolPhases) eachTap(q int, f func(at int)) {
	for _, t := range m.taps {
		if plane := q*m.stride[0] + t.plane - m.pad[0]; plane >= 0 && plane < m.in[0] {
			f(plane*m.size() + t.at)
		}
	}
}

// fromRun and toRun copy a plane of outputs from and to a run.
func (m *poolPhases) fromRun(y, run []float32) {
	copyRows(y, m.out[2], run, m.wide, m.out[1], m.out[2])
}

func (m *poolPhases) toRun(run, y []float32) {
	copyRows(run, m.wide, y, m.out[2], m.out[1], m.out[2])
}

// buffers are what a thread needs: the phases of x and of its gradient, and runs.
func (m *poolPhases) buffers(runs int) (buf *[]float32, x, gx []float32, run [2][]float32) {
	n := m.in[0] * m.size()
	buf = scratch(2*n + runs*m.run)
	b := *buf
	for i := range runs {
		run[i] = b[2*n+i*m.run:][:m.run]
	}
	return buf, b[:n], b[n : 2*n], run
}

// max writes the maxima of the windows of plane q of outputs to a run.
func (m *poolPhases) max(q int, x, run []float32) {
	fill(run, float32(math.Inf(-1)))
	m.eachTap(q, func(at int) { m.larger(run, run, x[at:at+m.run]) })
}

// maxForward is [Pool.MaxForward] for one of its planes.
func (m *poolPhases) maxForward(x, y []float32) {
	buf, apart, _, run := m.buffers(1)
	defer release(buf)
	m.takeApart(x, apart, float32(math.Inf(-1)))
	for q := range m.out[0] {
		m.max(q, apart, run[0])
		m.fromRun(y[q*m.out[1]*m.out[2]:], run[0])
	}
}

// maxGrad is [Pool.MaxGrad] for one of its planes. The gradient goes to the first
// element that is as large as the maximum; nothing of it is left for the next.
func (m *poolPhases) maxGrad(x, gy, gx []float32) {
	buf, apart, grads, run := m.buffers(2)
	defer release(buf)
	m.takeApart(x, apart, float32(math.Inf(-1)))
	clear(grads)
	most, left := run[0], run[1]
	clear(left) // what is not an output has no gradient
	for q := range m.out[0] {
		m.max(q, apart, most)
		m.toRun(left, gy[q*m.out[1]*m.out[2]:])
		m.eachTap(q, func(at int) {
			m.addWhereMost(grads[at:at+m.run], apart[at:at+m.run], most, left)
			m.leaveMost(left, apart[at:at+m.run], most)
		})
	}
	m.putTogether(grads, gx)
}

// sumForward sets y to the sums of the windows of one plane, and sumGrad gx to the
// sums of what their gradients pass on.
func (m *poolPhases) sumForward(x, y []float32) {
	buf, apart, _, run := m.buffers(1)
	defer release(buf)
	m.takeApart(x, apart, 0)
	for q := range m.out[0] {
		clear(run[0])
		m.eachTap(q, func(at int) { m.add(run[0], run[0], apart[at:at+m.run]) })
		m.fromRun(y[q*m.out[1]*m.out[2]:], run[0])
	}
}

func (m *poolPhases) sumGrad(gy, gx []float32) {
	buf, _, grads, run := m.buffers(1)
	defer release(buf)
	clear(grads)
	clear(run[0])
	for q := range m.out[0] {
		m.toRun(run[0], gy[q*m.out[1]*m.out[2]:])
		m.eachTap(q, func(at int) { m.add(grads[at:at+m.run], grads[at:at+m.run], run[0]) })
	}
	m.putTogether(grads, gx)
}
