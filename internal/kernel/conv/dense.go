package conv

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/gemm"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// A convolution whose kernel covers the whole input has one output position. It is a fully
// connected layer, and all three of its parts are matrix products with a row for each image.

// isDense reports whether a convolution is of that kind.
func isDense(p *plan.Conv) bool {
	for a := range p.In {
		if p.Out[a] != 1 || p.Pad[a] != 0 || p.Kernel[a] != p.In[a] || p.Kernel[a] > 1 && p.Dilation[a] > 1 {
			return false
		}
	}
	return true
}

func runDense(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	if t.adjoint {
		denseGradInput(t.Conv, w, source, weight, result)
	} else {
		denseForward(t.Conv, w, source, weight, bias, result)
	}
}

func denseForward(p *plan.Conv, w *parallel.Workers, x, weight, bias, y []float32) {
	if p.Batch == 0 {
		return
	}
	beta := float32(0)
	if bias != nil {
		beta = 1
		for n := range p.Batch {
			copy(y[n*p.Group*p.OutChannels:], bias[:p.Group*p.OutChannels])
		}
	}
	for g := range p.Group {
		gemm.Gemm(w, false, true, p.Batch, p.OutChannels, p.XSize, 1, x[g*p.XSize:], p.Group*p.XSize, weight[g*p.WSize:], p.XSize, beta, y[g*p.OutChannels:], p.Group*p.OutChannels)
	}
	p.Finished(0, p.Batch*p.Group*p.OutChannels)
}

func denseGradInput(p *plan.Conv, w *parallel.Workers, gy, weight, gx []float32) {
	if p.Batch == 0 {
		return
	}
	for g := range p.Group {
		gemm.Gemm(w, false, false, p.Batch, p.XSize, p.OutChannels, 1, gy[g*p.OutChannels:], p.Group*p.OutChannels, weight[g*p.WSize:], p.XSize, 0, gx[g*p.XSize:], p.Group*p.XSize)
	}
	p.Finished(0, p.Batch*p.Group*p.XSize)
}

func denseGradWeight(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	if p.Batch == 0 {
		clear(gw[:p.Group*p.WSize])
		return
	}
	for g := range p.Group {
		gemm.Gemm(w, true, false, p.OutChannels, p.XSize, p.Batch, 1, gy[g*p.OutChannels:], p.Group*p.OutChannels, x[g*p.XSize:], p.Group*p.XSize, 0, gw[g*p.WSize:], p.XSize)
	}
}
