package main

import (
	"fmt"
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// heads is a classifier whose first output is not the answers.
func heads() *onnxpb.ModelProto {
	m := classifier(1)
	m.Graph.Node = append(m.Graph.Node, node("Reshape", "features", "active", "square"))
	m.Graph.Initializer = append(m.Graph.Initializer, integers("square", 0, classes, perClass))
	m.Graph.Output = append([]*onnxpb.ValueInfoProto{tensorValue("features", 0, classes, perClass)}, m.Graph.Output...)
	return m
}

const (
	vocabulary = 24 // token t stands for class t % classes
	embedding  = 8
)

// tokenClassifier is a transformer of one layer with one head. It takes token
// ids and a mask, integers [N,T] both, and gives the layer's output [N,T,D] and
// the answers [N,classes]: which class most of the tokens that count stand for.
func tokenClassifier() *onnxpb.ModelProto {
	rng := rand.New(rand.NewPCG(5, 0))
	matrix := func(name string, rows, columns int, value func(i, j int) float32) *onnxpb.TensorProto {
		data := make([]float32, rows*columns)
		for k := range data {
			data[k] = value(k/columns, k%columns) + float32(rng.Float64()-0.5)/10
		}
		return raw(name, data, int64(rows), int64(columns))
	}
	same := func(scale float32) func(i, j int) float32 {
		return func(i, j int) float32 {
			if i%classes == j%classes {
				return scale
			}
			return 0
		}
	}
	input := func(name string, t onnxpb.TensorProto_DataType) *onnxpb.ValueInfoProto {
		v := tensorValue(name, 0, 0)
		v.Type.GetTensorType().ElemType = proto.Int32(int32(t))
		return v
	}
	integer := func(name string, v int64) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(v)}
	}
	with := func(n *onnxpb.NodeProto, a ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
		n.Attribute = a
		return n
	}
	swap := &onnxpb.AttributeProto{Name: proto.String("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{0, 2, 1}}
	float := int64(onnxpb.TensorProto_FLOAT)
	return &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), ProducerName: proto.String("fixture"),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name:   proto.String("tokens"),
			Input:  []*onnxpb.ValueInfoProto{input("ids", onnxpb.TensorProto_INT64), input("mask", onnxpb.TensorProto_INT32)},
			Output: []*onnxpb.ValueInfoProto{tensorValue("states", 0, 0, embedding), tensorValue("answers", 0, classes)},
			Node: []*onnxpb.NodeProto{
				node("Gather", "x", "table", "ids"),
				with(node("Cast", "counts", "mask"), integer("to", float)),
				node("Sub", "hidden", "one", "counts"),
				node("Mul", "penalty", "hidden", "minus"),
				node("Unsqueeze", "bias", "penalty", "axis1"),
				node("MatMul", "q", "x", "query"),
				node("MatMul", "k", "x", "key"),
				node("MatMul", "v", "x", "value"),
				with(node("Transpose", "kt", "k"), swap),
				node("MatMul", "scores", "q", "kt"),
				node("Add", "masked", "scores", "bias"),
				with(node("Softmax", "attention", "masked"), integer("axis", -1)),
				node("MatMul", "mixed", "attention", "v"),
				node("Add", "states", "x", "mixed"),
				node("Unsqueeze", "column", "counts", "axis2"),
				node("Mul", "kept", "states", "column"),
				with(node("ReduceSum", "sum", "kept", "axis1"), integer("keepdims", 0)),
				with(node("ReduceSum", "length", "counts", "axis1"), integer("keepdims", 1)),
				node("Div", "mean", "sum", "length"),
				node("Gemm", "answers", "mean", "head", "offset"),
			},
			Initializer: []*onnxpb.TensorProto{
				matrix("table", vocabulary, embedding, same(1)), matrix("query", embedding, embedding, same(0.5)),
				matrix("key", embedding, embedding, same(0.5)), matrix("value", embedding, embedding, same(0.5)),
				matrix("head", embedding, classes, same(2)), raw("offset", []float32{0.1, 0, -0.1, 0.05}, classes),
				raw("one", []float32{1}), raw("minus", []float32{-1e4}), integers("axis1", 1), integers("axis2", 2),
			},
		},
	}
}

func integers(name string, values ...int64) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{
		Name: proto.String(name), Dims: []int64{int64(len(values))},
		DataType: proto.Int32(int32(onnxpb.TensorProto_INT64)), Int64Data: values,
	}
}

// writeTokens writes n sequences of 5 to 9 tokens, the number depending on n, the
// last of which may be masked: these stand for another class.
func writeTokens(path string, n int) error {
	rng := rand.New(rand.NewPCG(uint64(n), 3))
	length := 5 + n%5
	ids, mask, labels := nd.New(nd.Int64, n, length), nd.New(nd.Int64, n, length), nd.New(nd.Int64, n)
	for i := range n {
		label := rng.IntN(classes)
		labels.Int64s()[i] = int64(label)
		counted := 3 + rng.IntN(length-2)
		for j := range length {
			class := label
			if j >= counted || j > 2 && rng.IntN(4) == 0 {
				class = (label + 1 + rng.IntN(classes-1)) % classes
			}
			ids.Int64s()[i*length+j] = int64(class + classes*rng.IntN(vocabulary/classes))
			if j < counted {
				mask.Int64s()[i*length+j] = 1
			}
		}
	}
	return writeNPZ(path, dataset.Named{Name: "ids", Array: ids}, dataset.Named{Name: "mask", Array: mask}, dataset.Named{Name: "labels", Array: labels})
}

// unknownHead adds an output that nothing can compute.
func unknownHead(m *onnxpb.ModelProto) *onnxpb.ModelProto {
	odd := node("Frobnicate", "odd", "hidden")
	odd.Name = proto.String(fmt.Sprintf("the mystery of %s", m.Graph.GetName()))
	m.Graph.Node = append(m.Graph.Node, odd)
	m.Graph.Output = append(m.Graph.Output, tensorValue("odd", 0))
	return m
}
