package conv

import (
	"github.com/advparams/advparams/internal/kernel/conv/depthwise"
	"github.com/advparams/advparams/internal/kernel/conv/direct"
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/conv/winograd"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// forwardMethod returns what computes the forward convolution p; some is false if x or y
// is empty.
func forwardMethod(p *plan.Conv, some bool) func(w *parallel.Workers, x, weight, bias, y []float32) {
	if isDense(p) {
		return func(w *parallel.Workers, x, weight, bias, y []float32) { denseForward(p, w, x, weight, bias, y) }
	}
	if s, ok := depthwise.NewSmall(p); ok && p.Batch > 0 {
		return s.Forward
	}
	if d, ok := depthwise.New(p); ok && some {
		return d.Forward
	}
	return func(w *parallel.Workers, x, weight, bias, y []float32) {
		runCorrelation(p.Forward(), w, x, weight, bias, y)
	}
}

// inputMethod returns what computes the gradient by the input.
func inputMethod(p *plan.Conv, some bool) func(w *parallel.Workers, gy, weight, gx []float32) {
	if isDense(p) {
		return func(w *parallel.Workers, gy, weight, gx []float32) { denseGradInput(p, w, gy, weight, gx) }
	}
	if s, ok := depthwise.NewSmall(p); ok && p.Batch > 0 {
		return s.GradInput
	}
	if d, ok := depthwise.New(p); ok && some {
		return d.GradInput
	}
	return func(w *parallel.Workers, gy, weight, gx []float32) {
		runCorrelation(p.Backward(), w, gy, weight, nil, gx)
	}
}

// runCorrelation computes a correlation by the best method.
func runCorrelation(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	if c.Batch*c.Group*c.ResultSize == 0 {
		return
	}
	correlationMethod(c)(c, w, source, weight, bias, result)
}

func correlationMethod(c *plan.Correlation) func(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32) {
	if direct.QuadsApply(c) {
		return direct.RunQuads
	}
	channels := direct.ChannelsCost(c)
	if cost, ok := direct.ImagesCost(c); ok && cost < c.Batch*channels {
		return direct.RunImages
	}
	if direct.TallApplies(c) {
		return direct.RunTall
	}
	if winograd.TileRowsApply(c) {
		return winograd.RunTileRows
	}
	if winograd.TileLanesApply(c) {
		return winograd.RunTileLanes
	}
	if cost, ok := winograd.ChannelTilesCost(c); ok && cost < c.Extent.Size()*9*c.Channels*((c.Results+simd.Lanes()-1)/simd.Lanes()) {
		return winograd.RunChannelTiles
	}
	positions, flat := direct.PositionsCost(c)
	if cost, ok := direct.RowsCost(c); ok && cost < channels && (!flat || cost < positions) {
		return direct.RunRows
	}
	vectors := (c.Results + simd.Lanes() - 1) / simd.Lanes()
	if vectors < micro.Vecs() {
		channels += channels / 10
	}
	if flat && positions < channels {
		return direct.RunPositions
	}
	return direct.RunChannels
}

// runGradWeights computes gw by the method for the convolution's kind.
func runGradWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	if isDense(p) {
		denseGradWeight(p, w, x, gy, gw)
		return
	}
	if d, ok := depthwise.New(p); ok && len(x) > 0 && len(gy) > 0 {
		d.GradWeight(w, x, gy, gw)
		return
	}
	generalGradWeight(p, w, x, gy, gw)
}

// generalGradWeight computes gw by what costs least.
func generalGradWeight(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	if p.YSize == 0 || p.XSize == 0 || p.Batch == 0 {
		clear(gw[:p.Group*p.WSize])
		return
	}
	if direct.ImageWeightsApply(p) {
		direct.RunImageWeights(p, w, x, gy, gw)
		return
	}
	if p.Pointwise() {
		size := p.Out.Size()
		inRuns := micro.HasRuns() && size >= direct.MinRunLength
		switch {
		case !inRuns && size > direct.MaxCollected && p.InChannels > p.OutChannels: // other methods are as good
		case !inRuns && size > direct.MaxCollected || p.InChannels > p.OutChannels:
			turn(p, w, x, gy, gw)
			return
		case inRuns:
			direct.RunInPlaceWeights(p, w, x, gy, gw)
			return
		default:
			direct.RunCollectedWeights(p, w, x, gy, gw)
			return
		}
	}
	if winograd.TileRowWeightsApply(p) {
		winograd.RunTileRowWeights(p, w, x, gy, gw)
		return
	}
	transposed := direct.TransposedWeightsCost(p)
	wino, ok := winograd.TileWeightsCost(p)
	if cost, applies := direct.RowWeightsCost(p); applies && cost < transposed && (!ok || cost < wino) {
		direct.RunRowWeights(p, w, x, gy, gw)
		return
	}
	if ok && 3*wino < 4*transposed {
		winograd.RunTileWeights(p, w, x, gy, gw)
		return
	}
	direct.RunTransposedWeights(p, w, x, gy, gw)
}

// turn computes gw of a pointwise convolution as that of one from gy to x, with
// fewer channels in its result: the methods copy or transpose those.
func turn(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	t := *p
	t.InChannels, t.OutChannels, t.XSize, t.YSize, t.Swapped = p.OutChannels, p.InChannels, p.YSize, p.XSize, true
	turned := scratch.Floats(p.Group * p.WSize)
	defer scratch.Free(turned)
	generalGradWeight(&t, w, gy, x, *turned)
	for g := range p.Group {
		at := g * p.WSize
		simd.TransposeAll(gw[at:], p.InChannels, (*turned)[at:], p.OutChannels, p.InChannels, p.OutChannels)
	}
}
