package synth

import (
	"math/rand/v2"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// few is the least number of samples that is made, whatever they cost.
const few = 8

// backAndForth is the work of a gradient in forward runs.
const backAndForth = 3

// affordable returns how many of opt.N samples opt.Work allows. Samples that follow no gradient cost
// nothing to make, but a search runs the model on them as often as on others.
func affordable(m *onnxio.Model, axes *gradient.Axes, opt Options, in string, shape []int, others []beside) (int, error) {
	if opt.Work <= 0 || opt.N <= few {
		return opt.N, nil
	}
	meter := new(gradient.Meter)
	opt.Family = Dreams // others have no program
	size := atATime(axes, few)
	p, err := program(m, axes, opt, batched(in, shape, others, size), meter)
	if err != nil {
		return 0, err
	}
	inputs := map[string]nd.Array{in: nd.New(nd.Float32, append([]int{size}, shape...)...)}
	for _, one := range others {
		inputs[one.Name] = one.make(rand.New(rand.NewPCG(opt.Seed, 2)), size)
	}
	if _, err := p.Forward(inputs); err != nil {
		return 0, err
	}
	each := steps * backAndForth * meter.Work() / int64(size)
	return max(few, min(opt.N, int(opt.Work/max(each, 1)))), nil
}
