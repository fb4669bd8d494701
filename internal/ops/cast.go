package ops

import (
	"math"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/minifloat"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// cast: Cast, CastLike (opset 6 and later, with the types of opset 25).
//
// Values are float32, int64 or bool. A cast to a narrower integer type wraps, and
// one to a floating-point type of 8 or 4 bits rounds: the result is a number that
// the narrow type can represent. Casts between FLOAT, FLOAT16, BFLOAT16 and DOUBLE
// do not round, so that the model is differentiated as a function of real numbers.
// Between floating-point types the gradient passes unchanged, even where the cast
// rounds.

// DTypeOf returns the type in which elements of an ONNX type are computed; ok is
// false if the type is not implemented.
func DTypeOf(t onnxpb.TensorProto_DataType) (nd.DType, bool) {
	switch t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return nd.Float32, true
	case onnxpb.TensorProto_BOOL:
		return nd.Bool, true
	}
	if _, ok := integerTypes[t]; ok {
		return nd.Int64, true
	}
	_, ok := minifloats[t]
	return nd.Float32, ok
}

// narrow returns t if it is an integer type of fewer than 64 bits or a
// floating-point type of fewer than 16, and else UNDEFINED.
func narrow(t onnxpb.TensorProto_DataType) onnxpb.TensorProto_DataType {
	if i, ok := integerTypes[t]; ok && i.bits < 64 {
		return t
	}
	if _, ok := minifloats[t]; ok {
		return t
	}
	return onnxpb.TensorProto_UNDEFINED
}

// as sets the ONNX type of v's elements and returns v.
func (v *Value) as(t onnxpb.TensorProto_DataType) *Value {
	v.Elem = t
	return v
}

// integer describes an integer type.
type integer struct {
	bits   int
	signed bool
}

var integerTypes = map[onnxpb.TensorProto_DataType]integer{
	onnxpb.TensorProto_INT2: {2, true}, onnxpb.TensorProto_UINT2: {2, false},
	onnxpb.TensorProto_INT4: {4, true}, onnxpb.TensorProto_UINT4: {4, false},
	onnxpb.TensorProto_INT8: {8, true}, onnxpb.TensorProto_UINT8: {8, false},
	onnxpb.TensorProto_INT16: {16, true}, onnxpb.TensorProto_UINT16: {16, false},
	onnxpb.TensorProto_INT32: {32, true}, onnxpb.TensorProto_UINT32: {32, false},
	onnxpb.TensorProto_INT64: {64, true}, onnxpb.TensorProto_UINT64: {64, false},
}

var minifloats = map[onnxpb.TensorProto_DataType]*minifloat.Format{
	onnxpb.TensorProto_FLOAT8E4M3FN: minifloat.E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ: minifloat.E4M3FNUZ,
	onnxpb.TensorProto_FLOAT8E5M2: minifloat.E5M2, onnxpb.TensorProto_FLOAT8E5M2FNUZ: minifloat.E5M2FNUZ,
	onnxpb.TensorProto_FLOAT4E2M1: minifloat.E2M1, onnxpb.TensorProto_FLOAT8E8M0: minifloat.E8M0,
}

// wrap keeps the low bits of v.
func (t integer) wrap(v int64) int64 {
	k := 64 - t.bits
	if t.signed {
		return v << k >> k
	}
	return int64(uint64(v) << k >> k)
}

// fromFloat truncates. ONNX does not define the result if the number is out of
// range. As in numpy, int32 and int64 then saturate and narrower types wrap.
func (t integer) fromFloat(f float32) int64 {
	v := truncate(f)
	if t.bits == 32 && t.signed {
		return min(max(v, math.MinInt32), math.MaxInt32)
	}
	return t.wrap(v)
}

// truncate converts to an integer and saturates.
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

// Cast converts between the three element types. Floats are truncated to
// integers; a float is false when it is zero.
func (b *Builder) Cast(x *Value, t nd.DType) *Value {
	if x.DType == t {
		return x
	}
	return b.cast(x, t, integer{64, true})
}

// cast is Cast to an integer type that may be narrower than int64.
func (b *Builder) cast(x *Value, t nd.DType, to integer) *Value {
	return b.emit(t, x.Shape, Op{
		name: "Cast",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			switch y := out.Data.(type) {
			case []float32:
				castTo(y, in[0], func(f float32) float32 { return f }, func(i int64) float32 { return float32(i) })
			case []int64:
				castTo(y, in[0], to.fromFloat, to.wrap)
			case []bool:
				castTo(y, in[0], func(f float32) bool { return f != 0 }, func(i int64) bool { return i != 0 })
			}
		}),
	}, x)
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

// round maps every element to another one. The gradient passes unchanged (a
// straight-through estimator).
func (b *Builder) round(name string, x *Value, f func(float32) float32) *Value {
	return b.emit(nd.Float32, x.Shape, Op{
		name: name,
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Float32s()
			for i, v := range in[0].Float32s() {
				y[i] = f(v)
			}
		}),
		diff: func(_, gy *Value) []*Value { return []*Value{gy} },
	}, x)
}

// convert converts x to an ONNX type.
func (c *Call) convert(x *Value, to onnxpb.TensorProto_DataType) *Value {
	t, ok := DTypeOf(to)
	if !ok {
		unsupported("conversion to type %v", to)
	}
	if x.DType == t && narrow(x.Elem) == narrow(to) {
		return x
	}
	y := x
	if t == nd.Int64 {
		y = c.cast(x, t, integerTypes[to])
	} else if f, ok := minifloats[to]; ok {
		y = c.round("Cast", c.Cast(x, t), c.rounding(f, to))
	} else if y = c.Cast(x, t); y == x { // from FLOAT8 to FLOAT
		y = c.round("Cast", x, func(v float32) float32 { return v })
	}
	return y.as(to)
}

// rounding returns the conversion that the attributes saturate and round_mode ask
// for.
func (c *Call) rounding(f *minifloat.Format, to onnxpb.TensorProto_DataType) func(float32) float32 {
	saturate := c.Bool("saturate", true)
	if to != onnxpb.TensorProto_FLOAT8E8M0 {
		return func(v float32) float32 { return f.Round(v, saturate) }
	}
	mode := minifloat.Up
	switch s := c.String("round_mode", "up"); s {
	case "up":
	case "down":
		mode = minifloat.Down
	case "nearest":
		mode = minifloat.Nearest
	default:
		c.fail("round_mode %q", s)
	}
	return func(v float32) float32 { return f.RoundScale(v, mode, saturate) }
}

func buildCast(c *Call) []*Value {
	if !c.Has("to") {
		c.fail("attribute %q is missing", "to")
	}
	return []*Value{c.convert(c.Input(0), onnxpb.TensorProto_DataType(c.Int("to", 0)))}
}

func buildCastLike(c *Call) []*Value {
	x, like := c.Input(0), c.Input(1)
	to := like.Elem
	if t, ok := DTypeOf(to); !ok || t != like.DType {
		to = widest[like.DType]
	}
	return []*Value{c.convert(x, to)}
}

// widest is the ONNX type assumed for a value whose ONNX type is unknown.
var widest = map[nd.DType]onnxpb.TensorProto_DataType{
	nd.Float32: onnxpb.TensorProto_FLOAT, nd.Int64: onnxpb.TensorProto_INT64, nd.Bool: onnxpb.TensorProto_BOOL,
}

var casts = family{
	"Cast":     {6, buildCast},
	"CastLike": {15, buildCastLike},
}
