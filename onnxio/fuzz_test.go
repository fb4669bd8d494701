package onnxio

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// FuzzOpen opens a model with a data file w.bin beside it. What Open accepts it
// must read as the protobuf library does.
func FuzzOpen(f *testing.F) {
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, data, external []byte) {
		m := openFuzzed(t, dir, data, external)
		if m == nil {
			return
		}
		defer m.Close()
		var want onnxpb.ModelProto
		if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &want); err != nil {
			t.Fatalf("accepted, but not protobuf: %v", err)
		}
		for i, tp := range want.Graph.Initializer {
			checkElements(t, m.Initializers()[i], tp, external)
		}
		for _, x := range m.tensors {
			readAll(t, x)
		}
		dropPayloads(want.ProtoReflect())
		if !proto.Equal(&want, m.Proto()) {
			t.Fatalf("structure %v\nwant %v", m.Proto(), &want)
		}
		m.Metadata()
	})
}

// openFuzzed returns nil for what is not a model.
func openFuzzed(t *testing.T, dir string, data, external []byte) *Model {
	path := filepath.Join(dir, "model.onnx")
	for name, content := range map[string][]byte{path: data, filepath.Join(dir, "w.bin"): external} {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := Open(path)
	if err != nil {
		if err.Error() == "" {
			t.Fatal("empty error")
		}
		return nil
	}
	return m
}

// readAll uses everything an Initializer offers.
func readAll(t *testing.T, x *Initializer) {
	decodes := false
	switch x.elem.kind {
	case kindFloat, kindSigned, kindBool:
		decodes = true
	}
	a, err := x.Array()
	if decodes && err != nil || err == nil && a.Len() != x.Len() {
		t.Fatalf("%s: %v, %d elements of %d", x.label(), err, a.Len(), x.Len())
	}
	if n := x.Len(); n > 0 && x.elem.bits > 0 && x.elem.kind != kindComplex {
		x.Bits(0)
		x.Bits(n - 1)
	}
	if x.Editable() == nil && !x.patchable() && !x.nibbles() {
		t.Fatalf("%s has no fixed elements but can be edited", x.label())
	}
}

// checkElements compares a tensor with the message that the protobuf library
// reads.
func checkElements(t *testing.T, x *Initializer, tp *onnxpb.TensorProto, external []byte) {
	if x.Name != tp.GetName() || x.DataType != onnxpb.TensorProto_DataType(tp.GetDataType()) {
		t.Fatalf("%+v is not %v", x, tp)
	}
	stored := tp.RawData
	if x.Storage == External {
		stored = external[x.ext.offset:][:x.ext.size]
	}
	for i := range x.Len() {
		var want uint64
		switch {
		case x.Storage == FloatData && x.patchable():
			want = uint64(math.Float32bits(tp.FloatData[i]))
		case x.Storage == DoubleData && x.patchable():
			want = math.Float64bits(tp.DoubleData[i])
		case x.Storage == Int64Data:
			want = uint64(tp.Int64Data[i])
		case x.Storage == Int32Data && x.elem.bits > 4:
			want = uint64(tp.Int32Data[i]) & (1<<x.elem.bits - 1)
		case (x.Storage == Raw || x.Storage == External) && x.patchable():
			width := x.elem.bits / 8
			var b [8]byte
			copy(b[:], stored[i*width:][:width])
			want = binary.LittleEndian.Uint64(b[:])
		default:
			return
		}
		if got := x.Bits(i); got != want {
			t.Fatalf("element %d of %s is %#x, want %#x", i, x.label(), got, want)
		}
		if i > 100 { // Bits is slow in integer fields
			return
		}
	}
}

// dropPayloads clears the elements of every tensor, as Model.Proto does.
func dropPayloads(m protoreflect.Message) {
	if tp, ok := m.Interface().(*onnxpb.TensorProto); ok {
		tp.RawData, tp.StringData = nil, nil
		tp.FloatData, tp.DoubleData = nil, nil
		tp.Int32Data, tp.Int64Data, tp.Uint64Data = nil, nil, nil
		return
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				dropPayloads(v.List().Get(i).Message())
			}
		default:
			dropPayloads(v.Message())
		}
		return true
	})
}

// FuzzRoundTrip edits what can be edited in whatever opens, and goes back. Each
// edit is four bytes: tensor, element, and the new value's seed.
func FuzzRoundTrip(f *testing.F) {
	f.Fuzz(func(t *testing.T, data, external, choice []byte, same bool) {
		dir := t.TempDir()
		m := openFuzzed(t, dir, data, external)
		if m == nil {
			return
		}
		defer m.Close()
		edits := chooseEdits(m, choice)
		locked := filepath.Join(dir, "locked.onnx")
		if !same {
			locked = filepath.Join(t.TempDir(), "locked.onnx")
		}
		var out atomicfile.Set
		rec, err := m.Rewrite(&out, locked, edits)
		if err != nil {
			out.Abort()
			t.Fatalf("edits %v: %v", edits, err)
		}
		if err := out.Commit(); err != nil {
			t.Fatal(err)
		}
		checkEdited(t, m, open(t, locked), edits)
		back := filepath.Join(t.TempDir(), "back.onnx")
		if err := restore(locked, rec, back, false); err != nil {
			t.Fatal(err)
		}
		got := files(t, filepath.Dir(back))
		if got["back.onnx"] != string(data) {
			t.Fatal("the model was not restored")
		}
		if len(m.Files()) > 1 && got["w.bin"] != string(external) {
			t.Fatal("the data file was not restored")
		}
	})
}

// chooseEdits turns bytes into edits that Rewrite must accept.
func chooseEdits(m *Model, choice []byte) []Edit {
	var targets []*Initializer
	for _, x := range m.Initializers() {
		if x.Len() > 0 && x.Editable() == nil {
			targets = append(targets, x)
		}
	}
	var edits []Edit
	for ; len(choice) >= 4 && len(targets) > 0; choice = choice[4:] {
		x := targets[int(choice[0])%len(targets)]
		e := Edit{x.Name, int(choice[1]) % x.Len(), uint64(choice[2])<<8 | uint64(choice[3])}
		e.Bits = e.Bits * 0x0001_0001_0001_0001 >> (64 - x.elem.bits)
		if !slices.ContainsFunc(edits, func(o Edit) bool { return o.Tensor == e.Tensor && o.Index == e.Index }) {
			edits = append(edits, e)
		}
	}
	return edits
}
