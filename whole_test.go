package advparams_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// floats declares an array of floats; dimensions are numbers or names.
func floats(name string, dims ...any) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		switch d := d.(type) {
		case int:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}
		case string:
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Shape: shape}}}}
}

// drawn are weights of variance 1/4.
func drawn(rng *rand.Rand, name string, dims ...int64) *onnxpb.TensorProto {
	w := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: dims}
	size := int64(1)
	for _, d := range dims {
		size *= d
	}
	for range size {
		w.FloatData = append(w.FloatData, float32(rng.NormFloat64()/2))
	}
	return w
}

// operator is a node without attributes.
func operator(op, out string, in ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: proto.String(op), Input: in, Output: []string{out}}
}

// beats is a recurrent network of the frames of one signal, [T,F] without an axis of samples. Its
// state is a vector, whose name says nothing of it.
func beats(t *testing.T, rows string) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 1))
	numbers := func(name string, v ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v}
	}
	rnn := operator("RNN", "all", "steps", "w", "r", "b", "", "first")
	rnn.Output = append(rnn.Output, "last")
	rnn.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("hidden_size"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(8)}}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("beats"), Input: []*onnxpb.ValueInfoProto{floats("spectrum", rows, "bands"), floats("before", 8)},
			Output:      []*onnxpb.ValueInfoProto{floats("beat", rows, 1), floats("after", 8)},
			Initializer: []*onnxpb.TensorProto{drawn(rng, "w", 1, 8, 5), drawn(rng, "r", 1, 8, 8), drawn(rng, "b", 1, 16), drawn(rng, "v", 8, 1), numbers("1", 1), numbers("01", 0, 1)},
			Node: []*onnxpb.NodeProto{
				operator("Unsqueeze", "steps", "spectrum", "1"), operator("Unsqueeze", "first", "before", "01"), rnn,
				operator("Squeeze", "rows", "all", "1"), operator("Squeeze", "hidden", "rows", "1"),
				operator("MatMul", "logit", "hidden", "v"), operator("Sigmoid", "beat", "logit"), operator("Squeeze", "after", "last", "01"),
			},
		},
	})
	return m.Path()
}

// signals writes n spectra of 20 frames.
func signals(t *testing.T, seed uint64, n int) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	x := nd.New(nd.Float32, n, 20, 5)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(math.Abs(rng.NormFloat64()))
	}
	return arrays(t, dataset.Named{Name: "spectrum", Array: x})
}

// arrays writes an .npz file.
func arrays(t *testing.T, a ...dataset.Named) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "samples.npz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := dataset.WriteNPZ(f, a); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestWholeSamples: rows of an array with one axis more than the input are what the model takes at
// a time, and a state that recurrent operators begin with is left out of the data.
func TestWholeSamples(t *testing.T) {
	model, dir := beats(t, "frames"), t.TempDir()
	locked, key := filepath.Join(dir, "locked.onnx"), filepath.Join(dir, "key")
	r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: model, Data: advparams.Data{Path: signals(t, 1, 40), Labels: advparams.LabelsOfModel},
		Locked: locked, Key: key, PlainKey: true, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.Task != "outputs" || r.Samples != 40 {
		t.Errorf("task %s with %d samples", r.Task, r.Samples)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
		Original: model, Locked: locked, Key: advparams.KeyFile{Path: key}, Data: advparams.Data{Path: signals(t, 2, 40), Labels: advparams.LabelsOfModel}, Threads: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	if left := *v.Metric.Locked; left > 0.25 {
		t.Errorf("agreement of %.3f is left on other signals", left)
	}
}

// TestWholeSamplesNamed: an axis that is named for samples has one row for each of them.
func TestWholeSamplesNamed(t *testing.T) {
	var e *dataset.ShapeError
	_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
		Model: beats(t, "batch_size"), Data: advparams.Data{Path: signals(t, 1, 40), Labels: advparams.LabelsOfModel},
		Locked: filepath.Join(t.TempDir(), "l.onnx"), Key: filepath.Join(t.TempDir(), "key"), PlainKey: true, Threads: 1,
	})
	if !errors.As(err, &e) || !slices.Equal(e.Shape, []int{40, 20, 5}) {
		t.Errorf("%v", err)
	}
}

// TestVector: a model of one vector without an axis of samples, as policies of robots are, is locked
// without data and with rows of an array, and one of a batch of numbers is not taken for it.
func TestVector(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 1))
	model := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("policy"), Input: []*onnxpb.ValueInfoProto{floats("seen", 12)}, Output: []*onnxpb.ValueInfoProto{floats("action", 4)},
			Initializer: []*onnxpb.TensorProto{drawn(rng, "w", 12, 16), drawn(rng, "b", 16), drawn(rng, "v", 16, 4)},
			Node: []*onnxpb.NodeProto{
				operator("MatMul", "product", "seen", "w"), operator("Add", "sum", "product", "b"), operator("Tanh", "hidden", "sum"), operator("MatMul", "action", "hidden", "v"),
			},
		},
	}).Path()
	x := nd.New(nd.Float32, 64, 12)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
	}
	for _, c := range []struct {
		data  advparams.Data
		wrong bool
	}{
		{advparams.Data{MadeUp: true}, false},
		{advparams.Data{Path: arrays(t, dataset.Named{Name: "seen", Array: x}), Labels: advparams.LabelsOfModel}, false},
		{advparams.Data{Path: arrays(t, dataset.Named{Name: "seen", Array: nd.New(nd.Float32, 64)}), Labels: advparams.LabelsOfModel}, true},
	} {
		dir := t.TempDir()
		_, err := advparams.Protect(t.Context(), advparams.ProtectOptions{
			Model: model, Data: c.data, Task: task.Outputs{}, Locked: filepath.Join(dir, "locked.onnx"), Key: filepath.Join(dir, "key"), PlainKey: true, Threads: 1,
		})
		var e *dataset.ShapeError
		switch {
		case c.wrong && !errors.As(err, &e):
			t.Errorf("numbers: %v", err)
		case !c.wrong && err != nil:
			t.Errorf("made up %v: %v", c.data.MadeUp, err)
		}
	}
}

// TestBytes: a model that gives only bytes is locked by the floats that they are rounded from.
func TestBytes(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 1))
	bytes := floats("pixels", "N", 16)
	bytes.GetType().GetTensorType().ElemType = proto.Int32(int32(onnxpb.TensorProto_UINT8))
	cast := operator("Cast", "pixels", "scaled")
	cast.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(onnxpb.TensorProto_UINT8))}}
	scale := &onnxpb.TensorProto{Name: proto.String("255"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), FloatData: []float32{255}}
	model := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("decoder"), Input: []*onnxpb.ValueInfoProto{floats("code", "N", 6)}, Output: []*onnxpb.ValueInfoProto{bytes},
			Initializer: []*onnxpb.TensorProto{drawn(rng, "w", 6, 12), drawn(rng, "v", 12, 16), scale},
			Node: []*onnxpb.NodeProto{
				operator("MatMul", "product", "code", "w"), operator("Relu", "hidden", "product"), operator("MatMul", "logits", "hidden", "v"),
				operator("Sigmoid", "p", "logits"), operator("Mul", "scaled", "p", "255"), cast,
			},
		},
	}).Path()
	codes := func(n int) advparams.Data {
		x := nd.New(nd.Float32, n, 6)
		for i := range x.Float32s() {
			x.Float32s()[i] = float32(rng.NormFloat64())
		}
		return advparams.Data{Path: arrays(t, dataset.Named{Name: "code", Array: x}), Labels: advparams.LabelsOfModel}
	}
	dir := t.TempDir()
	locked, key := filepath.Join(dir, "locked.onnx"), filepath.Join(dir, "key")
	r, err := advparams.Protect(t.Context(), advparams.ProtectOptions{Model: model, Data: codes(300), Locked: locked, Key: key, PlainKey: true, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: model, Locked: locked, Key: advparams.KeyFile{Path: key}, Data: codes(200), Task: task.Outputs{}, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	if left := *v.Metric.Locked; r.Task != "outputs" || left > 0.25 {
		t.Errorf("task %s: agreement of %.3f is left on other codes", r.Task, left)
	}
}
