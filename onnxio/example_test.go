package onnxio_test

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// exampleModel writes a model with one initializer "w" = [1 2 3] and returns its
// path.
func exampleModel(dir string) (string, error) {
	model := &onnxpb.ModelProto{
		IrVersion:   proto.Int64(8),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Node: []*onnxpb.NodeProto{{OpType: proto.String("Add"), Input: []string{"x", "w"}, Output: []string{"y"}}},
			Input: []*onnxpb.ValueInfoProto{{Name: proto.String("x"), Type: &onnxpb.TypeProto{
				Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT))}},
			}}},
			Initializer: []*onnxpb.TensorProto{{
				Name:      proto.String("w"),
				DataType:  proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
				Dims:      []int64{3},
				FloatData: []float32{1, 2, 3},
			}},
		},
	}
	data, err := proto.Marshal(model)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "model.onnx")
	return path, os.WriteFile(path, data, 0o644)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func ExampleOpen() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path, err := exampleModel(dir)
	check(err)

	m, err := onnxio.Open(path)
	check(err)
	defer m.Close()
	for _, w := range m.Initializers() {
		values, err := w.Float32s()
		check(err)
		fmt.Println(w.Name, w.DataType, w.Dims, "in", w.Storage, values)
	}
	// Output: w FLOAT [3] in float_data [1 2 3]
}

func ExampleModel_Rewrite() {
	dir, err := os.MkdirTemp("", "")
	check(err)
	defer os.RemoveAll(dir)
	path, err := exampleModel(dir)
	check(err)
	m, err := onnxio.Open(path)
	check(err)
	defer m.Close()

	// Change one element.
	locked := filepath.Join(dir, "locked.onnx")
	var out atomicfile.Set
	defer out.Abort()
	rec, err := m.Rewrite(&out, locked, []onnxio.Edit{
		{Tensor: "w", Index: 1, Bits: uint64(math.Float32bits(-7))},
	})
	check(err)
	check(out.Commit())

	l, err := onnxio.Open(locked)
	check(err)
	defer l.Close()
	values, err := l.Lookup("w").Float32s()
	check(err)
	fmt.Println("locked:", values)

	// And back.
	var undo atomicfile.Set
	defer undo.Abort()
	restored := filepath.Join(dir, "restored.onnx")
	check(onnxio.Restore(context.Background(), locked, rec, &undo, restored, nil))
	check(undo.Commit())

	a, err := os.ReadFile(path)
	check(err)
	b, err := os.ReadFile(restored)
	check(err)
	fmt.Println("restored bit for bit:", bytes.Equal(a, b))
	// Output:
	// locked: [1 -7 3]
	// restored bit for bit: true
}
