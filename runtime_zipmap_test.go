package advparams_test

import (
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestZipMapRuntime: names of classes with their numbers are scores, here and in onnxruntime,
// where they come in the order of the names.
func TestZipMapRuntime(t *testing.T) {
	python := pythonWithRuntime(t)
	t.Chdir(t.TempDir())
	labels := map[string]*onnxpb.AttributeProto{
		"numbers": {Name: proto.String("classlabels_int64s"), Ints: []int64{30, 7, 100}, Type: onnxpb.AttributeProto_INTS.Enum()},
		"names":   {Name: proto.String("classlabels_strings"), Strings: [][]byte{[]byte("two"), []byte("three"), []byte("one")}, Type: onnxpb.AttributeProto_STRINGS.Enum()},
	}
	rng := rand.New(rand.NewPCG(1, 0))
	x, classes := nd.New(nd.Float32, 60, 3), make([]int, 60)
	for i := range x.Float32s() {
		x.Float32s()[i] = noise(rng)
	}
	for i := range classes {
		classes[i] = i % 3
		x.Float32s()[3*i+i%3]++
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "points")
	if err != nil {
		t.Fatal(err)
	}
	for name, names := range labels {
		key := onnxpb.TensorProto_STRING
		if names.Ints != nil {
			key = onnxpb.TensorProto_INT64
		}
		zip := node("ZipMap", "named", "probabilities")
		zip.Domain, zip.Attribute = proto.String("ai.onnx.ml"), []*onnxpb.AttributeProto{names}
		err := writeModel("model.onnx", &onnxpb.GraphProto{
			Input: []*onnxpb.ValueInfoProto{value("x", onnxpb.TensorProto_FLOAT, 0, 3)},
			Output: []*onnxpb.ValueInfoProto{value("size", onnxpb.TensorProto_INT64, 2), {Name: proto.String("named"), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_SequenceType{
				SequenceType: &onnxpb.TypeProto_Sequence{ElemType: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_MapType{
					MapType: &onnxpb.TypeProto_Map{KeyType: proto.Int32(int32(key)), ValueType: value("", onnxpb.TensorProto_FLOAT).Type},
				}}},
			}}}},
			Node: []*onnxpb.NodeProto{
				node("MatMul", "scores", "x", "w"), node("Softmax", "probabilities", "scores"), zip,
				node("Shape", "size", "x"),
			},
			Initializer: []*onnxpb.TensorProto{tensor("w", []float32{5, 0.3, -0.4, 0.5, 6, 0.1, -0.2, 0.7, 4}, 3, 3)},
		})
		if err != nil {
			t.Fatal(err)
		}
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{
			Original: "model.onnx", Locked: "model.onnx", Data: advparams.Data{Samples: set.WithLabels(classes)},
			Runtime: advparams.OnnxRuntime, Python: python,
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got := v.Runtime.Metrics[0]; got.Locked != 1 || *v.Metrics[0].Locked != 1 {
			t.Errorf("%s: %s is %v in onnxruntime, %v here", name, got.Name, got.Locked, *v.Metrics[0].Locked)
		}
	}
}
