package ops

import (
	"math"

	"github.com/advparams/advparams/gradient/kernel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// constant: Constant, ConstantOfShape, Range, Cast, CastLike.

// Cast converts between the three element types. Floats are truncated to
// integers; a float is false when it is zero. Float to float does not round.
func (b *Builder) Cast(x *Value, t nd.DType) *Value {
	if x.DType == t {
		return x
	}
	return b.emit(t, x.Shape, Op{
		name: "Cast",
		run: func(_ *kernel.Workers, out nd.Array, in []nd.Array) {
			switch y := out.Data.(type) {
			case []float32:
				castTo(y, in[0], func(f float32) float32 { return f }, func(i int64) float32 { return float32(i) })
			case []int64:
				castTo(y, in[0], truncate, func(i int64) int64 { return i })
			case []bool:
				castTo(y, in[0], func(f float32) bool { return f != 0 }, func(i int64) bool { return i != 0 })
			}
		},
	}, x)
}

// truncate converts to an integer; what does not fit becomes the nearest that does.
func truncate(f float32) int64 {
	switch {
	case f != f:
		return 0
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	}
	return int64(f)
}

func castTo[T nd.Elem](y []T, x nd.Array, fromFloat func(float32) T, fromInt func(int64) T) {
	switch x := x.Data.(type) {
	case []float32:
		for i, v := range x {
			y[i] = fromFloat(v)
		}
	case []int64:
		for i, v := range x {
			y[i] = fromInt(v)
		}
	case []bool:
		for i, v := range x {
			var k int64
			if v {
				k = 1
			}
			y[i] = fromInt(k)
		}
	}
}

// DTypeOf returns the type that elements of an ONNX type are computed in.
func DTypeOf(t onnxpb.TensorProto_DataType) (nd.DType, bool) {
	switch t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return nd.Float32, true
	case onnxpb.TensorProto_BOOL:
		return nd.Bool, true
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_INT16, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64,
		onnxpb.TensorProto_UINT8, onnxpb.TensorProto_UINT16, onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64:
		return nd.Int64, true
	}
	return 0, false
}

func buildCast(c *Call) []*Value {
	to := onnxpb.TensorProto_DataType(c.Int("to", 0))
	t, ok := DTypeOf(to)
	if !ok {
		unsupported("conversion to type %v", to)
	}
	return []*Value{c.Cast(c.Input(0), t)}
}

func buildConstant(c *Call) []*Value {
	for _, a := range c.Node.GetAttribute() {
		switch a.GetName() {
		case "value":
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
		}
	}
	unsupported("a value that is no tensor, float or int")
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
	return c.Const(t)
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
		if delta == 0 {
			c.fail("a delta of 0")
		}
		n := max(0, int(math.Ceil(float64(limit-start)/float64(delta))))
		c.checkLength(n)
		out := make([]int64, n)
		for i := range out {
			out[i] = int64(start + i*delta)
		}
		return []*Value{c.Const(nd.Of(out, n))}
	}
	start, limit, delta := c.knownFloat(0), c.knownFloat(1), c.knownFloat(2)
	count := math.Ceil(float64(limit-start) / float64(delta))
	if delta == 0 || !(count < maxElements) {
		c.fail("from %v to %v in steps of %v", start, limit, delta)
	}
	out := make([]float32, max(0, int(count)))
	for i := range out {
		out[i] = start + float32(i)*delta
	}
	return []*Value{c.Const(nd.Of(out, len(out)))}
}

func (c *Call) knownInt(i int) int {
	v := c.KnownInts(i)
	if len(v) != 1 {
		c.fail("input %d has %d elements; one is expected", i, len(v))
	}
	return v[0]
}

// knownFloat and knownBool are knownInt for the other types.
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

func (c *Call) checkLength(n int) {
	if n > maxElements {
		c.fail("%d elements; at most %d are supported", n, maxElements)
	}
}

var constants = family{
	"Constant":        {1, buildConstant},
	"ConstantOfShape": {9, buildConstantOfShape},
	"Range":           {11, buildRange},
	"Cast":            {6, buildCast},
	"CastLike":        {15, func(c *Call) []*Value { return []*Value{c.Cast(c.Input(0), c.Input(1).DType)} }},
}
