package gradient

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// bytes adds an initializer of 8-bit integers.
func (b *modelBuilder) bytes(name string, dt onnxpb.TensorProto_DataType, v []byte, shape ...int64) *modelBuilder {
	b.graph.Initializer = append(b.graph.Initializer, &onnxpb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(dt)), Dims: shape, RawData: v,
	})
	return b
}

// floats adds a FLOAT initializer: a vector, or a scalar if there is one number.
func (b *modelBuilder) floats(name string, v ...float32) *modelBuilder {
	t := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: v}
	if len(v) > 1 {
		t.Dims = []int64{int64(len(v))}
	}
	b.graph.Initializer = append(b.graph.Initializer, t)
	return b
}

// dequantised holds the values that the weights of quantisedNet represent.
var dequantised = []float32{
	0.5 * 1, 0.25 * -2, 0.125 * 3,
	0.5 * -128, 0.25 * 127, 0.125 * 0,
}

// quantisedNet is z = quantise(x)·w + b as onnxruntime writes it: activations pass
// through QuantizeLinear and DequantizeLinear, weights through DequantizeLinear
// with one scale for each column, and the bias is int32.
func quantisedNet() *modelBuilder {
	var bias []byte
	for _, v := range []int32{70000, -4, 0} {
		bias = binary.LittleEndian.AppendUint32(bias, uint32(v))
	}
	return newModel().
		input("x", -1, 2).
		floats("xs", 0.5).bytes("xz", onnxpb.TensorProto_UINT8, []byte{3}).
		bytes("w", onnxpb.TensorProto_INT8, []byte{1, 0xfe, 3, 0x80, 127, 0}, 2, 3).
		floats("ws", 0.5, 0.25, 0.125).bytes("wz", onnxpb.TensorProto_INT8, []byte{0, 0, 0}, 3).
		bytes("b", onnxpb.TensorProto_INT32, bias, 3).
		floats("bs", 0.25, 0.125, 0.0625).
		node("QuantizeLinear", []string{"x", "xs", "xz"}, []string{"xq"}).
		node("DequantizeLinear", []string{"xq", "xs", "xz"}, []string{"xd"}).
		node("DequantizeLinear", []string{"w", "ws", "wz"}, []string{"wd"}, intAttr("axis", 1)).
		node("DequantizeLinear", []string{"b", "bs"}, []string{"bd"}, intAttr("axis", 0)).
		node("Gemm", []string{"xd", "wd", "bd"}, []string{"z"}).
		output("z")
}

func TestQuantisedWeights(t *testing.T) {
	// c is dequantised, but an output as well; k decides a shape.
	b := quantisedNet().
		bytes("c", onnxpb.TensorProto_INT8, []byte{1, 2}, 2).
		node("DequantizeLinear", []string{"c", "xs"}, []string{"cd"}).
		output("c", "cd")
	m := b.open(t)
	w, err := LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"xs", "w", "ws", "b", "bs"}; !slices.Equal(w.Names(), want) {
		t.Errorf("weights %q, want %q", w.Names(), want)
	}
	a, _ := w.Array("w")
	if want := []float32{1, -2, 3, -128, 127, 0}; !slices.Equal(a.Float32s(), want) || !slices.Equal(a.Shape, []int{2, 3}) {
		t.Errorf("weights %v %v, want %v", a.Shape, a.Float32s(), want)
	}
	for name, want := range map[string]bool{"xs": true, "ws": true, "bs": true, "w": false, "b": false} {
		if w.Scale(name) != want {
			t.Errorf("%s is a scale: %v", name, w.Scale(name))
		}
	}
	if n := Parameters(m); w.Len() != 6+3 || n != w.Len() {
		t.Errorf("%d parameters, counted as %d, want 9", w.Len(), n)
	}
}

func TestQuantisedGradient(t *testing.T) {
	m := quantisedNet().open(t)
	// 0.6 and 0.9 round to 0.5 and 1; -9 and 200 are cut off at -1.5 and 126.
	inputs := map[string]nd.Array{"x": nd.Of([]float32{0.6, 0.9, -9, 200}, 2, 2)}
	p, err := Compile(m, Config{Shapes: map[string][]int{"x": {2, 2}}, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	seeds := []float32{1, 2, 3, -1, 0.5, 4}
	_, outputs, err := p.Gradients(inputs, func(_, s []nd.Array) (float64, error) {
		copy(s[0].Float32s(), seeds)
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	x := []float32{0.5, 1, -1.5, 126}
	bias := []float32{17500, -0.5, 0}
	want := make([]float32, 6)
	gw, gb, gws := make([]float32, 6), make([]float32, 3), make([]float32, 3)
	integers := []float32{1, -2, 3, -128, 127, 0}
	ws, bs := []float32{0.5, 0.25, 0.125}, []float32{0.25, 0.125, 0.0625}
	for n := range 2 {
		for j := range 3 {
			s := seeds[n*3+j]
			want[n*3+j] = bias[j]
			gb[j] += s * bs[j]
			for i := range 2 {
				want[n*3+j] += x[n*2+i] * dequantised[i*3+j]
				gw[i*3+j] += s * x[n*2+i] * ws[j]
				gws[j] += s * x[n*2+i] * integers[i*3+j]
			}
		}
	}
	if got := outputs[0].Float32s(); !near(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
	for name, want := range map[string][]float32{"w": gw, "b": gb, "ws": gws} {
		if got, ok := p.Gradient(name); !ok || !near(got, want) {
			t.Errorf("gradient by %s: %v, want %v", name, got, want)
		}
	}
}

// The gradient passes through the rounding of activations, except where they are
// clamped.
func TestQuantisedStraightThrough(t *testing.T) {
	m := newModel().input("x", -1, 3).floats("g", 0.1, 0.2, 0.3).
		floats("s", 0.5).bytes("z", onnxpb.TensorProto_INT8, []byte{0}).
		node("Mul", []string{"x", "g"}, []string{"a"}).
		node("QuantizeLinear", []string{"a", "s", "z"}, []string{"q"}).
		node("DequantizeLinear", []string{"q", "s", "z"}, []string{"y"}).
		output("y").open(t)
	p, err := Compile(m, Config{Shapes: map[string][]int{"x": {1, 3}}, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	_, outputs, err := p.Gradients(map[string]nd.Array{"x": nd.Of([]float32{7, -12, 1000}, 1, 3)}, func(_, s []nd.Array) (float64, error) {
		copy(s[0].Float32s(), []float32{1, 1, 1})
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := outputs[0].Float32s(), []float32{0.5, -2.5, 63.5}; !near(got, want) {
		t.Errorf("outputs %v, want %v", got, want)
	}
	if got, _ := p.Gradient("g"); !near(got, []float32{7, -12, 0}) {
		t.Errorf("gradient %v", got)
	}
}

// TestRoundStraightThrough: the gradient passes a Round as well, which networks have that are trained to
// be quantised.
func TestRoundStraightThrough(t *testing.T) {
	m := newModel().input("x", -1, 3).floats("g", 0.1, 0.2, 0.3).
		node("Mul", []string{"x", "g"}, []string{"a"}).node("Round", []string{"a"}, []string{"y"}).output("y").open(t)
	p, err := Compile(m, Config{Shapes: map[string][]int{"x": {1, 3}}, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	_, outputs, err := p.Gradients(map[string]nd.Array{"x": nd.Of([]float32{7, -12, 1000}, 1, 3)}, func(_, s []nd.Array) (float64, error) {
		copy(s[0].Float32s(), []float32{1, 1, 1})
		return 0, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := outputs[0].Float32s(); !near(got, []float32{1, -2, 300}) {
		t.Errorf("outputs %v", got)
	}
	if got, _ := p.Gradient("g"); !near(got, []float32{7, -12, 1000}) {
		t.Errorf("gradient %v", got)
	}
}

func near(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool {
		return math.Abs(float64(x-y)) <= 1e-5*(1+math.Abs(float64(y)))
	})
}
