package onnxio

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestElements reads every element type from every place that may hold it.
func TestElements(t *testing.T) {
	const (
		i16 = onnxpb.TensorProto_INT16
		u16 = onnxpb.TensorProto_UINT16
		i32 = onnxpb.TensorProto_INT32
		u32 = onnxpb.TensorProto_UINT32
		u64 = onnxpb.TensorProto_UINT64
		i4  = onnxpb.TensorProto_INT4
		u4  = onnxpb.TensorProto_UINT4
		i2  = onnxpb.TensorProto_INT2
		u2  = onnxpb.TensorProto_UINT2
		bl  = onnxpb.TensorProto_BOOL
	)
	le := func(values ...any) []byte {
		var b []byte
		for _, v := range values {
			b, _ = binary.Append(b, binary.LittleEndian, v)
		}
		return b
	}
	doubles := func(values ...float64) []byte { return field(tensorDoubleData, le(values)) }
	three := []float32{1.5, -2, 0}
	for _, c := range []struct {
		name    string
		dt      onnxpb.TensorProto_DataType
		storage []byte
		want    any
		bits    uint64 // of the last element
	}{
		{"float raw", float32Type, raw(floats(three...)), three, 0},
		{"float packed", float32Type, field(tensorFloatData, floats(three...)), three, 0},
		{"float unpacked", float32Type, unpackedFloats(three...), three, 0},
		{"float chunks", float32Type, cat(field(tensorFloatData, floats(1.5)), field(tensorFloatData, floats(-2, 0))), three, 0},
		{"float mixed", float32Type, cat(unpackedFloats(1.5), field(tensorFloatData, floats(-2)), unpackedFloats(0)), three, 0},
		{"float beside empty fields", float32Type, cat(field(tensorInt32Data, nil), field(tensorFloatData, floats(three...))), three, 0},
		{"float between unknown fields", float32Type, cat(unpackedFloats(1.5), text(unknownField, "x"), unpackedFloats(-2, 0)), three, 0},
		{"float16 raw", float16Type, raw(le(uint16(0x3e00), uint16(0xc000), uint16(0x0001))), []float32{1.5, -2, 0x1p-24}, 1},
		{"float16 special", float16Type, raw(le(uint16(0x7c00), uint16(0xfc00), uint16(0x8000))), []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.Copysign(0, -1))}, 0x8000},
		{"float16 int32_data", float16Type, packedVarints(tensorInt32Data, 0x3e00, 0xc000, 0x7bff), []float32{1.5, -2, 65504}, 0x7bff},
		{"bfloat16 raw", bfloat16Type, raw(le(uint16(0x3fc0), uint16(0xc000), uint16(0))), three, 0},
		{"bfloat16 int32_data", bfloat16Type, unpackedVarints(tensorInt32Data, 0x3fc0, 0xc000, 0), three, 0},
		{"double raw", float64Type, raw(le(1.5, -2.0, 0.1)), []float32{1.5, -2, 0.1}, math.Float64bits(0.1)},
		{"double_data", float64Type, doubles(1.5, -2, 0.1), []float32{1.5, -2, 0.1}, math.Float64bits(0.1)},
		{"int8 raw", int8Type, raw([]byte{1, 0x80, 0xff}), []int64{1, -128, -1}, 0xff},
		{"int8 int32_data", int8Type, packedVarints(tensorInt32Data, 1, -128, -1), []int64{1, -128, -1}, 0xff},
		{"int8 int32_data unpacked", int8Type, unpackedVarints(tensorInt32Data, 1, -128, -1), []int64{1, -128, -1}, 0xff},
		{"uint8 raw", uint8Type, raw([]byte{1, 0x80, 0xff}), []int64{1, 128, 255}, 0xff},
		{"uint8 int32_data", uint8Type, packedVarints(tensorInt32Data, 1, 128, 255), []int64{1, 128, 255}, 0xff},
		{"int16 raw", i16, raw(le(int16(1), int16(-300), int16(-1))), []int64{1, -300, -1}, 0xffff},
		{"uint16 int32_data", u16, packedVarints(tensorInt32Data, 1, 300, 65535), []int64{1, 300, 65535}, 0xffff},
		{"int32 raw", i32, raw(le(int32(1), int32(-70000), int32(-1))), []int64{1, -70000, -1}, 0xffffffff},
		{"int32_data", i32, packedVarints(tensorInt32Data, 1, -70000, -1), []int64{1, -70000, -1}, 0xffffffff},
		{"uint32 raw", u32, raw(le(uint32(1), uint32(70000), uint32(math.MaxUint32))), []int64{1, 70000, math.MaxUint32}, math.MaxUint32},
		{"uint32 uint64_data", u32, packedVarints(tensorUint64Data, 1, 70000, math.MaxUint32), []int64{1, 70000, math.MaxUint32}, math.MaxUint32},
		{"int64 raw", int64Type, raw(le(int64(1), int64(math.MinInt64), int64(-1))), []int64{1, math.MinInt64, -1}, math.MaxUint64},
		{"int64_data", int64Type, packedVarints(tensorInt64Data, 1, math.MinInt64, -1), []int64{1, math.MinInt64, -1}, math.MaxUint64},
		{"int64_data unpacked", int64Type, unpackedVarints(tensorInt64Data, 1, math.MinInt64, -1), []int64{1, math.MinInt64, -1}, math.MaxUint64},
		{"uint64_data", u64, packedVarints(tensorUint64Data, 1, 2, math.MaxInt64), []int64{1, 2, math.MaxInt64}, math.MaxInt64},
		{"int4 raw", i4, raw([]byte{0x81, 0x0f}), []int64{1, -8, -1}, 0xf},
		{"int4 int32_data", i4, packedVarints(tensorInt32Data, 0x81, 0x0f), []int64{1, -8, -1}, 0xf},
		{"uint4 raw", u4, raw([]byte{0x81, 0x0f}), []int64{1, 8, 15}, 0xf},
		{"uint4 int32_data", u4, packedVarints(tensorInt32Data, 0x81, 0x0f), []int64{1, 8, 15}, 0xf},
		{"uint2 raw", u2, raw([]byte{0x39}), []int64{1, 2, 3}, 3},
		{"uint2 int32_data", u2, packedVarints(tensorInt32Data, 0x39), []int64{1, 2, 3}, 3},
		{"int2 raw", i2, raw([]byte{0x39}), []int64{1, -2, -1}, 3},
		{"float8 e4m3fn raw", onnxpb.TensorProto_FLOAT8E4M3FN, raw([]byte{0x3c, 0xc0, 0}), three, 0},
		{"float8 e4m3fnuz raw", onnxpb.TensorProto_FLOAT8E4M3FNUZ, raw([]byte{0x44, 0xc8, 0}), three, 0},
		{"float8 e5m2 int32_data", onnxpb.TensorProto_FLOAT8E5M2, packedVarints(tensorInt32Data, 0x3e, 0xc0, 0), three, 0},
		{"float8 e5m2fnuz raw", onnxpb.TensorProto_FLOAT8E5M2FNUZ, raw([]byte{0x42, 0xc4, 0}), three, 0},
		{"float8 e8m0 raw", onnxpb.TensorProto_FLOAT8E8M0, raw([]byte{127, 0, 254}), []float32{1, 0x1p-127, 0x1p127}, 254},
		{"float4 raw", onnxpb.TensorProto_FLOAT4E2M1, raw([]byte{0xc3, 0}), three, 0},
		{"bool raw", bl, raw([]byte{1, 0, 1}), []bool{true, false, true}, 1},
		{"bool int32_data", bl, packedVarints(tensorInt32Data, 1, 0, 1), []bool{true, false, true}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := openBytes(t, model(tensor("w", c.dt, shape(1, 3), c.storage)))
			w := m.Lookup("w")
			if w == nil || w.Len() != 3 || w.DataType != c.dt || !slices.Equal(w.Dims, shape(1, 3)) {
				t.Fatalf("Lookup returned %+v", w)
			}
			a, err := w.Array()
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(a.Shape, shape(1, 3)) {
				t.Errorf("shape %v", a.Shape)
			}
			same := false
			switch want := c.want.(type) {
			case []float32:
				same = slices.Equal(a.Float32s(), want)
			case []int64:
				same = slices.Equal(a.Int64s(), want)
			case []bool:
				same = slices.Equal(a.Data.([]bool), want)
			}
			if !same {
				t.Errorf("elements %v, want %v", a.Data, c.want)
			}
			if got := w.Bits(2); got != c.bits {
				t.Errorf("bits of the last element %#x, want %#x", got, c.bits)
			}
		})
	}
}

// Aligned and unaligned floats read the same.
func TestFloat32sAlignment(t *testing.T) {
	want := counting(9)
	for pad := range 8 {
		m := openBytes(t, model(tensor(strings.Repeat("x", pad+1), float32Type, shape(9), raw(floats(want...)))))
		got, err := m.Initializers()[0].Float32s()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("pad %d: %v, %v", pad, got, err)
		}
	}
}

func TestScalarsAndEmptyTensors(t *testing.T) {
	m := openBytes(t, model(
		tensor("scalar", float32Type, nil, raw(floats(3))),
		tensor("empty", float32Type, shape(0)),
		tensor("empty raw", int64Type, shape(2, 0, 3), raw(nil)),
		tensor("empty strings", onnxpb.TensorProto_STRING, shape(0)),
	))
	if a, err := m.Lookup("scalar").Array(); err != nil || len(a.Shape) != 0 || a.Float32s()[0] != 3 {
		t.Errorf("scalar: %v, %v", a, err)
	}
	for _, name := range []string{"empty", "empty raw"} {
		if a, err := m.Lookup(name).Array(); err != nil || a.Len() != 0 {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	if _, err := m.Lookup("empty strings").Array(); err == nil {
		t.Error("strings became an array")
	}
}

func TestUndecodable(t *testing.T) {
	m := openBytes(t, model(
		tensor("text", onnxpb.TensorProto_STRING, shape(2), text(tensorStringData, "a"), text(tensorStringData, "b")),
		tensor("complex", onnxpb.TensorProto_COMPLEX64, shape(1), field(tensorFloatData, floats(1, 2))),
		tensor("large", onnxpb.TensorProto_UINT64, shape(1), packedVarints(tensorUint64Data, -1)),
		tensor("float", float32Type, shape(1), raw(floats(1))),
		tensor("int", int64Type, shape(1), packedVarints(tensorInt64Data, 1)),
	))
	for name, read := range map[string]func(*Initializer) error{
		"text":    func(t *Initializer) error { _, err := t.Array(); return err },
		"complex": func(t *Initializer) error { _, err := t.Array(); return err },
		"large":   func(t *Initializer) error { _, err := t.Int64s(); return err },
		"float":   func(t *Initializer) error { _, err := t.Int64s(); return err },
		"int":     func(t *Initializer) error { _, err := t.Float32s(); return err },
	} {
		if err := read(m.Lookup(name)); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), m.Path()) {
			t.Errorf("%s: error %v does not name the tensor and the file", name, err)
		}
	}
}

// Tensors are found wherever the format allows them, in whatever order the
// fields come.
func TestTensor(t *testing.T) {
	value := func(name string, v float32) []byte {
		return tensor(name, float32Type, nil, raw(floats(v)))
	}
	inner := cat(
		text(graphName, "inner"),
		field(graphNode, node("Constant", field(attributeT, value("", 3)))),
		field(graphInitializer, value("inner", 4)),
	)
	graph := cat(
		field(graphNode, node("If", field(attributeG, inner))),
		field(graphInitializer, value("w", 2)),
		field(graphSparse, cat(field(1, tensor("sparse", float32Type, shape(1), raw(floats(5)))),
			field(2, tensor("", int64Type, shape(1), packedVarints(tensorInt64Data, 6))), varint(3, 10))),
		field(graphNode, cat(text(nodeOpType, "Sum"),
			field(nodeAttribute, attribute("tensors", cat(field(10, value("", 7)), field(10, value("", 8))))),
			field(nodeAttribute, attribute("graphs", field(11, cat(text(graphName, "g"), field(graphInitializer, value("w in a graph", 9)))))),
			field(nodeAttribute, attribute("sparse_tensors", field(23, field(1, value("", 10))))))),
		field(graphInitializer, value("v", 1)),
	)
	data := cat(
		field(functionsField, cat(text(1, "F"), text(10, "own"), field(9, varint(2, 17)), field(functionNode, node("Constant", field(attributeT, value("", 11)))))),
		field(trainingInfo, field(trainingAlgorithm, field(graphInitializer, value("t", 12)))),
		modelOf(graph),
	)
	m := openBytes(t, data)
	check := func(tp *onnxpb.TensorProto, want float32) {
		t.Helper()
		x := m.Tensor(tp)
		if x == nil {
			t.Fatalf("no tensor for %v", tp)
		}
		a, err := x.Array()
		if err != nil {
			t.Fatal(err)
		}
		got := float32(0)
		switch a.DType() {
		case nd.Float32:
			got = a.Float32s()[0]
		case nd.Int64:
			got = float32(a.Int64s()[0])
		}
		if got != want {
			t.Errorf("tensor holds %v, want %v", got, want)
		}
		if tp.RawData != nil {
			t.Errorf("the structure holds a payload: %v", tp)
		}
	}
	g := m.Proto().Graph
	then := g.Node[0].Attribute[0].G
	check(g.Initializer[1], 1)
	check(g.Initializer[0], 2)
	check(then.Node[0].Attribute[0].T, 3)
	check(then.Initializer[0], 4)
	check(g.SparseInitializer[0].Values, 5)
	check(g.SparseInitializer[0].Indices, 6)
	sum := g.Node[1].Attribute
	check(sum[0].Tensors[0], 7)
	check(sum[0].Tensors[1], 8)
	check(sum[1].Graphs[0].Initializer[0], 9)
	check(sum[2].SparseTensors[0].Values, 10)
	check(m.Proto().Functions[0].Node[0].Attribute[0].T, 11)
	check(m.Proto().TrainingInfo[0].Algorithm.Initializer[0], 12)

	var names []string
	for _, x := range m.Initializers() {
		names = append(names, x.Name)
	}
	if !slices.Equal(names, []string{"w", "v"}) {
		t.Errorf("initializers %q, want those of the main graph in file order", names)
	}
	if x := m.Tensor(proto.CloneOf(g.Initializer[0])); x != nil {
		t.Errorf("a copied message has a tensor: %v", x)
	}
	if x := m.Lookup("inner"); x != nil {
		t.Errorf("Lookup finds %v in a nested graph", x)
	}
}

// Bits has no error to return: asking for what is not there is a mistake of the
// program.
func TestBitsPanics(t *testing.T) {
	m := openBytes(t, model(
		tensor("w", float32Type, shape(1), raw(floats(1))),
		tensor("text", onnxpb.TensorProto_STRING, shape(1), text(tensorStringData, "a")),
	))
	for name, i := range map[string]int{"w": 1, "text": 0} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("element %d of %s has bits", i, name)
				}
			}()
			m.Lookup(name).Bits(i)
		}()
	}
}
