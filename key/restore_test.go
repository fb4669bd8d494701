package key_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A real model, locked with a renamed external data file, comes back bit for bit
// by way of a sealed key.
func TestRestore(t *testing.T) {
	dir := t.TempDir()
	original, data := filepath.Join(dir, "model.onnx"), filepath.Join(dir, "weights.bin")
	floats := func(n int) []byte {
		var raw []byte
		for i := range n {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(i)/8))
		}
		return raw
	}
	model, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion:   proto.Int64(9),
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("g"),
			Initializer: []*onnxpb.TensorProto{
				{Name: proto.String("inside"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{4, 8}, RawData: floats(32)},
				{
					Name: proto.String("outside"), DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: []int64{100},
					DataLocation: onnxpb.TensorProto_EXTERNAL.Enum(),
					ExternalData: []*onnxpb.StringStringEntryProto{{Key: proto.String("location"), Value: proto.String("weights.bin")}},
				},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{original: model, data: floats(100)} {
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}

	m, err := onnxio.Open(original)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	locked := filepath.Join(dir, "locked.onnx")
	var out atomicfile.Set
	defer out.Abort()
	rec, err := m.Rewrite(&out, locked, []onnxio.Edit{
		{Tensor: "outside", Index: 99, Bits: 1}, {Tensor: "inside", Index: 30, Bits: 0xff800000}, {Tensor: "outside", Index: 7, Bits: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}

	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := key.Seal(&file, &key.Key{Record: *rec}, id.Recipient()); err != nil {
		t.Fatal(err)
	}
	k, err := key.Read(&file, id)
	if err != nil {
		t.Fatal(err)
	}

	restored := filepath.Join(t.TempDir(), "model.onnx")
	var back atomicfile.Set
	defer back.Abort()
	if err := onnxio.Restore(context.Background(), locked, &k.Record, &back, restored, nil); err != nil {
		t.Fatal(err)
	}
	if err := back.Commit(); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]byte{restored: model, filepath.Join(filepath.Dir(restored), "weights.bin"): floats(100)} {
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the original: %v", path, err)
		}
	}

	// The key of one model does not apply to another.
	var none atomicfile.Set
	defer none.Abort()
	if err := onnxio.Restore(context.Background(), original, &k.Record, &none, restored+"2", nil); !errors.Is(err, onnxio.ErrMismatch) {
		t.Errorf("Restore returns %v for the wrong model, want ErrMismatch", err)
	}
}
