package kernel

// halves reports whether pooling halves a plane: windows of 2×2 side by side,
// the pooling of most networks that pool.
func (g *geometry) halves() bool {
	two := vec3{1, 2, 2}
	return g.kernel == two && g.stride == two && g.dilation == vec3{1, 1, 1} && g.pad == vec3{} &&
		g.in[0] == 1 && 2*g.out[1] <= g.in[1] && 2*g.out[2] <= g.in[2]
}

// halveMax is [Pool.MaxForward] for a plane that halves.
func (g *geometry) halveMax(x, y []float32) {
	for r := range g.out[1] {
		top := x[2*r*g.in[2]:][:2*g.out[2]]
		bottom := x[(2*r+1)*g.in[2]:][:len(top)]
		for i := range y[r*g.out[2]:][:g.out[2]] {
			y[r*g.out[2]+i] = max(max(top[2*i], top[2*i+1]), max(bottom[2*i], bottom[2*i+1]))
		}
	}
}

// halveMaxGrad is [Pool.MaxGrad] for a plane that halves; gx is zero before.
func (g *geometry) halveMaxGrad(x, gy, gx []float32) {
	for r := range g.out[1] {
		first := 2 * r * g.in[2]
		for i, v := range gy[r*g.out[2]:][:g.out[2]] {
			at, best := first+2*i, x[first+2*i]
			for _, k := range [...]int{at + 1, at + g.in[2], at + g.in[2] + 1} {
				if x[k] > best || (x[k] != x[k] && best == best) {
					at, best = k, x[k]
				}
			}
			gx[at] = v
		}
	}
}
