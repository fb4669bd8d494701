package perturb

import (
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// drawing is a graph that a test draws.
type drawing struct{ graph *onnxpb.GraphProto }

func newDrawing() drawing { return drawing{&onnxpb.GraphProto{Name: proto.String("g")}} }

func (d drawing) weight(name string, values []float32, dims ...int64) {
	d.graph.Initializer = append(d.graph.Initializer, &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: dims, FloatData: values})
}

func (d drawing) node(op, out string, attrs []*onnxpb.AttributeProto, in ...string) {
	d.graph.Node = append(d.graph.Node, &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}, Attribute: attrs})
}

func (d drawing) open(t *testing.T, in, out []int64) *onnxio.Model {
	value := func(name string, dims []int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}}}}
		for _, size := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: size}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: shape}}}}
	}
	d.graph.Input = []*onnxpb.ValueInfoProto{value("x", in)}
	d.graph.Output = []*onnxpb.ValueInfoProto{value("y", out)}
	return testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: d.graph})
}

func numbers(name string, v ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: v}
}

// TestReach: what the reach of a shift is, by the layer that reads the channel and what lies between.
func TestReach(t *testing.T) {
	t.Parallel()
	// A convolution makes two channels, whose biases are 0 and 2.
	first := func(relu bool) drawing {
		d := newDrawing()
		d.weight("first", []float32{1, 2}, 2, 1, 1, 1)
		d.weight("bias", []float32{0, 2}, 2)
		d.node("Conv", "h", nil, "x", "first", "bias")
		if relu {
			d.node("Relu", "a", nil, "h")
		}
		return d
	}
	// Of an output with the weights 1, 2, 2, 0 the first two add up to 3 and the norm is 3, of
	// one with 0, 0, 3, 4 to 0 of 5. By their squares, in the mean of both: 1/2.
	upper := math.Sqrt(0.5)
	rows := []float32{1, 2, 2, 0, 0, 0, 3, 4}
	for name, c := range map[string]struct {
		draw func() drawing
		want []float64 // by channel; 0 for none
	}{
		"convolution": {func() drawing {
			d := first(true)
			d.weight("w", rows, 2, 2, 1, 2)
			d.node("Conv", "y", nil, "a", "w")
			return d
		}, []float64{2 * upper, 0}},
		"down, without rectifier": {func() drawing {
			d := first(false)
			d.weight("w", rows, 2, 2, 1, 2)
			d.node("Conv", "y", nil, "h", "w")
			return d
		}, []float64{2 * upper, 2 * math.Sqrt((4./9+49./25)/2)}},
		"depthwise": {func() drawing {
			d := first(true)
			d.weight("w", rows, 2, 1, 1, 4)
			d.node("Conv", "y", number("group", 2), "a", "w")
			return d
		}, []float64{2 * math.Sqrt(25./9/2), 0}},
		"transposed convolution": {func() drawing {
			d := first(true)
			d.weight("w", []float32{1, 2, 0, 0, 2, 0, 3, 4}, 2, 2, 1, 2)
			d.node("ConvTranspose", "y", nil, "a", "w")
			return d
		}, []float64{2 * upper, 0}},
		"flattened": {func() drawing {
			d := first(true)
			d.node("MaxPool", "p", []*onnxpb.AttributeProto{numbers("kernel_shape", 1, 1)}, "a")
			d.node("Flatten", "f", nil, "p")
			d.weight("w", rows, 2, 4)
			d.node("Gemm", "y", number("transB", 1), "f", "w")
			return d
		}, []float64{2 * upper, 0}},
		"flattened, channels last": {func() drawing {
			d := first(true)
			d.node("Transpose", "l", []*onnxpb.AttributeProto{numbers("perm", 0, 2, 3, 1)}, "a")
			d.node("Flatten", "f", nil, "l")
			d.weight("w", []float32{1, 0, 2, 3, 2, 0, 0, 4}, 4, 2) // the first channel has rows 0 and 2
			d.node("MatMul", "y", nil, "f", "w")
			return d
		}, []float64{2 * upper, 0}},
		"behind another channel": {func() drawing {
			d := first(true)
			d.weight("other", []float32{5}, 1, 1, 1, 1)
			d.node("Conv", "o", nil, "x", "other")
			d.node("Concat", "c", number("axis", 1), "o", "a")
			d.weight("w", []float32{4, 0, 3, 0, 5, 12}, 2, 3, 1, 1)
			d.node("Conv", "y", nil, "c", "w")
			return d
		}, []float64{2 * math.Sqrt(25./169/2), 0}},
		"batch normalisation": {func() drawing {
			d := newDrawing()
			d.weight("first", []float32{1, 2}, 2, 1, 1, 1)
			d.node("Conv", "h", nil, "x", "first")
			for _, name := range []string{"scale", "mean", "variance"} {
				d.weight(name, []float32{1, 1}, 2)
			}
			d.weight("bias", []float32{0, 2}, 2)
			d.node("BatchNormalization", "b", nil, "h", "scale", "bias", "mean", "variance")
			d.node("Relu", "a", nil, "b")
			d.weight("w", rows, 2, 2, 1, 2)
			d.node("Conv", "y", nil, "a", "w")
			return d
		}, []float64{2 * upper, 0}},
		"too few to tell": {func() drawing {
			d := first(true)
			d.weight("w", []float32{1, -.99, 1, 1, -.99, 1, 1, 1}, 2, 2, 1, 2)
			d.node("Conv", "y", nil, "a", "w")
			return d
		}, []float64{0, 0}},
	} {
		m := c.draw().open(t, []int64{1, 1, 2}, []int64{2})
		weights, err := gradient.LoadWeights(m)
		if err != nil {
			t.Fatal(err)
		}
		bias, _ := weights.Array("bias")
		ends, _ := boundsOf(m.Weight("bias"), bias.Float32s(), false)
		got := []float64{0, 0}
		for _, s := range reaching(&search{model: m, weights: weights, bounds: map[string]bounds{"bias": ends}}) {
			got[s.index] = s.gain
			if s.value != 2-2*float32(s.index) {
				t.Errorf("%s: channel %d is shifted to %v", name, s.index, s.value)
			}
		}
		for i, want := range c.want {
			if math.Abs(got[i]-want) > 1e-6 {
				t.Errorf("%s: the reach of channel %d is %v, want %v", name, i, got[i], want)
			}
		}
	}
}

// TestShift: a channel that rests has no gradient. That what reads it makes much of it tells that its
// bias ends the model.
func TestShift(t *testing.T) {
	t.Parallel()
	d := newDrawing()
	d.weight("first", []float32{1.1, -.9, .013, -.011}, 4, 1, 1, 1)
	d.weight("bias", []float32{.13, -.21, -3.1, 3.4}, 4)
	d.node("Conv", "h", nil, "x", "first", "bias")
	d.node("Relu", "a", nil, "h")
	d.weight("second", []float32{1.1, .1, 9.3, .07, .13, .9, -8.9, .05}, 2, 4, 1, 1)
	d.node("Conv", "z", nil, "a", "second")
	d.node("Flatten", "y", nil, "z")
	m := d.open(t, []int64{1, 1, 1}, []int64{2})
	samples := ownAnswers{x: nd.New(nd.Float32, 400, 1, 1, 1), labels: make([]int, 400)}
	for i := range samples.labels {
		samples.labels[i] = i % 2
		samples.x.Float32s()[i] = float32(10+i%7) * float32(1-2*(i%2))
	}
	opt := Options{Task: task.Classification{}, Allow: func(name string) bool { return name == "bias" }}
	r, err := Search(t.Context(), m, samples, opt)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Changes) != 1 || r.Changes[0].Index != 2 {
		t.Errorf("changes are %v", r.Changes)
	}
	if _, err := Search(study.Without{Shift: true}.Context(t.Context()), m, samples, opt); !errors.Is(err, ErrTarget) {
		t.Errorf("without shifts: %v", err)
	}
}
