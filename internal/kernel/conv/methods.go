package conv

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/conv/depthwise"
	"github.com/advparams/advparams/internal/kernel/conv/direct"
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/conv/winograd"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// This file chooses the method for a convolution: in correlationMethods for the forward
// convolution and the gradient of the input, in weightMethods for the gradient of the
// weights. The first method of a table that applies, and costs less than all its rivals
// that apply, is used. Costs are in multiplications of vectors. They depend on the
// instruction set in use, as does which methods apply; they do not depend on the number of
// threads.

// cost is what a method costs for a whole batch.
type cost int64

// correlationMethod is a way to compute the forward convolution or the gradient of the
// input.
type correlationMethod struct {
	name string
	cost func(t *task) (c cost, applies bool)
	// rivals are costs of methods further down that may be lower.
	rivals []func(t *task) (c cost, applies bool)
	run    func(t *task, w *parallel.Workers, source, weight, bias, result []float32)
}

// correlationMethods begins with methods for convolutions of a special kind and ends
// with one for every convolution.
var correlationMethods = []correlationMethod{
	// The kernel covers the image: a fully connected layer.
	{name: "dense", cost: planned(isDense), run: runDense},
	// A kernel for each channel. The assembly for planes that fit in a vector is the
	// fastest there.
	{name: "depthwise small", cost: planned(depthwise.SmallApplies), run: runDepthwiseSmall},
	{name: "depthwise", cost: planned(depthwise.Applies), run: runDepthwise},
	{name: "depthwise framed", cost: planned(depthwise.FramedApplies), run: runDepthwiseFramed},
	// In the matrix unit, where factors may be rounded.
	{name: "tiles", cost: tilesCost, rivals: rivals(fastestCost, columnsCost), run: runTiles},
	// 1×1 kernels on 2×2 maps: a product of matrices of quads.
	{name: "quads", cost: applies(direct.QuadsApply), run: correlate(direct.RunQuads)},
	// Small maps: the weights are read once for all images, and no tap in the padding is
	// computed.
	{name: "images", cost: batchCost(direct.ImagesCost), rivals: rivals(channelsCost, adjointTilesCost), run: correlate(direct.RunImages)},
	// 1×1 kernels with few results: the source is read once and in place.
	{name: "tall", cost: applies(direct.TallApplies), run: correlate(direct.RunTall)},
	// 3×3 kernels: with few channels, F(2) along rows has less to transform than F(2×2).
	{name: "winograd tile rows", cost: applies(winograd.TileRowsApply), run: correlate(winograd.RunTileRows)},
	{name: "winograd tile lanes", cost: applies(winograd.TileLanesApply), run: correlate(winograd.RunTileLanes)},
	{name: "winograd channels", cost: imageCost(winograd.ChannelTilesCost), rivals: rivals(productsCost), run: correlate(winograd.RunChannelTiles)},
	// Where most of what the others multiply is padding.
	{name: "columns", cost: columnsCost, rivals: rivals(imageCost(direct.RowsCost), positionsCost, channelsCost), run: runColumns},
	// The rest is summed directly.
	{name: "rows", cost: imageCost(direct.RowsCost), rivals: rivals(channelsCost, positionsCost), run: correlate(direct.RunRows)},
	{name: "positions", cost: positionsCost, rivals: rivals(narrowChannelsCost), run: correlate(direct.RunPositions)},
	{name: "channels", cost: channelsCost, run: correlate(direct.RunChannels)},
}

// task is a correlation to be computed: the forward convolution, or its adjoint, which is
// the gradient of the input.
type task struct {
	*plan.Conv
	adjoint     bool
	rounds      bool              // see parallel.Workers.Rounding
	tiles       *direct.Tiles     // see tilesCost
	correlation *plan.Correlation // see plan
}

// plan returns the correlation, which methods for convolutions of a special kind do not
// need.
func (t *task) plan() *plan.Correlation {
	switch {
	case t.correlation != nil:
	case t.adjoint:
		t.correlation = t.Backward()
	default:
		t.correlation = t.Forward()
	}
	return t.correlation
}

// methodForCorrelation returns the method for the forward convolution or the gradient of
// the input.
func methodForCorrelation(t *task) *correlationMethod {
	for i := range correlationMethods {
		if m := &correlationMethods[i]; cheapest(t, m.cost, m.rivals) {
			return m
		}
	}
	panic("conv: no method applies")
}

// cheapest reports whether a method applies to a convolution, and costs less than its rivals that do.
func cheapest[C any](of C, own func(C) (cost, bool), rivals []func(C) (cost, bool)) bool {
	c, ok := own(of)
	return ok && !slices.ContainsFunc(rivals, func(rival func(C) (cost, bool)) bool {
		r, applies := rival(of)
		return applies && !(c < r)
	})
}

// compute computes the correlation by the method chosen for it.
func (t *task) compute(w *parallel.Workers, source, weight, bias, result []float32) {
	if len(result) == 0 || t.Batch == 0 {
		return
	}
	t.rounds = w.Rounds()
	methodForCorrelation(t).run(t, w, source, weight, bias, result)
}

func rivals(costs ...func(t *task) (cost, bool)) []func(t *task) (cost, bool) { return costs }

// planned is the cost of a method that is the best wherever it applies.
func planned(applies func(p *plan.Conv) bool) func(t *task) (cost, bool) {
	return func(t *task) (cost, bool) { return 0, applies(t.Conv) }
}

// applies is planned for methods that want a correlation.
func applies(applies func(c *plan.Correlation) bool) func(t *task) (cost, bool) {
	return func(t *task) (cost, bool) { return 0, applies(t.plan()) }
}

// imageCost is the cost of a method that gives it for an image, and batchCost for the
// batch.
func imageCost(f func(c *plan.Correlation) (int, bool)) func(t *task) (cost, bool) {
	return func(t *task) (cost, bool) {
		c, ok := f(t.plan())
		return cost(c) * cost(t.Batch), ok
	}
}

func batchCost(f func(c *plan.Correlation) (int, bool)) func(t *task) (cost, bool) {
	return func(t *task) (cost, bool) {
		c, ok := f(t.plan())
		return cost(c), ok
	}
}

var positionsCost = imageCost(direct.PositionsCost)

// adjointTilesCost is the cost of F(4×4, 3×3) where it was measured on small maps: with AVX2.
func adjointTilesCost(t *task) (cost, bool) {
	if !t.adjoint || simd.Lanes() != 8 {
		return 0, false
	}
	return imageCost(winograd.ChannelTilesCost)(t)
}

func channelsCost(t *task) (cost, bool) {
	return cost(direct.ChannelsCost(t.plan())) * cost(t.Batch), true
}

// narrowChannelsCost is channelsCost for what "positions" applies to, with what tiles lose
// that are narrow. Like the cost of that method it counts every element of the kernel.
func narrowChannelsCost(t *task) (cost, bool) {
	p := t.plan()
	c := vectors(p.Results) * p.Extent.Size() * (p.Channels*p.Taps + 14)
	if vectors(p.Results) < micro.Vecs() {
		c += c / 10
	}
	return cost(c) * cost(t.Batch), true
}

// productsCost is that of all products of a 3×3 kernel, without anything around them.
func productsCost(t *task) (cost, bool) {
	c := t.plan()
	return cost(c.Extent.Size()*9*c.Channels*vectors(c.Results)) * cost(t.Batch), true
}

// vectors returns how many vectors hold n elements.
func vectors(n int) int { return (n + simd.Lanes() - 1) / simd.Lanes() }

func correlate(run func(c *plan.Correlation, w *parallel.Workers, source, weight, bias, result []float32)) func(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	return func(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
		run(t.plan(), w, source, weight, bias, result)
	}
}

func runDepthwiseSmall(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	if m := depthwise.NewSmall(t.Conv); t.adjoint {
		m.GradInput(w, source, weight, result)
	} else {
		m.Forward(w, source, weight, bias, result)
	}
}

func runDepthwise(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	if m := depthwise.New(t.Conv); t.adjoint {
		m.GradInput(w, source, weight, result)
	} else {
		m.Forward(w, source, weight, bias, result)
	}
}

func runDepthwiseFramed(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	if m := depthwise.NewFramed(t.Conv); t.adjoint {
		m.GradInput(w, source, weight, result)
	} else {
		m.Forward(w, source, weight, bias, result)
	}
}
