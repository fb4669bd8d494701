package gradient

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestApart: a program with a copy of the graph for each sample computes what a program for
// one sample does, and the sums of its gradients.
func TestApart(t *testing.T) {
	const width, out, n = 6, 3, 4
	rng := rand.New(rand.NewPCG(2, 5))
	dims := func(d ...int64) *onnxpb.TensorShapeProto {
		s := &onnxpb.TensorShapeProto{}
		for _, k := range d {
			s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: k}})
		}
		return s
	}
	value := func(name string, d ...int64) *onnxpb.ValueInfoProto {
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: dims(d...)}}}}
	}
	w := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{width, out}}
	for range width * out {
		w.FloatData = append(w.FloatData, float32(rng.NormFloat64()))
	}
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{value("x", 1, 2, 3), value("gain")}, Output: []*onnxpb.ValueInfoProto{value("y", 1, out), value("sum")},
			Node: []*onnxpb.NodeProto{
				node("Reshape", "flat", "x", "one"), node("Mul", "loud", "flat", "gain"), node("MatMul", "h", "loud", "w"), node("Tanh", "y", "h"),
				{OpType: proto.String("ReduceSum"), Input: []string{"y"}, Output: []string{"sum"}, Attribute: []*onnxpb.AttributeProto{{Name: proto.String("keepdims"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(0)}}},
			},
			Initializer: []*onnxpb.TensorProto{w, {Name: proto.String("one"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{1, width}}},
		},
	})
	batch := map[string]nd.Array{"x": nd.New(nd.Float32, n, 2, 3), "gain": nd.New(nd.Float32, n)}
	for _, a := range batch {
		for i := range a.Float32s() {
			a.Float32s()[i] = float32(rng.NormFloat64())
		}
	}
	axes := &Axes{Inputs: map[string]int{"gain": NoAxis}, Outputs: map[string]int{"sum": NoAxis}, Single: true, Batch: 1}
	program := func(n int, apart bool) *Program {
		weights, err := LoadWeights(m)
		if err != nil {
			t.Fatal(err)
		}
		p, err := Compile(m, Config{Shapes: map[string][]int{"x": {n, 2, 3}, "gain": {n}}, Axes: axes, Apart: apart, Gradients: All, Weights: weights})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	half := func(outputs, seeds []nd.Array) (float64, error) { // of the sum of squares
		sum := 0.0
		for k, y := range outputs {
			for i, v := range y.Float32s() {
				sum += float64(v*v) / 2
				seeds[k].Float32s()[i] = v
			}
		}
		return sum, nil
	}
	together := program(n, true)
	loss, outputs, err := together.Gradients(batch, half)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(outputs[0].Shape, []int{n, out}) || !slices.Equal(outputs[1].Shape, []int{n}) {
		t.Fatalf("the outputs have shapes %v and %v", outputs[0].Shape, outputs[1].Shape)
	}
	gradient, _ := together.Gradient("w")
	alone, sum, losses := program(1, false), make([]float32, width*out), 0.0
	for i := range n {
		one := map[string]nd.Array{"x": batch["x"].Rows(i, i+1), "gain": batch["gain"].Rows(i, i+1)}
		v, y, err := alone.Gradients(one, half)
		if err != nil {
			t.Fatal(err)
		}
		losses += v
		for k := range y {
			if !slices.Equal(y[k].Float32s(), outputs[k].Rows(i, i+1).Float32s()) {
				t.Errorf("output %d of sample %d is %v alone and %v together", k, i, y[k].Float32s(), outputs[k].Rows(i, i+1).Float32s())
			}
		}
		g, _ := alone.Gradient("w")
		for j := range sum {
			sum[j] += g[j]
		}
	}
	if math.Abs(loss-losses) > 1e-5 {
		t.Errorf("the loss is %v, the sum of all %v", loss, losses)
	}
	for j := range sum {
		if math.Abs(float64(sum[j]-gradient[j])) > 1e-5 {
			t.Errorf("gradient %d is %v, the sum of all %v", j, gradient[j], sum[j])
		}
	}
}
