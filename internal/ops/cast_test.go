package ops

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func TestCastValues(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name  string
		to    onnxpb.TensorProto_DataType
		attrs map[string]any
		x     nd.Array
		want  any
	}{
		{"int8 wraps", onnxpb.TensorProto_INT8, nil, ints(300, -129, 200, 127), []int64{44, 127, -56, 127}},
		{"uint8 wraps", onnxpb.TensorProto_UINT8, nil, ints(300, -1), []int64{44, 255}},
		{"int16 wraps", onnxpb.TensorProto_INT16, nil, ints(1 << 15), []int64{-1 << 15}},
		{"uint32 wraps", onnxpb.TensorProto_UINT32, nil, ints(-1, 1<<32), []int64{1<<32 - 1, 0}},
		{"int32 wraps", onnxpb.TensorProto_INT32, nil, ints(1<<31, -1), []int64{-1 << 31, -1}},
		{"int64 keeps", onnxpb.TensorProto_INT64, nil, ints(math.MinInt64, math.MaxInt64), []int64{math.MinInt64, math.MaxInt64}},
		{"int4 of floats wraps", onnxpb.TensorProto_INT4, nil, floats(-9, 7.9, 8), []int64{7, 7, -8}},
		{"uint2 of floats wraps", onnxpb.TensorProto_UINT2, nil, floats(-1, 3, 4), []int64{3, 3, 0}},
		{"int32 of floats saturates", onnxpb.TensorProto_INT32, nil, floats(inf, -inf, -1.9), []int64{math.MaxInt32, math.MinInt32, -1}},
		{"int64 of floats saturates", onnxpb.TensorProto_INT64, nil, floats(inf, -inf, float32(math.NaN())), []int64{math.MaxInt64, math.MinInt64, 0}},
		{"int8 of bools", onnxpb.TensorProto_INT8, nil, nd.Of([]bool{true, false}, 2), []int64{1, 0}},
		{"bool of floats", onnxpb.TensorProto_BOOL, nil, floats(0.5, 0, inf), []bool{true, false, true}},
		{"bool of ints", onnxpb.TensorProto_BOOL, nil, ints(36, 0), []bool{true, false}},
		{"float16 does not round", onnxpb.TensorProto_FLOAT16, nil, floats(0.1, 1e9), []float32{0.1, 1e9}},
		{"float8 rounds and saturates", onnxpb.TensorProto_FLOAT8E4M3FN, nil, floats(1.06, 1000), []float32{1, 448}},
		{"float8 of ints", onnxpb.TensorProto_FLOAT8E5M2, nil, ints(9), []float32{8}},
		{"float8 overflows", onnxpb.TensorProto_FLOAT8E5M2, map[string]any{"saturate": 0}, floats(1e9, -1e9), []float32{inf, -inf}},
		{"float4", onnxpb.TensorProto_FLOAT4E2M1, nil, floats(-3.5, 5.5), []float32{-4, 6}},
		{"scale up", onnxpb.TensorProto_FLOAT8E8M0, nil, floats(1.1), []float32{2}},
		{"scale down", onnxpb.TensorProto_FLOAT8E8M0, map[string]any{"round_mode": "down"}, floats(1.9), []float32{1}},
		{"scale nearest", onnxpb.TensorProto_FLOAT8E8M0, map[string]any{"round_mode": "nearest"}, floats(1.4, 1.5), []float32{1, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			attrs := map[string]any{"to": int(c.to)}
			for k, v := range c.attrs {
				attrs[k] = v
			}
			b := NewBuilder(nil)
			y, _, err := testNode{op: "Cast", opset: 25, attrs: attrs, inputs: []any{c.x}}.build(b)
			if err != nil {
				t.Fatal(err)
			}
			a, ok := y.Constant()
			if !ok || fmt.Sprint(a.Data) != fmt.Sprint(c.want) || fmt.Sprintf("%T", a.Data) != fmt.Sprintf("%T", c.want) {
				t.Errorf("%v, want %v", a.Data, c.want)
			}
			if want, _ := DTypeOf(c.to); y.DType != want {
				t.Errorf("type %v, want %v", y.DType, want)
			}
		})
	}
}

// TestCastLike: the ONNX type of the second input counts, if it is known.
func TestCastLike(t *testing.T) {
	b := NewBuilder(nil)
	like := func(elem onnxpb.TensorProto_DataType, a nd.Array) string {
		n := testNode{op: "CastLike", inputs: []any{ints(300), a}}
		c := &Call{Builder: b, Node: n.proto(), Opset: 19, Inputs: []*Value{b.Const(ints(300)), b.Const(a).as(elem)}}
		y := buildCastLike(c)[0]
		v, _ := y.Constant()
		return fmt.Sprint(y.DType, v.Data)
	}
	for _, c := range []struct {
		elem onnxpb.TensorProto_DataType
		a    nd.Array
		want string
	}{
		{onnxpb.TensorProto_INT8, ints(1), "int64 [44]"},
		{onnxpb.TensorProto_UNDEFINED, ints(1), "int64 [300]"},
		{onnxpb.TensorProto_FLOAT8E5M2, floats(1), "float32 [320]"},
		{onnxpb.TensorProto_FLOAT, floats(1), "float32 [300]"},
		{onnxpb.TensorProto_UINT8, floats(1), "float32 [300]"}, // quantised: computed as float32
		{onnxpb.TensorProto_BOOL, nd.Of([]bool{true}, 1), "bool [true]"},
	} {
		if got := like(c.elem, c.a); got != c.want {
			t.Errorf("like %v in %v: %s, want %s", c.elem, c.a.DType(), got, c.want)
		}
	}
}

// A cast to a wider type keeps what a cast to a narrower one did to the values.
func TestCastChain(t *testing.T) {
	b := NewBuilder(nil)
	x := b.Variable("x", nd.Float32, 2)
	c := &Call{Builder: b, Node: testNode{op: "Cast"}.proto(), Opset: 21}
	narrow := c.convert(x, onnxpb.TensorProto_FLOAT8E4M3FN)
	if c.convert(narrow, onnxpb.TensorProto_FLOAT8E4M3FN) != narrow {
		t.Error("a number of the type is rounded to it again")
	}
	if wide := c.convert(narrow, onnxpb.TensorProto_FLOAT); wide == narrow || wide.Elem != onnxpb.TensorProto_FLOAT {
		t.Errorf("cast back to FLOAT the value is still %v", wide.Elem)
	}
	if y := c.convert(x, onnxpb.TensorProto_FLOAT16); y != x {
		t.Error("FLOAT16 is an operator of its own")
	}
}

// The gradient passes through a cast between floats even where the cast rounds,
// which finite differences cannot show.
func TestCastGradient(t *testing.T) {
	for _, to := range []onnxpb.TensorProto_DataType{onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_DOUBLE} {
		check(t, testNode{op: "Cast", attrs: map[string]any{"to": int(to)}, inputs: []any{[]int{3, 2}}})
	}
	b := NewBuilder(nil)
	x, gy := b.Variable("x", nd.Float32, 3), b.Variable("gy", nd.Float32, 3)
	c := &Call{Builder: b, Node: testNode{op: "Cast"}.proto(), Opset: 21}
	y := c.convert(x, onnxpb.TensorProto_FLOAT8E5M2)
	if g := y.Op().diff(y, gy); len(g) != 1 || g[0] != gy {
		t.Errorf("gradient of a rounding cast: %v", g)
	}
	if y := c.convert(x, onnxpb.TensorProto_INT32); y.Op().DiffWRT(1)[0] {
		t.Error("a cast to integers has a gradient")
	}
}

func TestCastFailures(t *testing.T) {
	for name, n := range map[string]testNode{
		"no type":        {op: "Cast", inputs: []any{floats(1)}},
		"undefined":      {op: "Cast", attrs: map[string]any{"to": 0}, inputs: []any{floats(1)}},
		"text":           {op: "Cast", attrs: map[string]any{"to": int(onnxpb.TensorProto_STRING)}, inputs: []any{floats(1)}},
		"no such type":   {op: "Cast", attrs: map[string]any{"to": -5}, inputs: []any{floats(1)}},
		"rounding":       {op: "Cast", attrs: map[string]any{"to": int(onnxpb.TensorProto_FLOAT8E8M0), "round_mode": "sideways"}, inputs: []any{floats(1)}},
		"nothing to say": {op: "CastLike", inputs: []any{floats(1)}},
	} {
		if _, _, err := n.build(NewBuilder(nil)); err == nil {
			t.Errorf("%s: no error", name)
		} else if name == "text" && !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v does not wrap ErrUnsupported", name, err)
		}
	}
}
