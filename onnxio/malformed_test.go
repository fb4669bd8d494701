package onnxio

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// expectOpenError opens a file that must be refused with an error that names it.
func expectOpenError(t *testing.T, path, want string) error {
	t.Helper()
	m, err := Open(path)
	if err == nil {
		m.Close()
		t.Fatalf("opened; want error %q", want)
	}
	if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %q, want %q and the file's name", err, want)
	}
	if strings.ContainsRune(err.Error(), '\n') {
		t.Errorf("error %q has several lines", err)
	}
	return err
}

// What is not a model at all is recognised, and the hint says what to do.
func TestNotAModel(t *testing.T) {
	valid := model(tensor("w", float32Type, shape(64), raw(make([]byte, 256))))
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "is empty"},
		{"text", []byte("name: model\nlayers: [1, 2]\n"), "is a text file"},
		{"text cut inside a character", append(bytes.Repeat([]byte("a"), 511), "é"...), "is a text file"},
		{"html", []byte("\ufeff\n<!DOCTYPE HTML><html><body>404</body></html>"), "is an HTML page"},
		{"html without doctype", []byte("<html><head>"), "is an HTML page"},
		{"git lfs", []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"), "is a Git LFS pointer"},
		{"pytorch", []byte("PK\x03\x04\x00\x00archive/data.pkl"), "PyTorch checkpoint"},
		{"pickle", []byte("\x80\x02}q\x00."), "is a Python pickle"},
		{"keras", []byte("\x89HDF\r\n\x1a\n\x00"), "is an HDF5 file"},
		{"gzip", []byte("\x1f\x8b\x08\x00\x00"), "is a gzip file"},
		{"xz", []byte("\xfd7zXZ\x00\x00"), "is an xz file"},
		{"gguf", []byte("GGUF\x03\x00\x00\x00"), "is a GGUF model"},
		{"tflite", []byte("\x1c\x00\x00\x00TFL3\x14\x00"), "is a TensorFlow Lite model"},
		{"safetensors", []byte("\x10\x00\x00\x00\x00\x00\x00\x00{\"w\":{}}        "), "is a safetensors file"},
		{"zeros", make([]byte, 100), "is damaged or not an ONNX model"},
		{"noise", []byte{0xff, 0xfe, 0x01, 0x99, 0x80, 0x80, 0x80}, "or not an ONNX model"},
		{"truncated", valid[:len(valid)-60], "is truncated or not an ONNX model: graph at byte 2"},
		{"truncated tag", append(bytes.Clone(valid), 0x80), "is truncated"},
		{"no graph", varint(modelIR, 8), "has no graph"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := expectOpenError(t, write(t, "model.onnx", c.data), c.want)
			if hint.Of(err) == "" {
				t.Errorf("%q has no hint", err)
			}
		})
	}
	t.Run("missing", func(t *testing.T) {
		if err := expectOpenError(t, filepath.Join(t.TempDir(), "no.onnx"), "not exist"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v is not ErrNotExist", err)
		}
	})
	t.Run("folder", func(t *testing.T) { expectOpenError(t, t.TempDir(), "is a folder") })
	t.Run("device", func(t *testing.T) {
		if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
			t.Skip("no device to try")
		}
		expectOpenError(t, os.DevNull, "is not a regular file")
	})
}

// Every prefix of a model is refused or, cut between two fields, has no graph.
func TestEveryTruncation(t *testing.T) {
	path := twoFiles(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	end := len(data) - len(text(modelDoc, "end")) // after the graph
	for n := range data {
		if err := os.WriteFile(path, data[:n], 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Open(path)
		if (err == nil) != (n == end) {
			t.Errorf("%d of %d bytes: %v", n, len(data), err)
		}
		if err == nil {
			m.Close()
		}
	}
}

func TestMalformedStructure(t *testing.T) {
	deep := field(graphNode, text(nodeOpType, "Relu"))
	for range 40 {
		deep = field(graphNode, node("If", field(attributeG, deep)))
	}
	w := tensor("w", float32Type, shape(1), raw(floats(1)))
	overlong := cat(protowire.AppendTag(nil, graphNode, protowire.BytesType), []byte{100, 1, 2})
	for _, c := range []struct {
		name string
		data []byte
		want string
	}{
		{"graph is a number", cat(varint(modelIR, 8), varint(modelGraph, 1)), "graph at byte 2: unexpected wire type 0"},
		{"ir_version is a string", text(modelIR, "8\x00"), "ir_version at byte 0: unexpected wire type 2"},
		{"op_type is fixed32", modelOf(field(graphNode, protowire.AppendFixed32(protowire.AppendTag(nil, nodeOpType, protowire.Fixed32Type), 1))), "graph.node.op_type"},
		{"node beyond its graph", cat(varint(modelIR, 8), field(modelGraph, overlong), text(modelDoc, "x")), "is damaged or not an ONNX model: graph.node"},
		{"field number 0", cat(modelOf(nil), []byte{2, 0}), "is damaged"},
		{"field number 2²⁹", cat(protowire.AppendVarint(nil, 1<<32), modelOf(nil)), "invalid field number 536870912"},
		{"open group", cat(modelOf(nil), protowire.AppendTag(nil, 9, protowire.StartGroupType)), "truncated"},
		{"end of no group", cat(modelOf(nil), protowire.AppendTag(nil, 9, protowire.EndGroupType)), "is damaged"},
		{"too deep", modelOf(deep), "nested more than 100 deep"},
		{"two initializers of one name", model(w, w), "two initializers of graph \"\" are called \"w\""},
		{"dense and sparse of one name", modelOf(cat(field(graphInitializer, w), field(graphSparse, field(1, w)))), "are called \"w\""},
		{"nested, of one name", modelOf(field(graphNode, node("If", field(attributeG, cat(text(2, "then"), field(graphInitializer, w), field(graphInitializer, w)))))), "two initializers of graph \"then\""},
		{"initializer without name", model(tensor("", float32Type, shape(1), raw(floats(1)))), "has no name: unnamed tensor at byte"},
		{"name in Latin-1", model(tensor("\xe4", float32Type, shape(1), raw(floats(1)))), "name at byte 33: \"\\xe4\" is not UTF-8"},
		{"cut number in a list", modelOf(field(graphNode, node("Pad", field(8, []byte{0x80})))), "is damaged"},
		{"two tensors for one attribute", modelOf(field(graphNode, node("Constant", cat(field(attributeT, w), field(attributeT, w))))), "graph.node.attribute.t at byte 57: is given twice"},
	} {
		t.Run(c.name, func(t *testing.T) { expectOpenError(t, write(t, "model.onnx", c.data), c.want) })
	}
}

func TestMessageLimit(t *testing.T) {
	data := modelOf(bytes.Repeat(field(graphNode, nil), 10))
	for _, used := range []int{0, maxMessages - 5} {
		w := walker{data: data, messages: used}
		if err := w.walk(); (err != nil) != (used > 0) {
			t.Errorf("with %d messages before: %v", used, err)
		}
	}
}

// A structure that would not fit in memory is refused before it is copied.
func TestStructureLimit(t *testing.T) {
	head := protowire.AppendVarint(protowire.AppendTag(nil, modelDoc, protowire.BytesType), maxStructure+1)
	path := write(t, "model.onnx", head)
	if err := os.Truncate(path, int64(len(head))+maxStructure+1); err != nil {
		t.Skipf("no sparse files: %v", err)
	}
	expectOpenError(t, path, "more than 1073741824 bytes besides the tensors")
}

func TestMalformedTensor(t *testing.T) {
	const str = onnxpb.TensorProto_STRING
	two := floats(1, 2)
	ones := make([]int, maxRank+1)
	for i := range ones {
		ones[i] = 1
	}
	for _, c := range []struct {
		name    string
		dt      onnxpb.TensorProto_DataType
		dims    []int
		storage []byte
		want    string
	}{
		{"undefined type", 0, shape(2), raw(two), "unknown data type UNDEFINED"},
		{"unknown type", 99, shape(2), raw(two), "unknown data type 99"},
		{"negative dimension", float32Type, shape(-2), raw(two), "dimension -2 is out of range"},
		{"too many elements", float32Type, shape(math.MaxInt, 3), raw(two), "too many elements"},
		{"too many bytes", float32Type, shape(math.MaxInt), raw(two), "too many bytes"},
		{"too many dimensions", float32Type, ones, raw(floats(1)), "more than 64 dimensions"},
		{"dims are a string", float32Type, nil, cat(field(tensorDims, []byte{0x80}), raw(two)), "malformed dims"},
		{"too few raw bytes", float32Type, shape(3), raw(two), "FLOAT[3] needs 12 bytes of raw_data, but there are 8"},
		{"too many raw bytes", float32Type, shape(1), raw(two), "needs 4 bytes of raw_data, but there are 8"},
		{"bytes for no elements", float32Type, shape(0), raw(two), "needs 0 bytes"},
		{"scalar of two", float32Type, nil, raw(two), "needs 4 bytes"},
		{"no elements", float32Type, shape(2), nil, "should have 2 elements, but there are none"},
		{"no strings", str, shape(2), nil, "should have 2 elements, but there are none"},
		{"too few nibbles", onnxpb.TensorProto_INT4, shape(3), raw([]byte{1}), "needs 2 bytes"},
		{"too few floats", float32Type, shape(3), field(tensorFloatData, two), "needs 3 entries of float_data, but there are 2"},
		{"too few unpacked floats", float32Type, shape(3), unpackedFloats(1, 2), "needs 3 entries of float_data"},
		{"half a float", float32Type, shape(1), field(tensorFloatData, two[:6]), "float_data of 6 bytes, not a multiple of 4"},
		{"half a double", float64Type, shape(1), field(tensorDoubleData, two[:4]), "double_data of 4 bytes, not a multiple of 8"},
		{"real complex", onnxpb.TensorProto_COMPLEX64, shape(2), field(tensorFloatData, two), "needs 4 entries of float_data"},
		{"too many integers", int64Type, shape(2), packedVarints(tensorInt64Data, 1, 2, 3), "needs 2 entries of int64_data, but there are 3"},
		{"cut integer", int64Type, shape(2), field(tensorInt64Data, []byte{1, 0x80}), "malformed int64_data"},
		{"too few strings", str, shape(2), text(tensorStringData, "a"), "needs 2 entries of string_data"},
		{"strings in raw_data", str, shape(2), raw(two), "strings cannot be stored in raw_data"},
		{"strings outside", str, shape(2), externalAt("w.bin", 0, 8), "strings cannot be stored in external data"},
		{"floats in int32_data", float32Type, shape(2), packedVarints(tensorInt32Data, 1, 2), "FLOAT elements cannot be stored in int32_data"},
		{"halves in float_data", float16Type, shape(2), field(tensorFloatData, two), "FLOAT16 elements cannot be stored in float_data"},
		{"two storages", float32Type, shape(2), cat(raw(two), field(tensorFloatData, two)), "stored twice, in raw_data and in float_data"},
		{"raw and external", float32Type, shape(2), cat(raw(two), externalAt("w.bin", 0, 8)), "stored twice, in raw_data and in external data"},
		{"raw_data twice", float32Type, shape(2), cat(raw(two), raw(two)), "raw_data at byte 37: is given twice"},
		{"raw_data is a number", float32Type, shape(2), varint(tensorRawData, 1), "raw_data at byte"},
		{"segment", float32Type, shape(2), cat(field(tensorSegment, varint(1, 0)), raw(two)), "segments are not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := model(tensor("w", c.dt, c.dims, c.storage))
			err := expectOpenError(t, write(t, "model.onnx", data, "w.bin", two), c.want)
			if c.name != "raw_data is a number" && !strings.Contains(err.Error(), "tensor \"w\": ") {
				t.Errorf("error %q does not name the tensor", err)
			}
		})
	}
}
