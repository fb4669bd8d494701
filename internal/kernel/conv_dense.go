package kernel

// A convolution whose kernel covers the whole input has one output position: it
// is a fully connected layer, and all three of its parts are products of
// matrices with a row for each image.

// isDense reports whether the convolution is of that kind.
func isDense(p *convPlan) bool {
	for a := range p.in {
		if p.out[a] != 1 || p.pad[a] != 0 || p.kernel[a] != p.in[a] || p.kernel[a] > 1 && p.dilation[a] > 1 {
			return false
		}
	}
	return true
}

func denseForward(p *convPlan, w *Workers, x, weight, bias, y []float32) {
	if p.batch == 0 {
		return
	}
	beta := float32(0)
	if bias != nil {
		beta = 1
		for n := range p.batch {
			copy(y[n*p.group*p.oc:], bias[:p.group*p.oc])
		}
	}
	for g := range p.group {
		Gemm(w, false, true, p.batch, p.oc, p.xSize, 1, x[g*p.xSize:], p.group*p.xSize, weight[g*p.wSize:], p.xSize, beta, y[g*p.oc:], p.group*p.oc)
	}
	p.finished(0, p.batch*p.group*p.oc)
}

func denseGradInput(p *convPlan, w *Workers, gy, weight, gx []float32) {
	if p.batch == 0 {
		return
	}
	for g := range p.group {
		Gemm(w, false, false, p.batch, p.xSize, p.oc, 1, gy[g*p.oc:], p.group*p.oc, weight[g*p.wSize:], p.xSize, 0, gx[g*p.xSize:], p.group*p.xSize)
	}
	p.finished(0, p.batch*p.group*p.xSize)
}

func denseGradWeight(p *convPlan, w *Workers, x, gy, gw []float32) {
	if p.batch == 0 {
		clear(gw[:p.group*p.wSize])
		return
	}
	for g := range p.group {
		Gemm(w, true, false, p.oc, p.xSize, p.batch, 1, gy[g*p.oc:], p.group*p.oc, x[g*p.xSize:], p.group*p.xSize, 0, gw[g*p.wSize:], p.xSize)
	}
}
