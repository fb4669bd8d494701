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

// weightMethod is a way to compute the gradient of the weights; see methods.go.
type weightMethod struct {
	name   string
	cost   func(p *plan.Conv) (c cost, applies bool)
	rivals []func(p *plan.Conv) (c cost, applies bool)
	run    func(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32)
	// runBias takes the place of run in methods that compute the gradient of the bias, gb,
	// as well, unless it is nil.
	runBias func(p *plan.Conv, w *parallel.Workers, x, gy, gw, gb []float32)
}

var weightMethods []weightMethod

func init() { // runSwapped looks a method up
	weightMethods = []weightMethod{
		// There is nothing to sum.
		{name: "none", cost: weightsApply(isEmpty), run: runEmpty},
		// The kernel covers the image: a fully connected layer.
		{name: "dense", cost: weightsApply(isDense), run: denseGradWeight},
		// A kernel for each channel.
		{name: "depthwise small", cost: weightsApply(depthwise.SmallApplies), runBias: runSmallWeights},
		{name: "depthwise", cost: weightsApply(depthwise.Applies), run: runDepthwiseWeights},
		{name: "depthwise framed", cost: weightsApply(depthwise.FramedApplies), run: runFramedWeights},
		// Small maps: nothing in the padding is summed.
		{name: "images", cost: weightsApply(direct.ImageWeightsApply), run: direct.RunImageWeights},
		// 1×1 kernels: a product of matrices, of which one is rearranged; better the one
		// with fewer channels. For large maps without assembly for runs, either the swap is
		// all that helps or other methods are as good.
		{name: "swapped", cost: weightsApply(swapPays), run: runSwapped},
		{name: "in place", cost: weightsApply(inPlaceApplies), run: direct.RunInPlaceWeights},
		{name: "collected", cost: weightsApply(collectedApplies), run: direct.RunCollectedWeights},
		// 3×3 kernels with few channels.
		{name: "winograd tile rows", cost: weightsApply(winograd.TileRowWeightsApply), run: winograd.RunTileRowWeights},
		{name: "rows", cost: weightsCost(1, direct.RowWeightsCost), rivals: weightRivals(weightsCost(1, transposedCost), weightsCost(1, winograd.TileWeightsCost)), run: direct.RunRowWeights},
		// Transforms cost more than what is counted: a quarter of the products has to be
		// saved.
		{name: "winograd channels", cost: weightsCost(3, winograd.TileWeightsCost), rivals: weightRivals(weightsCost(4, transposedCost)), run: winograd.RunTileWeights},
		{name: "transposed", cost: weightsCost(1, transposedCost), run: direct.RunTransposedWeights},
	}
}

// methodForWeights returns the method for the gradient of the weights.
func methodForWeights(p *plan.Conv) *weightMethod {
	for i := range weightMethods {
		if m := &weightMethods[i]; cheapest(p, m.cost, m.rivals) {
			return m
		}
	}
	panic("conv: no method applies")
}

func weightRivals(costs ...func(p *plan.Conv) (cost, bool)) []func(p *plan.Conv) (cost, bool) {
	return costs
}

// weightsApply is the cost of a method that is the best wherever it applies.
func weightsApply(applies func(p *plan.Conv) bool) func(p *plan.Conv) (cost, bool) {
	return func(p *plan.Conv) (cost, bool) { return 0, applies(p) }
}

// weightsCost is a method's cost for an image, times some factor.
func weightsCost(factor int, f func(p *plan.Conv) (int, bool)) func(p *plan.Conv) (cost, bool) {
	return func(p *plan.Conv) (cost, bool) {
		c, ok := f(p)
		return cost(factor) * cost(c), ok
	}
}

func transposedCost(p *plan.Conv) (int, bool) { return direct.TransposedWeightsCost(p), true }

func isEmpty(p *plan.Conv) bool { return p.YSize == 0 || p.XSize == 0 || p.Batch == 0 }

func runEmpty(p *plan.Conv, _ *parallel.Workers, _, _, gw []float32) { clear(gw[:p.Group*p.WSize]) }

// inRuns reports whether there is assembly for the maps as they lie, and it pays: small maps
// are better collected with AVX2.
func inRuns(p *plan.Conv) bool {
	shortest := direct.MinRunLength
	if simd.Lanes() == 8 {
		shortest = direct.MaxCollected + 1
	}
	return micro.HasRuns() && p.Out.Size() >= shortest
}

// swapPays reports whether to swap x and gy in a 1×1 convolution. It must not be true of
// the swapped convolution as well.
func swapPays(p *plan.Conv) bool {
	if large := p.Out.Size() > direct.MaxCollected; large && !inRuns(p) {
		return p.Pointwise() && p.InChannels < p.OutChannels
	}
	return p.Pointwise() && p.InChannels > p.OutChannels
}

func inPlaceApplies(p *plan.Conv) bool { return p.Pointwise() && inRuns(p) }

func collectedApplies(p *plan.Conv) bool {
	return p.Pointwise() && p.Out.Size() <= direct.MaxCollected
}

// runSwapped computes gw of a 1×1 convolution as that of one from gy to x.
func runSwapped(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	t := *p
	t.InChannels, t.OutChannels, t.XSize, t.YSize, t.Swapped = p.OutChannels, p.InChannels, p.YSize, p.XSize, true
	swapped := scratch.Floats(p.Group * p.WSize)
	defer scratch.Free(swapped)
	methodForWeights(&t).run(&t, w, gy, x, *swapped)
	for g := range p.Group {
		at := g * p.WSize
		simd.TransposeAll(gw[at:], p.InChannels, (*swapped)[at:], p.OutChannels, p.InChannels, p.OutChannels)
	}
}

func runSmallWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw, gb []float32) {
	depthwise.NewSmall(p).GradWeight(w, x, gy, gw, gb)
}

func runDepthwiseWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	depthwise.New(p).GradWeight(w, x, gy, gw)
}

func runFramedWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	depthwise.NewFramed(p).GradWeight(w, x, gy, gw)
}
