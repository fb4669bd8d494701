package task

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func TestGuess(t *testing.T) {
	none := nd.Array{}
	ids := nd.Of([]int64{0, 1, 2, 1}, 4)
	bits := nd.Of([]int64{0, 1, 1, 0}, 4)
	numbers := nd.Of([]float32{0.5, 1, 2, 3}, 4)
	matrix := nd.Of([]int64{1, 1, 0, 0}, 2, 2)
	oneHot := nd.Of([]int64{1, 0, 0, 1}, 2, 2)
	for _, c := range []struct {
		name    string
		look    Outlook
		labels  nd.Array
		byModel bool
		want    string
	}{
		{"classes", Outlook{Shape: []int{-1, 10}}, ids, false, "classification"},
		{"no labels", Outlook{Shape: []int{-1, 10}}, none, false, "classification"}, // for which they are missing
		{"own answers", Outlook{Shape: []int{-1, 10}, Kind: KindLinear, Axis: 1}, none, true, "classification"},
		{"own answers of which the graph says nothing", Outlook{Shape: []int{-1, 10}}, none, true, "outputs"},
		{"events at each step", Outlook{Shape: []int{-1, 5, 2}, LastOp: "Sigmoid", Kind: KindLinear, Axis: 2}, nd.New(nd.Int64, 2, 5, 2), false, "multi-label"},
		{"texts", Outlook{Shape: []int{-1, 20, 7}, Kind: KindChoice, Axis: 2}, nd.New(nd.Int64, 2, 6), false, "ctc"},
		{"texts, classes first", Outlook{Shape: []int{-1, 7, 20}, Kind: KindLinear, Axis: 1}, nd.New(nd.Int64, 2, 6), false, "ctc"},
		{"a class for each step", Outlook{Shape: []int{-1, 20, 7}, Kind: KindChoice, Axis: 2}, nd.New(nd.Int64, 2, 20), false, "segmentation"},
		{"steps, samples on axis 1, own answers", Outlook{Shape: []int{-1, 20, 7}, Kind: KindLinear, Axis: 2, batchSecond: true}, none, true, "ctc"},
		{"tags", Outlook{Shape: []int{-1, -1, 9}, Kind: KindLinear, Axis: 2, Tokens: true, Vocabulary: 100}, nd.New(nd.Int64, 2, 4), false, "tagging"},
		{"tags, own answers", Outlook{Shape: []int{-1, -1, 9}, Kind: KindLinear, Axis: 2, Tokens: true, Vocabulary: 100}, none, true, "tagging"},
		{"masked tokens", Outlook{Shape: []int{-1, -1, 100}, Kind: KindLinear, Axis: 2, Tokens: true, Vocabulary: 100}, nd.New(nd.Int64, 2, 4), false, "language"},
		{"images from images", Outlook{Shape: []int{-1, 3, 8, 8}}, nd.Of(slices.Repeat([]float32{.5}, 192), 1, 3, 8, 8), false, "image"},
		{"bytes of images", Outlook{Shape: []int{-1, 3, 8, 8}}, nd.New(nd.Int64, 1, 3, 8, 8), false, "image"},
		{"signals", Outlook{Shape: []int{-1, 1, 64}, Kind: KindLinear, Axis: 1, Why: "Conv"}, nd.Of(slices.Repeat([]float32{.5}, 64), 1, 1, 64), false, "image"},
		{"signals, own answers", Outlook{Shape: []int{-1, 1, 64}, Kind: KindLinear, Axis: 1, Why: "ConvTranspose"}, none, true, "image"},
		{"axes of 1", Outlook{Shape: []int{-1, 10, 1, 1}}, ids, false, "classification"},
		{"nothing declared", Outlook{}, ids, false, "classification"},
		{"one-hot", Outlook{Shape: []int{-1, 2}}, oneHot, false, "classification"}, // refused there, with a hint
		{"matrix of bits", Outlook{Shape: []int{-1, 2}}, matrix, false, "multi-label"},
		{"one-hot, sigmoids", Outlook{Shape: []int{-1, 2}, LastOp: "Sigmoid"}, oneHot, false, "multi-label"},
		{"sigmoids, own answers", Outlook{Shape: []int{-1, 2}, LastOp: "Sigmoid"}, none, true, "outputs"},
		{"several numbers", Outlook{Shape: []int{-1, 2}}, nd.Of([]float32{0.5, 1}, 1, 2), false, "regression"},
		{"numbers", Outlook{Shape: []int{-1, 1}}, numbers, false, "regression"},
		{"whole numbers", Outlook{Shape: []int{-1}}, ids, false, "regression"},
		{"bits", Outlook{Shape: []int{-1, 1}}, bits, false, "binary"},
		{"sigmoid", Outlook{Shape: []int{-1, 1}, LastOp: "Sigmoid"}, none, true, "outputs"},
		{"one number, own answers", Outlook{Shape: []int{-1, 1}}, none, true, "outputs"},
		{"one number, no labels", Outlook{Shape: []int{-1, 1}}, none, false, "outputs"},
		{"one text", Outlook{Shape: []int{-1}}, nd.Of([]bool{true}, 1), false, "binary"},
		{"an embedding", Outlook{Shape: []int{-1, 384}, Kind: KindFeatures, Axis: 1}, none, true, "embedding"},
		{"an embedding of labelled samples", Outlook{Shape: []int{-1, 384}, Kind: KindFeatures, Axis: 1}, nd.Of([]int64{0, 1, 1}, 3), false, "embedding"},
		{"features of tokens", Outlook{Shape: []int{-1, -1, 384}, Kind: KindFeatures, Axis: 2, Tokens: true}, none, true, "outputs"},
		{"features of tokens of which the graph says nothing", Outlook{Shape: []int{-1, 24, 256}, Tokens: true, Vocabulary: 160}, none, true, "outputs"},
		{"tokens of which the graph says nothing", Outlook{Shape: []int{-1, 24, 160}, Tokens: true, Vocabulary: 160}, none, true, "language"},
		{"masks of a Sigmoid, clipped", Outlook{Shape: []int{-1, 24, 513}, Kind: KindLinear, Axis: 2, LastOp: "Clip", marking: true}, none, true, "outputs"},
		{"fewer steps' classes than a text has", Outlook{Shape: []int{-1, 20, 4}, Kind: KindLinear, Axis: 2, batchSecond: true}, none, true, "segmentation"},
		{"tokens", Outlook{Shape: []int{-1, -1, 50}, Tokens: true}, none, false, "language"},
		{"planes", Outlook{Shape: []int{-1, 4, -1, -1}}, nd.New(nd.Int64, 2, 3, 3), false, "segmentation"},
		{"planes, own answers", Outlook{Shape: []int{-1, 4, 8, 8}, Kind: KindLinear, Axis: 1}, none, true, "segmentation"},
		{"an image, own answers", Outlook{Shape: []int{-1, 3, 8, 8}, Kind: KindLinear, Axis: 1}, none, true, "image"},
		{"three classes, own answers", Outlook{Shape: []int{-1, 3, 8, 8}, Kind: KindChoice, Axis: 1}, none, true, "segmentation"},
		{"boxes and scores, own answers", Outlook{Shape: []int{-1, 84, 8400}}, none, true, "outputs"},
		{"boxes behind a suppression, own answers", Outlook{Shape: []int{-1, 12, 7}, suppressed: true}, none, true, "detection"},
		{"planes of numbers", Outlook{Shape: []int{-1, 1, 8, 8}}, nd.Of([]float32{.5, .2}, 1, 1, 1, 2), false, "regression"},
		{"planes without labels", Outlook{Shape: []int{-1, 4, 8, 8}}, none, false, "outputs"},
		{"labels that fit nothing", Outlook{Shape: []int{-1}}, nd.Of([]int64{0, 1, 2, 3}, 2, 2), false, "regression"},
	} {
		got, _, err := Guess(c.look, c.labels, c.byModel)
		switch {
		case c.want == "" && err == nil:
			t.Errorf("%s: %s, not an error", c.name, got.Name())
		case c.want != "" && (err != nil || got.Name() != c.want):
			t.Errorf("%s: %v, %v, want %s", c.name, got, err, c.want)
		}
	}
}

func TestLook(t *testing.T) {
	value := func(name string, kind onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}}
			if d == 0 {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}
			}
			shape.Dim = append(shape.Dim, dim)
		}
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(kind)), Shape: shape},
		}}}
	}
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("two heads"),
			Input:  []*onnxpb.ValueInfoProto{value("ids", onnxpb.TensorProto_INT64, 0, 7)},
			Output: []*onnxpb.ValueInfoProto{value("a", onnxpb.TensorProto_FLOAT, 0, 7, 3), value("b", onnxpb.TensorProto_FLOAT, 0, 1)},
			Node:   []*onnxpb.NodeProto{node("Cast", "x", "ids"), node("Sigmoid", "s", "x"), node("Unsqueeze", "b", "s"), node("MatMul", "a", "x", "x")},
		},
	})
	for output, want := range map[string]Outlook{
		"":  {Shape: []int{-1, 7, 3}, LastOp: "MatMul", Tokens: true},
		"b": {Shape: []int{-1, 1}, LastOp: "Sigmoid", Tokens: true},
	} {
		got, err := Look(m, output)
		if err != nil || !slices.Equal(got.Shape, want.Shape) || got.LastOp != want.LastOp || got.Tokens != want.Tokens {
			t.Errorf("output %q: %+v, %v, want %+v", output, got, err, want)
		}
	}
}

// TestFloats: integers and states that are carried along are no outputs to compare.
func TestFloats(t *testing.T) {
	ids := protoValue("label", 0)
	ids.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_INT64))
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("detector"),
			Input:  []*onnxpb.ValueInfoProto{protoValue("x", 0, 3), protoValue("state", 0, 3)},
			Output: []*onnxpb.ValueInfoProto{ids, protoValue("speech", 0, 3), protoValue("stateN", 0, 3), protoValue("total"), protoValue("music", 0, 3)},
			Node: []*onnxpb.NodeProto{
				protoNode("Softmax", "speech", nil, "x"), protoNode("Relu", "stateN", nil, "state"), protoNode("Exp", "music", nil, "x"),
				protoNode("ArgMax", "label", map[string][]int64{"axis": {1}}, "x"), protoNode("ReduceSum", "total", nil, "x"),
			},
		},
	})
	got, err := Look(m, "")
	if err != nil || got.Output != "speech" || !slices.Equal(got.Floats, []string{"speech", "music"}) {
		t.Errorf("output %q, floats %q, %v", got.Output, got.Floats, err)
	}
	if got := got.Outputs(Outputs{}); !slices.Equal(got, []string{"speech", "music"}) {
		t.Errorf("the task outputs looks at %q", got)
	}
	if got := got.Outputs(Classification{}); !slices.Equal(got, []string{"speech"}) {
		t.Errorf("classification looks at %q", got)
	}
}

// TestGiven: an output that no weight has a part in is none to lock, also if it comes first.
func TestGiven(t *testing.T) {
	w := &onnxpb.TensorProto{Name: proto.String("w"), DataType: proto.Int32(1), Dims: []int64{3, 4}}
	for i := range 12 {
		w.FloatData = append(w.FloatData, float32(i*i))
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("echo"), Initializer: []*onnxpb.TensorProto{w},
			Input:  []*onnxpb.ValueInfoProto{protoValue("x", 0, 3)},
			Output: []*onnxpb.ValueInfoProto{protoValue("x", 0, 3), protoValue("twice", 0, 3), protoValue("y", 0, 4)},
			Node:   []*onnxpb.NodeProto{protoNode("Add", "twice", nil, "x", "x"), protoNode("MatMul", "y", nil, "x", "w")},
		},
	})
	if got, err := Look(m, ""); err != nil || got.Output != "y" || !slices.Equal(got.Floats, []string{"y"}) {
		t.Errorf("output %q, floats %q, %v", got.Output, got.Floats, err)
	}
	if got, err := Look(m, "twice"); err != nil || got.Output != "twice" {
		t.Errorf("output %q, %v", got.Output, err)
	}
}

// TestMask: answers count where there is a next token.
func TestMask(t *testing.T) {
	inputs := map[string]nd.Array{
		"input_ids":      nd.Of([]int64{5, 6, 7, 8, 9, 0}, 2, 3),
		"attention_mask": nd.Of([]int64{1, 1, 1, 1, 1, 0}, 2, 3),
	}
	answers := nd.Of([]int64{1, 2, 3, 4, 5, 6}, 2, 3)
	mask(answers, inputs)
	if want := []int64{1, 2, -1, 4, -1, -1}; !slices.Equal(answers.Int64s(), want) {
		t.Errorf("%v, want %v", answers.Int64s(), want)
	}
	other := nd.Of([]int64{1, 2}, 2)
	if mask(other, inputs); !slices.Equal(other.Int64s(), []int64{1, 2}) {
		t.Errorf("answers of another shape became %v", other.Int64s())
	}
}

func TestNextTokens(t *testing.T) {
	ids := nd.Of([]int64{5, 6, 7, 8, 9, 0}, 2, 3)
	mask := nd.Of([]int64{1, 1, 1, 1, 1, 0}, 2, 3)
	got, err := NextTokens(map[string]nd.Array{"input_ids": ids, "attention_mask": mask})
	if err != nil || !slices.Equal(got.Int64s(), []int64{6, 7, -1, 9, -1, -1}) {
		t.Errorf("%v, %v", got, err)
	}
	got, err = NextTokens(map[string]nd.Array{"text": ids})
	if err != nil || !slices.Equal(got.Int64s(), []int64{6, 7, -1, 9, 0, -1}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := NextTokens(map[string]nd.Array{"left": ids, "right": ids}); err == nil {
		t.Error("two inputs of tokens are no error")
	}
	if _, err := NextTokens(map[string]nd.Array{"x": nd.New(nd.Float32, 2, 3)}); err == nil {
		t.Error("no input of tokens is no error")
	}
}

func TestByName(t *testing.T) {
	for _, name := range Names() {
		if kind, err := ByName(name); err != nil || kind.Name() != name {
			t.Errorf("%s: %v, %v", name, kind, err)
		}
	}
	if _, err := ByName("poetry"); err == nil {
		t.Error("poetry is a task")
	}
}

func TestSizes(t *testing.T) {
	look := Outlook{Shape: []int{-1, 64, 50257}}
	tokens := nd.New(nd.Int64, 1, 64)
	if got := Batch(look, tokens, 256); got < 1 || got > 8 {
		t.Errorf("a batch of %d samples with 64 × 50,257 logits each", got)
	}
	if got := Batch(Outlook{Shape: []int{-1, 1000}}, nd.New(nd.Int64, 1), 256); got != 256 {
		t.Errorf("a classifier's batch is %d", got)
	}
	if got := Calibration(Classification{}, Outlook{Shape: []int{-1, 10}}, nd.New(nd.Int64, 1)); got != 256 {
		t.Errorf("%d samples to take a classifier's gradient on", got)
	}
	if got := Calibration(Segmentation{}, Outlook{Shape: []int{-1, 4, 64, 64}}, nd.New(nd.Int64, 1, 64, 64)); got != 16 {
		t.Errorf("%d images of 4,096 positions to take a gradient on", got)
	}
}

// TestZipMap: names of classes with their numbers, as scikit-learn's exporter writes them unless
// asked not to, are the scores of a classifier.
func TestZipMap(t *testing.T) {
	label := protoValue("label", 0)
	label.Type.GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_STRING))
	named := &onnxpb.ValueInfoProto{Name: proto.String("named"), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{
		SequenceType: &onnxpb.TypeProto_Sequence{ElemType: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_MapType{
			MapType: &onnxpb.TypeProto_Map{KeyType: proto.Int32(int32(onnxpb.TensorProto_STRING)), ValueType: protoValue("", 1).Type},
		}}},
	}}}
	zip := protoNode("ZipMap", "named", nil, "probabilities")
	zip.Domain = proto.String("ai.onnx.ml")
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}, {Domain: zip.Domain, Version: proto.Int64(1)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("perceptron"),
			Input:  []*onnxpb.ValueInfoProto{protoValue("x", 0, 3)},
			Output: []*onnxpb.ValueInfoProto{label, named},
			Node:   []*onnxpb.NodeProto{protoNode("Softmax", "probabilities", nil, "x"), zip, protoNode("ArgMax", "label", nil, "x")},
		},
	})
	got, err := Look(m, "")
	if err != nil || got.Output != "named" || !slices.Equal(got.Floats, []string{"named"}) || got.LastOp != "Softmax" || got.Kind != KindChoice {
		t.Errorf("output %q, floats %q, behind %s, %v, %v", got.Output, got.Floats, got.LastOp, got.Kind, err)
	}
}
