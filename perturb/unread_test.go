package perturb

import (
	"errors"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestUnread leaves out weights that nothing reads, or that reach no output.
func TestUnread(t *testing.T) {
	weight := func(name string, dims ...int64) *onnxpb.TensorProto {
		init := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: dims}
		for i := range nd.Size([]int{int(dims[0]), int(dims[1])}) {
			init.FloatData = append(init.FloatData, float32((i*7919)%13-6)/8)
		}
		return init
	}
	matMul := func(out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: proto.String("MatMul"), Input: in, Output: []string{out}}
	}
	value := func(name string, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: shape}}}}
	}
	m := testmodel.Open(t, &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("g"), Input: []*onnxpb.ValueInfoProto{value("x", 1, 5)}, Output: []*onnxpb.ValueInfoProto{value("y", 1, 3)},
			Node: []*onnxpb.NodeProto{matMul("h", "x", "first"), matMul("y", "h", "last"), matMul("nowhere", "h", "dead")},
			Initializer: []*onnxpb.TensorProto{
				weight("first", 5, 7), weight("last", 7, 3), weight("dead", 7, 11), weight("unread", 5, 7),
			},
		},
	})
	if got := unread(m); !slices.Equal(got, []string{"dead", "unread"}) {
		t.Errorf("unread are %q", got)
	}
	samples := ownAnswers{x: nd.New(nd.Float32, 200, 1, 5)}
	for i := range 200 {
		samples.labels = append(samples.labels, i%3)
	}
	allow := func(name string) bool { return name == "dead" || name == "unread" }
	if _, err := newSearch(m, samples, Options{Allow: allow}); !errors.As(err, new(*NoCandidatesError)) {
		t.Errorf("a search among them: %v", err)
	}
	s, err := newSearch(m, samples, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dead", "unread"} {
		if _, ok := s.bounds[name]; ok {
			t.Errorf("%s is a candidate", name)
		}
	}
	if len(s.bounds) != 2 {
		t.Errorf("%d tensors are candidates, want 2", len(s.bounds))
	}
}
