package onnxio

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// The files of these tests are put together field by field, because marshalling
// could not write the odd encodings that real files have.

const (
	float32Type  = onnxpb.TensorProto_FLOAT
	float64Type  = onnxpb.TensorProto_DOUBLE
	float16Type  = onnxpb.TensorProto_FLOAT16
	bfloat16Type = onnxpb.TensorProto_BFLOAT16
	int8Type     = onnxpb.TensorProto_INT8
	uint8Type    = onnxpb.TensorProto_UINT8
	int64Type    = onnxpb.TensorProto_INT64
)

// Field numbers outside TensorProto.
const (
	modelIR           = 1
	modelDoc          = 6
	modelGraph        = 7
	graphNode         = 1
	graphInitializer  = 5
	graphSparse       = 15
	nodeAttribute     = 5
	nodeMetadata      = 9
	attributeT        = 5
	attributeG        = 6
	attributeType     = 20
	nodeOpType        = 4
	unknownField      = 1999
	tensorMetadata    = 16
	entryKey          = 1
	entryValueNumber  = 2
	trainingInfo      = 20
	functionsField    = 25
	functionNode      = 7
	graphName         = 2
	graphInput        = 11
	graphOutput       = 12
	nodeInput         = 1
	nodeOutput        = 2
	nodeName          = 3
	nodeDomain        = 7
	attributeF        = 2
	attributeI        = 3
	attributeRef      = 21
	functionDef       = 25
	importedOpset     = 8
	trainingAlgorithm = 2
)

// cat joins byte strings.
func cat(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// field is a length-delimited field.
func field(num protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, num, protowire.BytesType), content)
}

func text(num protowire.Number, s string) []byte { return field(num, []byte(s)) }

func varint(num protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(nil, num, protowire.VarintType), v)
}

// loose is field with a length prefix that is two bytes longer than it need be.
func loose(num protowire.Number, content []byte) []byte {
	b := protowire.AppendTag(nil, num, protowire.BytesType)
	prefix := protowire.AppendVarint(nil, uint64(len(content)))
	prefix[len(prefix)-1] |= 0x80
	return cat(b, prefix, []byte{0x80, 0}, content)
}

// tensor is a TensorProto; storage is the fields that hold its elements.
func tensor(name string, dt onnxpb.TensorProto_DataType, dims []int, storage ...[]byte) []byte {
	var b []byte
	for _, d := range dims {
		b = append(b, varint(tensorDims, uint64(d))...)
	}
	b = append(b, varint(tensorDataType, uint64(dt))...)
	b = append(b, cat(storage...)...)
	return append(b, text(tensorName, name)...)
}

func shape(dims ...int) []int { return dims }

func raw(b []byte) []byte { return field(tensorRawData, b) }

// floats are the little-endian bytes of float32 values.
func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// counting are n floats: 0, 0.5, 1 …
func counting(n int) []float32 {
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(i) / 2
	}
	return values
}

// unpackedFloats are float_data elements with a tag each.
func unpackedFloats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendTag(b, tensorFloatData, protowire.Fixed32Type)
		b = protowire.AppendFixed32(b, math.Float32bits(v))
	}
	return b
}

func packedVarints(num protowire.Number, values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = protowire.AppendVarint(b, uint64(v))
	}
	return field(num, b)
}

func unpackedVarints(num protowire.Number, values ...int64) []byte {
	var b []byte
	for _, v := range values {
		b = append(b, varint(num, uint64(v))...)
	}
	return b
}

func entry(key, value string) []byte {
	return cat(text(entryKey, key), text(entryValueNumber, value))
}

// externalAt refers to length bytes at offset of another file.
func externalAt(location string, offset, length int) []byte {
	return externalData("location", location, "offset", strconv.Itoa(offset), "length", strconv.Itoa(length))
}

// externalData is external_data with these keys and values.
func externalData(keyValues ...string) []byte {
	var b []byte
	for i := 0; i < len(keyValues); i += 2 {
		b = append(b, field(tensorExternalData, entry(keyValues[i], keyValues[i+1]))...)
	}
	return append(b, varint(tensorDataLocation, 1)...)
}

// node is a NodeProto with one attribute, whose value is a field of AttributeProto,
// and one output.
func node(op string, value []byte) []byte {
	return cat(text(nodeOutput, "out of "+op), text(nodeOpType, op), field(nodeAttribute, attribute("value", value)))
}

// attribute is an AttributeProto with the type that its value has.
func attribute(name string, value []byte) []byte {
	num, _, _ := protowire.ConsumeTag(value)
	types := map[protowire.Number]onnxpb.AttributeProto_AttributeType{
		attributeT: onnxpb.AttributeProto_TENSOR, attributeG: onnxpb.AttributeProto_GRAPH, 8: onnxpb.AttributeProto_INTS,
		10: onnxpb.AttributeProto_TENSORS, 11: onnxpb.AttributeProto_GRAPHS, 23: onnxpb.AttributeProto_SPARSE_TENSORS,
	}
	return cat(text(1, name), value, varint(attributeType, uint64(types[num])))
}

// model is a ModelProto whose graph has these initializers, between fields that
// readers do not know.
func model(tensors ...[]byte) []byte {
	graph := cat(text(unknownField, "before"), field(graphNode, text(nodeOpType, "Relu")))
	for _, t := range tensors {
		graph = append(graph, field(graphInitializer, t)...)
	}
	return modelOf(append(graph, text(unknownField, "after")...))
}

// modelOf is a ModelProto with a graph of this content.
func modelOf(graph []byte) []byte {
	return cat(varint(modelIR, 8), field(modelGraph, graph), opset, varint(unknownField, 7))
}

// opset imports the operators of ONNX.
var opset = field(8, varint(2, 17))

// write puts files, given as name and content, in a new folder and returns the
// path of the first.
func write(t testing.TB, files ...any) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(dir, files[i].(string))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, files[i+1].([]byte), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, files[0].(string))
}

// open opens a model for the length of a test.
func open(t testing.TB, path string) *Model {
	t.Helper()
	m, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// openBytes opens a model of this content.
func openBytes(t testing.TB, data []byte) *Model {
	t.Helper()
	return open(t, write(t, "model.onnx", data))
}
