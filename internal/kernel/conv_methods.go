package kernel

// forwardMethod returns what computes the forward convolution p; some is false if x or y
// is empty.
func forwardMethod(p *convPlan, some bool) func(w *Workers, x, weight, bias, y []float32) {
	if isDense(p) {
		return func(w *Workers, x, weight, bias, y []float32) { denseForward(p, w, x, weight, bias, y) }
	}
	if s, ok := newSmallPlanes(p); ok && p.batch > 0 {
		return s.forward
	}
	if d, ok := newDepthwise(p); ok && some {
		return d.forward
	}
	return func(w *Workers, x, weight, bias, y []float32) { runCorrelation(p.forward(), w, x, weight, bias, y) }
}

// inputMethod returns what computes the gradient by the input.
func inputMethod(p *convPlan, some bool) func(w *Workers, gy, weight, gx []float32) {
	if isDense(p) {
		return func(w *Workers, gy, weight, gx []float32) { denseGradInput(p, w, gy, weight, gx) }
	}
	if s, ok := newSmallPlanes(p); ok && p.batch > 0 {
		return s.gradInput
	}
	if d, ok := newDepthwise(p); ok && some {
		return d.gradInput
	}
	return func(w *Workers, gy, weight, gx []float32) { runCorrelation(p.backward(), w, gy, weight, nil, gx) }
}

// runCorrelation computes a correlation by the best method.
func runCorrelation(c *correlation, w *Workers, source, weight, bias, result []float32) {
	if c.batch*c.group*c.resultSize == 0 {
		return
	}
	correlationMethod(c)(c, w, source, weight, bias, result)
}

func correlationMethod(c *correlation) func(c *correlation, w *Workers, source, weight, bias, result []float32) {
	if quadLanesApply(c) {
		return runQuadLanes
	}
	channels := channelsCost(c)
	if cost, ok := imageLanesCost(c); ok && cost < c.batch*channels {
		return runImageLanes
	}
	if tallLanesApply(c) {
		return runTallLanes
	}
	if tileRowsApply(c) {
		return runTileRows
	}
	if tileLanesApply(c) {
		return runTileLanes
	}
	if cost, ok := channelTilesCost(c); ok && cost < c.extent.size()*9*c.channels*((c.results+isaLanes()-1)/isaLanes()) {
		return runChannelTiles
	}
	positions, flat := positionsCost(c)
	if cost, ok := rowLanesCost(c); ok && cost < channels && (!flat || cost < positions) {
		return runRowLanes
	}
	vectors := (c.results + isaLanes() - 1) / isaLanes()
	if vectors < microVecs() {
		channels += channels / 10
	}
	if flat && positions < channels {
		return runPositionLanes
	}
	return runChannelLanes
}

// runGradWeights computes gw by the method for the convolution's kind.
func runGradWeights(p *convPlan, w *Workers, x, gy, gw []float32) {
	if isDense(p) {
		denseGradWeight(p, w, x, gy, gw)
		return
	}
	if d, ok := newDepthwise(p); ok && len(x) > 0 && len(gy) > 0 {
		d.gradWeight(w, x, gy, gw)
		return
	}
	generalGradWeight(p, w, x, gy, gw)
}

// generalGradWeight computes gw by what costs least.
func generalGradWeight(p *convPlan, w *Workers, x, gy, gw []float32) {
	if p.ySize == 0 || p.xSize == 0 || p.batch == 0 {
		clear(gw[:p.group*p.wSize])
		return
	}
	if imageWeightsApply(p) {
		runImageWeights(p, w, x, gy, gw)
		return
	}
	if p.pointwise() {
		size := p.out.size()
		inRuns := hasRuns() && size >= fewPoints
		switch {
		case !inRuns && size > mostPoints && p.ic > p.oc: // other methods are as good
		case !inRuns && size > mostPoints || p.ic > p.oc:
			turn(p, w, x, gy, gw)
			return
		case inRuns:
			runRunWeights(p, w, x, gy, gw)
			return
		default:
			runCollectedWeights(p, w, x, gy, gw)
			return
		}
	}
	if tileRowWeightsApply(p) {
		runTileRowWeights(p, w, x, gy, gw)
		return
	}
	transposed := transposedWeightsCost(p)
	wino, ok := winoWeightsCost(p)
	if cost, applies := rowWeightsCost(p); applies && cost < transposed && (!ok || cost < wino) {
		runRowWeights(p, w, x, gy, gw)
		return
	}
	if ok && 3*wino < 4*transposed {
		runWinoWeights(p, w, x, gy, gw)
		return
	}
	runTransposedWeights(p, w, x, gy, gw)
}

// turn computes gw of a pointwise convolution as that of one from gy to x, with
// fewer channels in its result: the methods copy or transpose those.
func turn(p *convPlan, w *Workers, x, gy, gw []float32) {
	t := *p
	t.ic, t.oc, t.xSize, t.ySize, t.turned = p.oc, p.ic, p.ySize, p.xSize, true
	turned := scratch(p.group * p.wSize)
	defer release(turned)
	generalGradWeight(&t, w, gy, x, *turned)
	for g := range p.group {
		at := g * p.wSize
		transposeAll(gw[at:], p.ic, (*turned)[at:], p.oc, p.ic, p.oc)
	}
}
