package gradient

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func (c *compiler) isParam(v *ops.Value) bool { return c.params[v.Name()] == v }

// weight returns a trained parameter.
func (c *compiler) weight(name string, a nd.Array) *ops.Value {
	if c.cfg.eager {
		return c.Const(a)
	}
	v := c.Weight(name, a)
	c.params[name] = v
	return v
}

// initializer returns a weight, or a constant for an initializer that is not
// trained.
func (c *compiler) initializer(init *onnxio.Initializer) (*ops.Value, error) {
	if err := c.CheckSize(init.Dims); err != nil {
		return nil, fmt.Errorf("initializer %q: %w", init.Name, err)
	}
	if a, ok := c.cfg.Weights.arrays[init.Name]; ok {
		v := c.weight(init.Name, a)
		v.Elem = init.DataType
		return v, nil
	}
	if init.DataType == onnxpb.TensorProto_STRING {
		return c.UnknownStrings(init.Dims), nil
	}
	a, err := init.Array()
	if err != nil {
		return nil, err
	}
	v := c.Const(a)
	v.Elem = init.DataType
	return v, nil
}

// sparse returns a sparse initializer as an array with all its elements.
func (c *compiler) sparse(sp *onnxpb.SparseTensorProto) (*ops.Value, error) {
	shape := make([]int, len(sp.GetDims()))
	for i, d := range sp.GetDims() {
		shape[i] = int(d)
	}
	if err := c.CheckSize(shape); err != nil {
		return nil, err
	}
	index, err := c.tensor(sp.GetIndices())
	if err != nil {
		return nil, err
	}
	values := c.param(sp.GetValues())
	if values == nil {
		a, err := c.tensor(sp.GetValues())
		if err != nil {
			return nil, err
		}
		values = c.Const(a)
	}
	var v *ops.Value
	err = ops.Catch(func() { v = c.Dense(values, index, shape) })
	if v != nil {
		v.Elem = onnxpb.TensorProto_DataType(sp.GetValues().GetDataType())
	}
	return v, err
}

// addSparse adds the sparse initializers of a graph to its scope.
func (c *compiler) addSparse(g *onnxpb.GraphProto, s *scope) error {
	for _, sp := range g.GetSparseInitializer() {
		name := sp.GetValues().GetName()
		v, ok := c.nested[sp.GetValues()]
		if !ok {
			var err error
			if v, err = c.sparse(sp); err != nil {
				return fmt.Errorf("sparse initializer %q: %w", name, err)
			}
			c.nested[sp.GetValues()] = v
		}
		s.values[name] = v
	}
	return nil
}

// param returns a weight that is a tensor of an attribute or of a nested graph; nil for
// all other tensors.
func (c *compiler) param(t *onnxpb.TensorProto) *ops.Value {
	name, ok := c.cfg.Weights.messages[t]
	if !ok {
		return nil
	}
	v := c.params[name]
	if v == nil {
		v = c.weight(name, c.cfg.Weights.arrays[name])
		v.Elem = onnxpb.TensorProto_DataType(t.GetDataType())
	}
	return v
}

// tensor decodes a tensor attribute.
func (c *compiler) tensor(t *onnxpb.TensorProto) (nd.Array, error) {
	init := c.model.Tensor(t)
	if init == nil {
		return nd.Array{}, errors.New("a tensor that is not part of the model")
	}
	if err := c.CheckSize(init.Dims); err != nil {
		return nd.Array{}, err
	}
	return init.Array()
}

// Limits on unrolled loops, nested functions and the scores behind outputs. A node of the graph itself takes a
// KiB of memory or more.
const (
	maxNodes  = 1 << 16
	nodeBytes = 1 << 10
)

// count is called for each node, nested graph or column of scores before it is built. It fails when
// there are too many.
func (c *compiler) count() error {
	limit := int(min(maxNodes, c.cfg.Memory/nodeBytes))
	if c.nodes++; c.nodes > limit {
		return fmt.Errorf("more than %d nodes in unrolled loops, functions and scores of outputs: %w", limit, ErrUnsupported)
	}
	return nil
}
