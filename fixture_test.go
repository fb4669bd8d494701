package advparams_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// longVariable makes tests run in full that `make test` shortens.
const longVariable = "ADVPARAMS_LONG_TESTS"

// writeDemo writes the embedded model and its data to a folder.
func writeDemo(dir string) error { return models.Install(dir, false) }

// demo returns the paths of the embedded model and of its data.
func demo(t *testing.T) (model, data string) {
	t.Helper()
	dir := t.TempDir()
	if err := writeDemo(dir); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, models.ModelFile), filepath.Join(dir, models.DataFolder)
}

// letters is the size of the alphabet of the text model. Each letter is followed by
// another one in nine cases of ten.
const letters = 8

func follows(letter int) int { return (3*letter + 1) % letters }

// writeTextModel writes a model that predicts each next letter from the one before:
// integers [N,T] to logits [N,T,letters].
func writeTextModel(path string) error {
	rng := rand.New(rand.NewPCG(7, 0))
	matrix := func(name string, column func(row int) int) *onnxpb.TensorProto {
		data := make([]float32, letters*letters)
		for i := range data {
			data[i] = noise(rng)
			if column(i/letters) == i%letters {
				data[i] += 2
			}
		}
		return tensor(name, data, letters, letters)
	}
	same := func(letter int) int { return letter }
	bias := make([]float32, letters)
	for i := range bias {
		bias[i] = float32(i%2) - 0.5 + noise(rng)
	}
	return writeModel(path, &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("text", onnxpb.TensorProto_INT64, 0, 0)},
		Output: []*onnxpb.ValueInfoProto{value("next", onnxpb.TensorProto_FLOAT, 0, 0, letters)},
		Node: []*onnxpb.NodeProto{
			node("Gather", "x", "table", "text"), node("MatMul", "mixed", "x", "mix"),
			node("Add", "hidden", "mixed", "bias"), node("Relu", "active", "hidden"),
			node("MatMul", "next", "active", "head"),
		},
		Initializer: []*onnxpb.TensorProto{
			matrix("table", same), matrix("mix", same), tensor("bias", bias, letters), matrix("head", follows),
		},
	})
}

// texts returns n texts of 12 letters, without labels.
func texts(n int) (*dataset.Set, error) {
	const length = 12
	rng := rand.New(rand.NewPCG(9, 0))
	text, letter := nd.New(nd.Int64, n, length), 0
	for i := range text.Int64s() {
		if letter = follows(letter); i%length == 0 || rng.IntN(10) == 0 {
			letter = rng.IntN(letters)
		}
		text.Int64s()[i] = int64(letter)
	}
	return dataset.FromArrays(map[string]nd.Array{"text": text}, "texts")
}

// features is the number of inputs of the regression.
const features = 6

// writeRegression writes a model of a number: [N,features] to [N,1], the sum of all
// features through a hidden layer.
func writeRegression(path string) error {
	rng := rand.New(rand.NewPCG(5, 0))
	w, sum := make([]float32, features*features), make([]float32, features)
	for i := range w {
		w[i] = noise(rng)
		if i/features == i%features {
			w[i]++
		}
	}
	for i := range sum {
		sum[i] = 1 + noise(rng)
	}
	return writeModel(path, &onnxpb.GraphProto{
		Input:  []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, features)},
		Output: []*onnxpb.ValueInfoProto{value("y", onnxpb.TensorProto_FLOAT, 0, 1)},
		Node: []*onnxpb.NodeProto{
			node("Gemm", "hidden", "x", "w1", "b1"), node("Relu", "active", "hidden"), node("Gemm", "y", "active", "w2", "b2"),
		},
		Initializer: []*onnxpb.TensorProto{
			tensor("w1", w, features, features), tensor("b1", make([]float32, features), features),
			tensor("w2", sum, features, 1), tensor("b2", []float32{0.1}, 1),
		},
	})
}

// measurements returns n samples of features with their sums as labels.
func measurements(n int) (*dataset.Set, error) {
	rng := rand.New(rand.NewPCG(3, 0))
	x, sums := nd.New(nd.Float32, n, features), nd.New(nd.Float32, n)
	for i := range x.Float32s() {
		v := rng.Float32()
		x.Float32s()[i] = v
		sums.Float32s()[i/features] += v
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "measurements")
	if err != nil {
		return nil, err
	}
	return set.WithTruth(sums), nil
}

func noise(rng *rand.Rand) float32 { return (rng.Float32() - 0.5) / 10 }

func node(op, output string, inputs ...string) *onnxpb.NodeProto {
	return &onnxpb.NodeProto{OpType: proto.String(op), Input: inputs, Output: []string{output}}
}

// value is an input or output. A dimension of 0 is open.
func value(name string, t onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
	shape := &onnxpb.TensorShapeProto{}
	for _, d := range dims {
		dim := &onnxpb.TensorShapeProto_Dimension{}
		if d > 0 {
			dim.Value = &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}
		}
		shape.Dim = append(shape.Dim, dim)
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(t)), Shape: shape},
	}}}
}

func tensor(name string, values []float32, dims ...int64) *onnxpb.TensorProto {
	data, err := binary.Append(nil, binary.LittleEndian, values)
	if err != nil {
		panic(err)
	}
	return &onnxpb.TensorProto{Name: proto.String(name), Dims: dims, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), RawData: data}
}

func writeModel(path string, g *onnxpb.GraphProto) error {
	g.Name = proto.String("test")
	data, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}, {Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(3)}}, Graph: g,
	})
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o666)
}
