package attack

import (
	"context"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestFold compares the graph with normalisations, whose statistics are those of
// one batch, with the folded weights, on the same batch: where they are folded
// into layers, and where the statistics of a batch normalisation take them up.
func TestFold(t *testing.T) {
	t.Run("layers", func(t *testing.T) {
		l := testLab(t, 40, Options{Batch: 32})
		checkFold(t, l, len(l.anatomy.layers)-1)
	})
	t.Run("batch normalisation", func(t *testing.T) {
		_, dir := testmodel.Demo(t)
		opt := Options{Batch: 32}
		if err := opt.complete(); err != nil {
			t.Fatal(err)
		}
		l, err := newLab(open(t, normalisedModel(t)), samples(t, dir, dataset.Train, 40), samples(t, dir, dataset.Test, 20), opt)
		if err != nil {
			t.Fatal(err)
		}
		checkFold(t, l, 1)
		if n := l.normalised.norms[0]; n.mean == "" || l.values(n.mean)[0] == 0 {
			t.Errorf("%+v", n)
		}
	})
}

func checkFold(t *testing.T, l *lab, norms int) {
	t.Helper()
	ctx := context.Background()
	nodes := len(l.model.Proto().GetGraph().GetNode())
	if err := l.normalise(); err != nil {
		t.Fatal(err)
	}
	s := l.normalised
	if len(s.norms) != norms || len(s.inputs) != 1 {
		t.Fatalf("%d normalisations, want %d; %d batches", len(s.norms), norms, len(s.inputs))
	}
	for k, n := range s.norms { // nothing that could pass for neutral
		for u := range l.values(n.scale) {
			l.values(n.scale)[u] = 0.5 + float32(u%7)/5
			l.values(n.shift)[u] = float32(k%3)/10 - float32(u%5)/7
		}
	}
	inputs := s.inputs[0]
	p, err := l.program(normalisedGraph)
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.Forward(inputs)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]float32(nil), out[0].Float32s()...)
	if err := l.fold(ctx); err != nil {
		t.Fatal(err)
	}
	plain, err := gradient.Compile(l.model, l.config(inputs))
	if err != nil {
		t.Fatal(err)
	}
	if out, err = plain.Forward(inputs); err != nil {
		t.Fatal(err)
	}
	for i, x := range out[0].Float32s() {
		if math.Abs(float64(x-want[i])) > 1e-3*(1+math.Abs(float64(want[i]))) {
			t.Fatalf("logit %d is %v with folded weights, %v with normalisations", i, x, want[i])
		}
	}
	if n := len(l.model.Proto().GetGraph().GetNode()); n != nodes {
		t.Errorf("the graph has %d nodes, it had %d", n, nodes)
	}
}

// normalisedModel writes a classifier of demo images with a batch normalisation,
// and returns its path.
func normalisedModel(t *testing.T) string {
	t.Helper()
	const units, classes = 4, 16
	tensor := func(name string, dims ...int64) *onnxpb.TensorProto {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		var raw []byte
		for i := range n {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(0.3+float32(i*5%11-5)/7*float32(len(dims)-1)))
		}
		return &onnxpb.TensorProto{Name: proto.String(name), Dims: dims, DataType: proto.Int32(1), RawData: raw}
	}
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}}}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: shape},
		}}}
	}
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
	}
	data, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("net"), Input: []*onnxpb.ValueInfoProto{value("input", 1, 28, 28)}, Output: []*onnxpb.ValueInfoProto{value("logits", classes)},
			Node: []*onnxpb.NodeProto{
				node("Conv", "c", "input", "w"), node("BatchNormalization", "n", "c", "scale", "shift", "mean", "variance"), node("Relu", "r", "n"),
				node("GlobalAveragePool", "p", "r"), node("Flatten", "f", "p"), node("Gemm", "logits", "f", "v", "b"),
			},
			Initializer: []*onnxpb.TensorProto{
				tensor("w", units, 1, 3, 3), tensor("scale", units), tensor("shift", units), tensor("mean", units), tensor("variance", units),
				tensor("v", units, classes), tensor("b", classes),
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "normalised.onnx")
	if err := os.WriteFile(path, data, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestBatchNormTrains makes sure that what is trained with normalisations is
// right without them.
func TestBatchNormTrains(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	l := testLab(t, 400, Options{Epochs: 3, Batch: 16})
	ctx := context.Background()
	v := l.withNorms("all layers", nil)
	if _, err := v.change(ctx, l); err != nil {
		t.Fatal(err)
	}
	validation, _, err := l.fit(ctx, training{optimiser: Optimiser{Rule: "adam", Rate: 0.002}, scope: v.tune, epochs: 3, rng: l.rng})
	if err != nil {
		t.Fatal(err)
	}
	accuracy, err := l.measure(ctx, l.test)
	if err != nil || accuracy < 0.5 || math.Abs(accuracy-validation.accuracy) > 0.25 {
		t.Errorf("accuracy %.3f, %.3f on the validation part: %v", accuracy, validation.accuracy, err)
	}
}
