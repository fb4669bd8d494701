package pool

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/window"
)

//go:generate go run ../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg pool
//go:generate go run ../internal/armgen -out asm_arm64.s -stubs asm_arm64.go -pkg pool

// halves reports whether pooling halves a plane: windows of 2×2 side by side, the pooling
// of most networks.
func (g *plane) halves() bool {
	two := window.Vec3{1, 2, 2}
	return g.Kernel == two && g.Stride == two && g.Dilation == window.Vec3{1, 1, 1} && g.Pad == window.Vec3{} &&
		g.In[0] == 1 && 2*g.Out[1] <= g.In[1] && 2*g.Out[2] <= g.In[2]
}

// halving is the assembly for planes that halve. It takes rows of n ≥ 4 outputs.
type halving struct {
	max     func(rows, n int, x *float32, line int, y *float32)
	maxGrad func(rows, n int, x *float32, line int, gy, gx *float32)
}

// halveMax is [Pool.MaxForward] for a plane that halves.
func (g *plane) halveMax(x, y []float32) {
	if code := halvingCode(); code != nil && g.Out[1] > 0 && g.Out[2] >= 4 {
		_, _ = x[2*g.Out[1]*g.In[2]-1], y[g.Out.Size()-1]
		code.max(g.Out[1], g.Out[2], &x[0], g.In[2], &y[0])
		return
	}
	for r := range g.Out[1] {
		top := x[2*r*g.In[2]:][:2*g.Out[2]]
		bottom := x[(2*r+1)*g.In[2]:][:len(top)]
		for i := range y[r*g.Out[2]:][:g.Out[2]] {
			y[r*g.Out[2]+i] = max(max(top[2*i], top[2*i+1]), max(bottom[2*i], bottom[2*i+1]))
		}
	}
}

// halveMaxGrad is [Pool.MaxGrad] for a plane that halves. gx must be zero before, unless
// windows cover all of it. Which of four elements is the largest is as good as random. It
// is therefore found by comparing bits, without a branch; adding 0 makes both zeros the
// same.
func (g *plane) halveMaxGrad(x, gy, gx []float32) {
	if code := halvingCode(); code != nil && g.Out[1] > 0 && g.Out[2] >= 4 {
		end := 2*g.Out[1]*g.In[2] - 1
		_, _, _ = x[end], gx[end], gy[g.Out.Size()-1]
		code.maxGrad(g.Out[1], g.Out[2], &x[0], g.In[2], &gy[0], &gx[0])
		return
	}
	wide := g.In[2]
	if 2*g.Out[1] == g.In[1] && 2*g.Out[2] == wide {
		clear(gx[:g.In.Size()])
	}
	for r := range g.Out[1] {
		first := 2 * r * wide
		top, bottom := x[first:][:2*g.Out[2]], x[first+wide:][:2*g.Out[2]]
		to := gx[first:]
		for i, v := range gy[r*g.Out[2]:][:g.Out[2]] {
			a, b, c, d := top[2*i]+0, top[2*i+1]+0, bottom[2*i]+0, bottom[2*i+1]+0
			most := max(max(a, b), max(c, d))
			if most != most {
				to[2*i+firstNaN(wide, a, b, c)] = v
				continue
			}
			m, at := math.Float32bits(most), wide+1
			if math.Float32bits(c) == m {
				at = wide
			}
			if math.Float32bits(b) == m {
				at = 1
			}
			if math.Float32bits(a) == m {
				at = 0
			}
			to[2*i+at] = v
		}
	}
}

// firstNaN returns the place of the first NaN of a window, in a plane with rows of wide
// elements; it is the last place if a, b and c are numbers.
func firstNaN(wide int, a, b, c float32) int {
	switch {
	case a != a:
		return 0
	case b != b:
		return 1
	case c != c:
		return wide
	}
	return wide + 1
}
