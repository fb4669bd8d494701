package gradient

import (
	"fmt"
	"maps"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

// differentiate builds the graph of gradients. For each float output it returns a
// seed, the variable that holds the gradient of the loss with respect to the
// output. It also returns the gradients by initializer and by input, without those
// of values on which no output depends.
func (c *compiler) differentiate(outputs []*ops.Value) (seeds []*ops.Value, grads, byInput map[string]*ops.Value, err error) {
	var cost *ops.Value
	err = ops.Catch(func() {
		for i, y := range outputs {
			if y.DType != nd.Float32 {
				seeds = append(seeds, nil)
				continue
			}
			seed := c.Variable(fmt.Sprintf("gradient by output %d", i), nd.Float32, y.Shape...)
			seeds = append(seeds, seed)
			term := c.Dot(y, seed)
			if cost == nil {
				cost = term
			} else {
				cost = c.Add(cost, term)
			}
		}
	})
	if err != nil || cost == nil {
		return seeds, nil, nil, err
	}
	reached := differentiable(cost)
	var values []*ops.Value
	var wrt gorgonia.Nodes
	add := func(v *ops.Value) {
		if reached[v] {
			values, wrt = append(values, v), append(wrt, c.Node(v))
		}
	}
	for _, name := range c.cfg.Weights.Names() {
		if c.cfg.wants(name) {
			add(c.params[name])
		}
	}
	weights := len(wrt)
	for _, name := range slices.Sorted(maps.Keys(c.inputs)) {
		if v := c.inputs[name]; c.cfg.ByInputs && v.DType == nd.Float32 {
			add(v)
		}
	}
	if len(wrt) == 0 {
		return seeds, nil, nil, nil
	}
	nodes, err := c.Grad(cost, wrt...)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("differentiating the graph: %w", err)
	}
	grads, byInput = map[string]*ops.Value{}, map[string]*ops.Value{}
	for i, n := range nodes {
		g, err := c.Value(n)
		if err != nil {
			return nil, nil, nil, err
		}
		if i < weights {
			grads[values[i].Name()] = g
		} else {
			byInput[values[i].Name()] = g
		}
	}
	return seeds, grads, byInput, nil
}

// differentiable returns the values on which cost depends through operators that
// have a gradient. Gorgonia reports an error for any other value.
func differentiable(cost *ops.Value) map[*ops.Value]bool {
	reached := map[*ops.Value]bool{cost: true}
	for queue := []*ops.Value{cost}; len(queue) > 0; {
		v := queue[len(queue)-1]
		queue = queue[:len(queue)-1]
		if v.Op() == nil {
			continue
		}
		in := v.Inputs()
		for i, ok := range v.Op().DiffWRT(len(in)) {
			if ok && !reached[in[i]] {
				reached[in[i]] = true
				queue = append(queue, in[i])
			}
		}
	}
	return reached
}
