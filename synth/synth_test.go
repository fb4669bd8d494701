package synth

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestSamples makes samples for the demo model and asks it what they are.
func TestSamples(t *testing.T) {
	m, _ := testmodel.Demo(t)
	const n, size = 80, 28 * 28
	opt := Options{N: n, Seed: 3, Mean: []float32{0.5}, Std: []float32{0.25}}
	made, err := Samples(context.Background(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	x := made["input"]
	if !slices.Equal(x.Shape, []int{n, 1, 28, 28}) {
		t.Fatalf("shape %v", x.Shape)
	}
	for i := range n {
		var sum, squares float64
		for _, v := range x.Float32s()[i*size : (i+1)*size] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		mean := sum / size
		if std := math.Sqrt(squares/size - mean*mean); math.Abs(mean-0.5) > 1e-3 || math.Abs(std-0.25) > 1e-3 {
			t.Errorf("sample %d: mean %.4f, deviation %.4f", i, mean, std)
		}
	}
	p, err := gradient.Compile(m, gradient.Config{Shapes: map[string][]int{"input": x.Shape}})
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := p.Forward(made)
	if err != nil {
		t.Fatal(err)
	}
	logits, _, classes, err := gradient.Logits(outputs)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range n {
		if gradient.ArgMax(logits[i*classes:(i+1)*classes]) == i%classes {
			right++
		}
	}
	if right < n*9/10 {
		t.Errorf("%d of %d samples are taken for what they were made to be", right, n)
	}
	again, err := Samples(context.Background(), m, opt)
	if err != nil || !slices.Equal(x.Float32s(), again["input"].Float32s()) {
		t.Errorf("the same seed gives other samples (%v)", err)
	}
}

func TestBlur(t *testing.T) {
	x := make([]float32, 2*8)
	x[0], x[12] = 4, 8 // of the first and the second channel
	blur(x, []int{2, 8})
	if want := []float32{3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 2, 0, 0}; !slices.Equal(x, want) {
		t.Errorf("%v, want %v", x, want)
	}
	y := []float32{1, 2, 3}
	if blur(y, []int{3}); !slices.Equal(y, []float32{1, 2, 3}) {
		t.Errorf("channels were mixed: %v", y)
	}
}

// TestTooMany refuses more samples than memory holds, before it makes any.
func TestTooMany(t *testing.T) {
	for _, c := range []struct {
		n     int
		shape []int
	}{{math.MaxInt, []int{1, 28, 28}}, {1 << 31, []int{1 << 31, 1 << 31, 1 << 31}}, {1 << 44, []int{1}}} {
		var too *MemoryError
		if err := fits(c.n, c.shape, math.MaxInt64); !errors.As(err, &too) || too.N != c.n {
			t.Errorf("%d of %v: %v", c.n, c.shape, err)
		}
	}
	var too *MemoryError
	if err := fits(512, []int{1 << 20}, 1<<30); !errors.As(err, &too) || too.Limit != 1<<30 || !errors.Is(err, gradient.ErrLimit) {
		t.Error(err)
	}
	if err := fits(512, []int{3, 224, 224}, 1<<40); err != nil {
		t.Error(err)
	}
}

// TestWork: samples that cost more than the work allows are fewer.
func TestWork(t *testing.T) {
	m, _ := testmodel.Demo(t)
	for _, family := range []Family{Dreams, Noise} {
		numbers := map[int64]int{}
		for _, work := range []int64{1, 7e9, 1e13} {
			made, err := Samples(context.Background(), m, Options{N: 32, Work: work, Family: family})
			if err != nil {
				t.Fatal(err)
			}
			numbers[work] = made["input"].Shape[0]
		}
		if numbers[1] != few || numbers[7e9] <= few || numbers[7e9] >= 32 || numbers[1e13] != 32 {
			t.Errorf("%s: numbers of samples by work: %v", family, numbers)
		}
	}
}

// TestOtherInputs: samples have all inputs of a model: masks let everything through, states are zero,
// tokens are within the table that they choose from, and what else there is is noise.
func TestOtherInputs(t *testing.T) {
	input := func(name string, kind onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		shape.Dim[0].Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape},
		}}}
	}
	const float, integer, boolean = onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT64, onnxpb.TensorProto_BOOL
	table := &onnxpb.TensorProto{Name: proto.String("table"), DataType: proto.Int32(int32(float)), Dims: []int64{5, 2}, FloatData: make([]float32, 10)}
	graph := func(inputs ...*onnxpb.ValueInfoProto) *onnxio.Model {
		return testmodel.Open(t, &onnxpb.ModelProto{
			IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
			Graph: &onnxpb.GraphProto{
				Name: proto.String("several"), Input: inputs, Output: []*onnxpb.ValueInfoProto{input("y", float, 0, 4)}, Initializer: []*onnxpb.TensorProto{table},
				Node: []*onnxpb.NodeProto{
					{OpType: proto.String("Cast"), Input: []string{"tokens"}, Output: []string{"ids"}}, {OpType: proto.String("Gather"), Input: []string{"table", "ids"}, Output: []string{"rows"}},
					{OpType: proto.String("Identity"), Input: []string{"rows"}, Output: []string{"y"}},
				},
			},
		})
	}
	m := graph(input("speed", float, 0, 2), input("seen", float, 0, 4), input("tokens", integer, 0, 3), input("kind", integer, 0),
		input("attention_mask", integer, 0, 3), input("on", boolean, 0, 1), input("h0", float, 0, 6))
	x, err := Samples(t.Context(), m, Options{N: 64, Family: Noise})
	if err != nil || len(x) != 7 {
		t.Fatalf("%d inputs, %v", len(x), err)
	}
	if axes, err := gradient.AxesOf(m); err != nil || Input(m, axes) != "seen" {
		t.Errorf("samples are made of %q, %v", Input(m, axes), err)
	}
	ranges := map[string][2]int64{"tokens": {0, 4}, "kind": {0, 1}, "attention_mask": {1, 1}}
	for name, want := range ranges {
		if v := x[name].Int64s(); slices.Min(v) != want[0] || slices.Max(v) != want[1] {
			t.Errorf("%s lies from %d to %d, want %d", name, slices.Min(v), slices.Max(v), want)
		}
	}
	speed, seen := x["speed"].Float32s(), x["seen"]
	if slices.Max(speed) < 1 || slices.Min(speed) > -1 || !slices.Equal(seen.Shape, []int{64, 4}) || slices.Max(x["h0"].Float32s()) != 0 || slices.Min(x["h0"].Float32s()) != 0 {
		t.Errorf("speed %v, what is seen %v, state %v", speed[:4], seen.Shape, x["h0"].Float32s()[:4])
	}
	var unknown *InputsError
	for _, inputs := range [][]*onnxpb.ValueInfoProto{
		{input("tokens", integer, 0, 3), input("attention_mask", float, 0, 3)}, // no floats but a mask
		{input("seen", float, 0, 4), input("tokens", integer, 0, -1)},          // an open length
	} {
		if _, err := Samples(t.Context(), graph(inputs...), Options{N: 8, Family: Noise}); !errors.As(err, &unknown) {
			t.Errorf("%d inputs: %v", len(inputs), err)
		}
	}
}
