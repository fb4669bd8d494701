package gradient

import (
	"fmt"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// subgraph builds a branch or a loop body in a scope inside s, and returns its
// outputs. Initializers that training did not make are constants.
func (c *compiler) subgraph(g *onnxpb.GraphProto, inputs []*ops.Value, s *scope) ([]*ops.Value, error) {
	if err := c.count(); err != nil { // a body without nodes takes time, too
		return nil, err
	}
	inner := &scope{values: map[string]*ops.Value{}, outer: s, frame: s.frame}
	for _, t := range g.GetInitializer() {
		v, ok := c.nested[t]
		if !ok {
			if v = c.param(t); v == nil {
				a, err := c.tensor(t)
				if err != nil {
					return nil, fmt.Errorf("initializer %q: %w", t.GetName(), err)
				}
				v = c.Const(a)
				v.Elem = onnxpb.TensorProto_DataType(t.GetDataType())
			}
			c.nested[t] = v
		}
		inner.values[t.GetName()] = v
	}
	if err := c.addSparse(g, inner); err != nil {
		return nil, err
	}
	if n := len(g.GetInput()); n < len(inputs) {
		return nil, fmt.Errorf("%d inputs for a graph that takes %d", len(inputs), n)
	}
	for i, v := range inputs {
		inner.values[g.GetInput()[i].GetName()] = v
	}
	if err := c.graph(g, inner); err != nil {
		return nil, err
	}
	out := make([]*ops.Value, len(g.GetOutput()))
	for i, o := range g.GetOutput() {
		v, ok := inner.lookup(o.GetName())
		if !ok || v == nil {
			return nil, fmt.Errorf("output %q is not computed anywhere", o.GetName())
		}
		out[i] = v
	}
	return out, nil
}
