package gradient

import (
	"fmt"
	"maps"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// copied builds the graph for the sample of a number if samples are apart, and for all of them
// otherwise. base has the values that do not depend on samples.
func (c *compiler) copied(g *onnxpb.GraphProto, base *scope, inputs []Input, k int) ([]*ops.Value, []string, error) {
	top := &scope{values: maps.Clone(base.values), frame: base.frame}
	for _, in := range inputs {
		v := c.inputs[in.Name]
		if err := ops.Catch(func() {
			if c.cfg.Apart && v.Rank() > 0 {
				v = c.Slice(v, 0, k, 1, 1)
			}
			top.values[in.Name] = c.inside(v, in.Name)
		}); err != nil {
			return nil, nil, fmt.Errorf("input %q: %w", in.Name, err)
		}
		top.values[in.Name].Elem = in.Elem
	}
	if err := c.graph(g, top); err != nil {
		return nil, nil, err
	}
	return c.outputs(g, top)
}

// joined returns the outputs of all samples, given those of each.
func (c *compiler) joined(parts [][]*ops.Value, names []string) (outputs []*ops.Value, err error) {
	for i, name := range names {
		var rows []*ops.Value
		for _, one := range parts {
			rows = append(rows, one[i])
		}
		if err := ops.Catch(func() { outputs = append(outputs, c.Concat(0, rows...)) }); err != nil {
			return nil, fmt.Errorf("output %q: %w", name, err)
		}
	}
	return outputs, nil
}
