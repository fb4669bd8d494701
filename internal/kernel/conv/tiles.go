package conv

import (
	"github.com/advparams/advparams/internal/kernel/conv/direct"
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/window"
)

// tilesCost is the cost of the matrix unit, for which factors have to be rounded.
func tilesCost(t *task) (cost, bool) {
	if !t.rounds {
		return 0, false
	}
	if t.tiles = direct.NewTiles(t.plan()); t.tiles == nil {
		return 0, false
	}
	return cost(t.tiles.Cost()), true
}

// fastestCost is what the fastest of the other methods may take: with kernels of 3×3 Winograd's
// algorithms need half of the products, or less.
func fastestCost(t *task) (cost, bool) {
	c, ok := channelsCost(t)
	if t.Kernel == (window.Vec3{1, 3, 3}) {
		c /= 2
	}
	return c, ok
}

func runTiles(t *task, w *parallel.Workers, source, weight, bias, result []float32) {
	t.tiles.Run(w, source, weight, bias, result, func(p *plan.Conv, group int, source, result []float32) {
		c := p.Forward
		if t.adjoint {
			c = p.Backward
		}
		one, own := c(), bias
		if bias != nil {
			own = bias[group*one.Results:]
		}
		direct.RunChannels(one, nil, source, weight[group*t.WSize:], own, result)
	})
}
