package ops

import (
	"math"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// constant: Constant, ConstantOfShape, Range.

func buildConstant(c *Call) []*Value {
	for _, a := range c.Node.GetAttribute() {
		switch a.GetName() {
		case "value":
			if c.Param != nil {
				if v := c.Param(a.GetT()); v != nil {
					return []*Value{v}
				}
			}
			return []*Value{c.tensorAttr("value")}
		case "value_float":
			return []*Value{c.Scalar(c.Float32("value_float", 0))}
		case "value_int":
			return []*Value{c.Const(nd.Scalar(int64(c.Int("value_int", 0))))}
		case "value_floats":
			f := c.FloatsAttr("value_floats")
			return []*Value{c.Const(nd.Of(f, len(f)))}
		case "value_ints":
			return []*Value{c.Ints(c.IntsAttr("value_ints")...)}
		case "value_string":
			return []*Value{c.Texts(nil, string(a.GetS()))}
		case "value_strings":
			list := c.StringsAttr("value_strings")
			return []*Value{c.Texts([]int{len(list)}, list...)}
		case "sparse_value":
			if a.GetSparseTensor() == nil || c.Sparse == nil {
				c.fail("attribute %q is missing", a.GetName())
			}
			v, err := c.Sparse(a.GetSparseTensor())
			if err != nil {
				fail("attribute %q: %w", a.GetName(), err)
			}
			return []*Value{v}
		}
	}
	c.fail("the value is missing")
	return nil
}

func (c *Call) tensorAttr(name string) *Value {
	a := c.attr(name, onnxpb.AttributeProto_TENSOR)
	if a == nil || a.GetT() == nil {
		return nil
	}
	t, err := c.Tensor(a.GetT())
	if err != nil {
		c.fail("attribute %q: %v", name, err)
	}
	v := c.Const(t)
	v.Elem = onnxpb.TensorProto_DataType(a.GetT().GetDataType())
	return v
}

func buildConstantOfShape(c *Call) []*Value {
	value := c.tensorAttr("value")
	if value == nil {
		value = c.Scalar(0)
	}
	if value.Len() != 1 {
		c.fail("value of shape %v; one element is expected", value.Shape)
	}
	shape := c.KnownInts(0)
	return []*Value{c.Expand(c.Reshape(value), shape)}
}

func buildRange(c *Call) []*Value {
	if c.Input(0).DType == nd.Int64 {
		start, limit, delta := c.knownInt(0), c.knownInt(1), c.knownInt(2)
		out := make([]int64, c.count(nd.Int64, float64(start), float64(limit), float64(delta)))
		for i := range out {
			out[i] = int64(start + i*delta)
		}
		return []*Value{c.Const(nd.Of(out, len(out)))}
	}
	start, limit, delta := c.knownFloat(0), c.knownFloat(1), c.knownFloat(2)
	out := make([]float32, c.count(nd.Float32, float64(start), float64(limit), float64(delta)))
	for i := range out {
		out[i] = start + float32(i)*delta
	}
	return []*Value{c.Const(nd.Of(out, len(out)))}
}

// count returns the length of a Range.
func (c *Call) count(t nd.DType, start, limit, delta float64) int {
	n := math.Ceil((limit - start) / delta)
	if delta == 0 || !(n <= maxElements) {
		c.fail("from %v to %v in steps of %v", start, limit, delta)
	}
	count := int(max(0, n))
	c.fold("Range", t, []int{count})
	return count
}

func (c *Call) knownInt(i int) int {
	v := c.KnownInts(i)
	if len(v) != 1 {
		c.fail("input %d has %d elements; one is expected", i, len(v))
	}
	return v[0]
}

// knownFloat and knownBool are knownInt for other types.
func (c *Call) knownFloat(i int) float32 {
	v := c.KnownFloats(i)
	if len(v) != 1 {
		c.fail("input %d has %d elements; one is expected", i, len(v))
	}
	return v[0]
}

func (c *Call) knownBool(i int) bool {
	if v := c.Input(i); v.DType != nd.Bool || v.Len() != 1 {
		c.fail("input %d is %v%v; one bool is expected", i, v.DType, v.Shape)
	}
	return c.known(i).Bools()[0]
}

var constants = family{
	"Constant":        {1, buildConstant},
	"ConstantOfShape": {9, buildConstantOfShape},
	"Range":           {11, buildRange},
}
