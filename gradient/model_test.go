package gradient

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// modelBuilder makes small ONNX files for tests.
type modelBuilder struct {
	graph *onnxpb.GraphProto
	rng   *rand.Rand
	opset int64

	functions []*onnxpb.FunctionProto
}

func newModel() *modelBuilder {
	return &modelBuilder{graph: &onnxpb.GraphProto{Name: proto.String("test")}, rng: rand.New(rand.NewPCG(7, 7)), opset: 17}
}

func (b *modelBuilder) input(name string, shape ...int) *modelBuilder {
	b.graph.Input = append(b.graph.Input, valueInfo(name, shape))
	return b
}

func (b *modelBuilder) output(names ...string) *modelBuilder {
	for _, n := range names {
		b.graph.Output = append(b.graph.Output, valueInfo(n, nil))
	}
	return b
}

func valueInfo(name string, shape []int) *onnxpb.ValueInfoProto {
	t := &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	if shape != nil {
		t.Shape = &onnxpb.TensorShapeProto{}
		for _, d := range shape {
			dim := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}}
			if d < 0 {
				dim.Value = &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}
			}
			t.Shape.Dim = append(t.Shape.Dim, dim)
		}
	}
	return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: t}}}
}

// weight adds a random float initializer.
func (b *modelBuilder) weight(name string, shape ...int) *modelBuilder {
	t := &onnxpb.TensorProto{Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}
	n := 1
	for _, d := range shape {
		t.Dims = append(t.Dims, int64(d))
		n *= d
	}
	for range n {
		t.RawData = binary.LittleEndian.AppendUint32(t.RawData, math.Float32bits(float32(b.rng.NormFloat64())))
	}
	b.graph.Initializer = append(b.graph.Initializer, t)
	return b
}

// ints adds an int64 initializer.
func (b *modelBuilder) ints(name string, v ...int64) *modelBuilder {
	b.graph.Initializer = append(b.graph.Initializer, &onnxpb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Dims: []int64{int64(len(v))}, Int64Data: v,
	})
	return b
}

// node adds a node; attributes are ints or lists of them.
func (b *modelBuilder) node(op string, in, out []string, attrs ...*onnxpb.AttributeProto) *modelBuilder {
	b.graph.Node = append(b.graph.Node, &onnxpb.NodeProto{
		OpType: proto.String(op), Name: proto.String(fmt.Sprintf("%s_%d", op, len(b.graph.Node))), Input: in, Output: out, Attribute: attrs,
	})
	return b
}

func intsAttr(name string, v ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: v}
}

func (b *modelBuilder) proto() *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), Graph: b.graph, Functions: b.functions,
		OpsetImport: imports(b.opset),
	}
}

// imports imports the operators of ONNX, and those that models define themselves.
func imports(opset int64) []*onnxpb.OperatorSetIdProto {
	return []*onnxpb.OperatorSetIdProto{
		{Domain: proto.String(""), Version: proto.Int64(opset)},
		{Domain: proto.String("own"), Version: proto.Int64(1)},
	}
}

// open writes the model to a file and opens it.
func (b *modelBuilder) open(t testing.TB) *onnxio.Model {
	t.Helper()
	return testmodel.Open(t, b.proto())
}

// convNet is a small residual network with a softmax at its end.
func convNet() *modelBuilder {
	return newModel().
		input("x", -1, 2, 6, 6).
		weight("w1", 4, 2, 3, 3).weight("b1", 4).weight("w2", 4, 4, 3, 3).weight("unused", 3).
		weight("fc", 36, 3).weight("fcb", 3).ints("shape", -1, 36).
		node("Conv", []string{"x", "w1", "b1"}, []string{"c1"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Relu", []string{"c1"}, []string{"r1"}).
		node("Conv", []string{"r1", "w2"}, []string{"c2"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Add", []string{"c2", "r1"}, []string{"a"}).
		node("MaxPool", []string{"a"}, []string{"p"}, intsAttr("kernel_shape", 2, 2), intsAttr("strides", 2, 2)).
		node("Reshape", []string{"p", "shape"}, []string{"f"}).
		node("MatMul", []string{"f", "fc"}, []string{"m"}).
		node("Add", []string{"m", "fcb"}, []string{"z"}).
		node("Softmax", []string{"z"}, []string{"y"}).
		output("y")
}

func intAttr(name string, v int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(v)}
}
