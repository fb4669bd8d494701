package onnxio

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

func float(v float32) uint64 { return uint64(math.Float32bits(v)) }

// TestRoundTrip edits two elements of every kind of storage and goes back.
func TestRoundTrip(t *testing.T) {
	six := counting(6)
	bytesOf := func(width int) []byte {
		b := make([]byte, 6*width)
		for i := range b {
			b[i] = byte(i*7 + 1)
		}
		return b
	}
	for _, c := range []struct {
		name    string
		dt      onnxpb.TensorProto_DataType
		storage []byte
		patches int
		stride  int
	}{
		{"raw", float32Type, raw(floats(six...)), 1, 4},
		{"packed", float32Type, field(tensorFloatData, floats(six...)), 1, 4},
		{"unpacked", float32Type, unpackedFloats(six...), 1, 5},
		{"chunks", float32Type, cat(field(tensorFloatData, floats(six[:3]...)), field(tensorFloatData, floats(six[3:]...))), 2, 4},
		{"mixed", float32Type, cat(unpackedFloats(six[:2]...), field(tensorFloatData, floats(six[2:]...))), 2, 0},
		{"loose lengths", float32Type, loose(tensorRawData, floats(six...)), 1, 4},
		{"float16", float16Type, raw(bytesOf(2)), 1, 2},
		{"bfloat16", bfloat16Type, raw(bytesOf(2)), 1, 2},
		{"double raw", float64Type, raw(bytesOf(8)), 1, 8},
		{"double_data", float64Type, field(tensorDoubleData, bytesOf(8)), 1, 8},
		{"int8", int8Type, raw(bytesOf(1)), 1, 1},
		{"uint8", uint8Type, raw(bytesOf(1)), 1, 1},
		{"external float", float32Type, externalAt("w.bin", 0, 24), 1, 4},
		{"external at an odd offset", float32Type, externalAt("w.bin", 3, 24), 1, 4},
		{"external without offset", float32Type, externalData("location", "w.bin"), 1, 4},
		{"external float16", float16Type, externalAt("w.bin", 4, 12), 1, 2},
		{"external int8", int8Type, externalAt("w.bin", 40, 6), 1, 1},
		{"external double", float64Type, externalAt("w.bin", 0, 48), 1, 8},
	} {
		for _, place := range []string{"same folder", "other folder"} {
			t.Run(c.name+", "+place, func(t *testing.T) {
				other := tensor("other", float32Type, shape(2), raw(floats(8, 9)))
				path := write(t, "model.onnx", model(other, tensor("w", c.dt, shape(2, 3), c.storage)), "w.bin", bytesOf(8))
				m := open(t, path)
				before := files(t, filepath.Dir(path))
				dir := filepath.Dir(path)
				if place == "other folder" {
					dir = t.TempDir()
				}
				locked := filepath.Join(dir, "locked.onnx")
				edits := []Edit{
					{"w", 5, m.Lookup("w").Bits(5) ^ 1},
					{"w", 1, m.Lookup("w").Bits(1) ^ 0x41},
				}
				rec := rewrite(t, m, locked, false, edits...)
				checkEdited(t, m, open(t, locked), edits)
				checkDigests(t, rec, path, locked)
				if len(rec.Patches) != c.patches || c.stride != 0 && rec.Patches[0].Stride != c.stride {
					t.Errorf("patches %+v, want %d of stride %d", rec.Patches, c.patches, c.stride)
				}
				for name, data := range before {
					if files(t, filepath.Dir(path))[name] != data {
						t.Errorf("the original %s has changed", name)
					}
				}
				back := filepath.Join(t.TempDir(), "model.onnx")
				if err := restore(locked, rec, back, false); err != nil {
					t.Fatal(err)
				}
				for name, data := range files(t, filepath.Dir(back)) {
					if data != before[name] {
						t.Errorf("%s was not restored", name)
					}
				}
			})
		}
	}
}

// TestFlip turns the same bit of many elements over, which is all that the record
// says of them, and goes back.
func TestFlip(t *testing.T) {
	six := counting(6)
	for _, c := range []struct {
		name    string
		dt      onnxpb.TensorProto_DataType
		storage []byte
		flip    uint64
		short   bool // the record has no old values
	}{
		{"raw", float32Type, raw(floats(six...)), 1 << 31, true},
		{"unpacked", float32Type, unpackedFloats(six...), 1 << 31, true},
		{"too few in a chunk", float32Type, cat(field(tensorFloatData, floats(six[:3]...)), field(tensorFloatData, floats(six[3:]...))), 1 << 31, false},
		{"float16", float16Type, raw(make([]byte, 12)), 1 << 15, true},
		{"double", float64Type, raw(make([]byte, 48)), 1 << 63, true},
		{"int8", int8Type, raw([]byte{1, 2, 3, 4, 5, 6}), 0x81, true},
		{"external", float32Type, externalAt("w.bin", 8, 24), 1 << 31, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "model.onnx", model(tensor("w", c.dt, shape(2, 3), c.storage)), "w.bin", make([]byte, 64))
			m := open(t, path)
			var edits []Edit
			for _, i := range []int{5, 0, 2, 1, 3} {
				edits = append(edits, Edit{"w", i, m.Lookup("w").Bits(i) ^ c.flip})
			}
			locked := filepath.Join(t.TempDir(), "locked.onnx")
			rec := rewrite(t, m, locked, false, edits...)
			checkEdited(t, m, open(t, locked), edits)
			checkDigests(t, rec, path, locked)
			// One that is changed in another way has a patch of its own.
			edits = append(edits, Edit{"w", 4, m.Lookup("w").Bits(4) ^ c.flip ^ 2})
			rec = rewrite(t, m, locked, true, edits...)
			if got := rec.Patches[len(rec.Patches)-1]; c.short && (len(rec.Patches) != 2 || got.Indices.Len() != 1 || len(got.Original) != got.Width || got.Flip != 0) {
				t.Errorf("patches %+v", rec.Patches)
			}
			for _, p := range rec.Patches[:1] {
				if short := p.Flip == c.flip && len(p.Original) == 0; short != c.short || !short && len(p.Original) != p.Width*p.Indices.Len() {
					t.Errorf("patch %+v", p)
				}
			}
			back := filepath.Join(t.TempDir(), "model.onnx")
			if err := restore(locked, rec, back, false); err != nil {
				t.Fatal(err)
			}
			want, got := files(t, filepath.Dir(path)), files(t, filepath.Dir(back))
			if got["model.onnx"] != want["model.onnx"] || got["w.bin"] != "" && got["w.bin"] != want["w.bin"] {
				t.Error("the original was not restored")
			}
		})
	}
}

// twoFiles is a model with two data files, one in a sub-folder and used by two
// tensors, and enough around the locations to see lengths go wrong.
func twoFiles(t testing.TB) string {
	nested := cat(text(graphName, "nested"), field(graphNode, node("Constant", field(attributeT, tensor("", float32Type, shape(2), externalAt("sub/b.bin", 8, 8))))))
	graph := cat(
		text(unknownField, "before"),
		loose(graphInitializer, tensor("a", float32Type, shape(2), externalAt("a.bin", 0, 8))),
		field(graphNode, node("If", loose(attributeG, nested))),
		field(graphInitializer, tensor("b", float32Type, shape(2), externalAt("sub/b.bin", 0, 8))),
		field(graphInitializer, tensor("inline", float32Type, shape(2), raw(floats(5, 6)))),
	)
	return write(t, "model.onnx", cat(varint(modelIR, 8), opset, loose(modelGraph, graph), text(modelDoc, "end")),
		"a.bin", floats(1, 2), "sub/b.bin", floats(3, 4, 7, 8))
}

// Where external data goes, and by which names the locked model knows it.
func TestExternalLayout(t *testing.T) {
	a, b, inline := Edit{"a", 1, float(20)}, Edit{"b", 0, float(30)}, Edit{"inline", 0, float(50)}
	for _, c := range []struct {
		name  string
		dst   string
		edits []Edit
		files []string // in dst's folder afterwards
		named []string // the data files' names in the locked model
	}{
		{"other folder", "new/locked.onnx", []Edit{a}, []string{"a.bin", "locked.onnx", "sub/b.bin"}, []string{"a.bin", "sub/b.bin"}},
		{"other folder, nothing external", "new/locked.onnx", []Edit{inline}, []string{"a.bin", "locked.onnx", "sub/b.bin"}, []string{"a.bin", "sub/b.bin"}},
		{"same folder, first", "locked.onnx", []Edit{a, inline}, []string{"a.bin", "locked.onnx", "locked.onnx.data", "model.onnx", "sub/b.bin"}, []string{"locked.onnx.data", "sub/b.bin"}},
		{"same folder, second", "l.onnx", []Edit{b}, []string{"a.bin", "l.onnx", "l.onnx.data", "model.onnx", "sub/b.bin"}, []string{"a.bin", "l.onnx.data"}},
		{"same folder, both", "locked.onnx", []Edit{a, b}, []string{"a.bin", "locked.onnx", "locked.onnx.1.data", "locked.onnx.2.data", "model.onnx", "sub/b.bin"}, []string{"locked.onnx.1.data", "locked.onnx.2.data"}},
		{"same folder, none", "locked.onnx", []Edit{inline}, []string{"a.bin", "locked.onnx", "model.onnx", "sub/b.bin"}, []string{"a.bin", "sub/b.bin"}},
		{"same folder, long name", strings.Repeat("long", 40) + ".onnx", []Edit{a}, nil, []string{strings.Repeat("long", 40) + ".onnx.data", "sub/b.bin"}},
		{"in place", "model.onnx", []Edit{a, inline}, []string{"a.bin", "model.onnx", "sub/b.bin"}, []string{"a.bin", "sub/b.bin"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := twoFiles(t)
			before := files(t, filepath.Dir(path))
			m := open(t, path)
			dst := filepath.Join(filepath.Dir(path), filepath.FromSlash(c.dst))
			if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
				t.Fatal(err)
			}
			inPlace := dst == path
			rec := rewrite(t, m, dst, inPlace, c.edits...)
			if got := names(files(t, filepath.Dir(dst))); c.files != nil && !slices.Equal(got, c.files) {
				t.Errorf("files %q, want %q", got, c.files)
			}
			locked := open(t, dst)
			var named []string
			for _, f := range locked.Files()[1:] {
				named = append(named, f.Name)
			}
			if !slices.Equal(named, c.named) {
				t.Errorf("data files %q, want %q", named, c.named)
			}
			if !inPlace {
				checkEdited(t, m, locked, c.edits)
				checkDigests(t, rec, path, dst)
			}
			constant := locked.Tensor(locked.Proto().Graph.Node[0].Attribute[0].G.Node[0].Attribute[0].T)
			if got, err := constant.Float32s(); err != nil || !slices.Equal(got, []float32{7, 8}) {
				t.Errorf("the nested constant is %v, %v", got, err)
			}

			back := filepath.Join(t.TempDir(), "model.onnx")
			if err := restore(dst, rec, back, false); err != nil {
				t.Fatal(err)
			}
			got := files(t, filepath.Dir(back))
			for name, data := range before {
				if got[name] != data {
					t.Errorf("%s was not restored", name)
				}
			}
			if len(got) != len(before) {
				t.Errorf("restored %q, want %q", names(got), names(before))
			}
		})
	}
}

// Stretches long enough to be copied by the system come out right on both sides
// of edits.
func TestLongCopies(t *testing.T) {
	n := 3 << 20
	data := make([]byte, 4*n)
	for i := range n {
		binary.LittleEndian.PutUint32(data[4*i:], uint32(i)*2654435761)
	}
	path := write(t, "model.onnx", model(tensor("e", float32Type, shape(n), externalData("location", "e.bin")), tensor("w", float32Type, shape(n), raw(data))), "e.bin", data)
	dst := filepath.Join(filepath.Dir(path), "locked.onnx")
	m := open(t, path)
	edits := []Edit{{"w", 0, 1}, {"w", 7, 2}, {"w", 100000, 3}, {"w", n - 1, 4}, {"e", 1 << 20, 5}}
	rec := rewrite(t, m, dst, false, edits...)
	checkDigests(t, rec, path, dst)
	locked := open(t, dst)
	for _, e := range edits {
		if got := locked.Lookup(e.Tensor).Bits(e.Index); got != e.Bits {
			t.Errorf("element %d of %s is %d, want %d", e.Index, e.Tensor, got, e.Bits)
		}
	}
	back := filepath.Join(t.TempDir(), "model.onnx")
	if err := restore(dst, rec, back, false); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"model.onnx", "e.bin"} {
		a, _ := os.ReadFile(filepath.Join(filepath.Dir(path), name))
		b, _ := os.ReadFile(filepath.Join(filepath.Dir(back), name))
		if len(a) == 0 || !bytes.Equal(a, b) {
			t.Errorf("%s was not restored", name)
		}
	}
}

func TestRewriteErrors(t *testing.T) {
	path := write(t, "model.onnx", model(
		tensor("w", float32Type, shape(2), raw(floats(1, 2))),
		tensor("half", float16Type, shape(1), raw([]byte{1, 2})),
		tensor("varint", float16Type, shape(1), packedVarints(tensorInt32Data, 1)),
		tensor("ints", int64Type, shape(1), packedVarints(tensorInt64Data, 1)),
		tensor("nibbles", onnxpb.TensorProto_INT4, shape(2), raw([]byte{1})),
		tensor("flags", onnxpb.TensorProto_BOOL, shape(1), raw([]byte{1})),
		tensor("text", onnxpb.TensorProto_STRING, shape(1), text(tensorStringData, "a")),
		tensor("x", float32Type, shape(2), externalAt("a.bin", 0, 8)),
		tensor("y", float32Type, shape(2), externalAt("a.bin", 4, 8)),
		tensor("z", float32Type, shape(2), externalAt("a.bin", 12, 8)),
	), "a.bin", make([]byte, 20), "taken", []byte("0"))
	m := open(t, path)
	for _, c := range []struct {
		name, dst, want string
		edits           []Edit
	}{
		{"no such tensor", "new", "no tensor \"v\"", []Edit{{"v", 0, 0}}},
		{"index too large", "new", "has no element 2", []Edit{{"w", 2, 0}}},
		{"negative index", "new", "has no element -1", []Edit{{"w", -1, 0}}},
		{"edited twice", "new", "element 1 of tensor \"w\" is edited twice", []Edit{{"w", 1, 0}, {"w", 0, 1}, {"w", 1, 1}}},
		{"too many bits", "new", "0x100000000 does not fit FLOAT", []Edit{{"w", 1, 1 << 32}}},
		{"too many bits for a half", "new", "0x10000 does not fit FLOAT16", []Edit{{"half", 0, 1 << 16}}},
		{"varint field", "new", "elements in int32_data have no fixed width", []Edit{{"varint", 0, 0}}},
		{"int64_data", "new", "elements in int64_data have no fixed width", []Edit{{"ints", 0, 0}}},
		{"int4", "new", "0x10 does not fit INT4", []Edit{{"nibbles", 0, 16}}},
		{"bool", "new", "BOOL elements cannot be edited", []Edit{{"flags", 0, 0}}},
		{"string", "new", "STRING elements cannot be edited", []Edit{{"text", 0, 0}}},
		{"shared, first", "new", "its bytes are also used by tensor \"y\"", []Edit{{"x", 0, 1}}},
		{"shared, second", "new", "its bytes are also used by tensor \"x\"", []Edit{{"y", 0, 1}}},
		{"existing file", "taken", "exists already", nil},
		{"a data file of the model", "a.bin", "would be replaced", nil},
		{"folder", ".", "it is a folder", nil},
		{"missing folder", "no/such", "does not exist", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := files(t, filepath.Dir(path))
			var out atomicfile.Set
			rec, err := m.Rewrite(&out, filepath.Dir(path)+string(filepath.Separator)+filepath.FromSlash(c.dst), c.edits)
			if err == nil || rec != nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
			out.Abort()
			if got := files(t, filepath.Dir(path)); !slices.Equal(names(got), names(before)) {
				t.Errorf("left %q behind", names(got))
			}
		})
	}
	if err := m.Lookup("z").Editable(); err != nil {
		t.Errorf("a neighbour of shared bytes is refused: %v", err)
	}
}

// A file that is replaced or changed while the model is open is not copied.
func TestRewriteChangedFile(t *testing.T) {
	for _, name := range []string{"model.onnx", "a.bin"} {
		path := twoFiles(t)
		m := open(t, path)
		changed := filepath.Join(filepath.Dir(path), name)
		data, err := os.ReadFile(changed)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(changed, changed+".old"); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(changed, data, 0o644); err != nil {
			t.Fatal(err)
		}
		var out atomicfile.Set
		_, err = m.Rewrite(&out, filepath.Join(t.TempDir(), "new"), []Edit{{"a", 0, 1}})
		out.Abort()
		if err == nil || !strings.Contains(err.Error(), name+" has changed since it was opened") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// A rewritten model is the message it was but for the locations.
func TestRewriteKeepsStructure(t *testing.T) {
	path := twoFiles(t)
	m := open(t, path)
	dst := filepath.Join(filepath.Dir(path), "locked.onnx")
	rewrite(t, m, dst, false, Edit{"b", 0, 1})
	var a, b onnxpb.ModelProto
	for p, to := range map[string]proto.Message{path: &a, dst: &b} {
		data, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(data, to); err != nil {
			t.Fatal(err)
		}
	}
	for _, tp := range []*onnxpb.TensorProto{a.Graph.Initializer[1], a.Graph.Node[0].Attribute[0].G.Node[0].Attribute[0].T} {
		tp.ExternalData[0].Value = proto.String("locked.onnx.data")
	}
	if !proto.Equal(&a, &b) {
		t.Errorf("structure changed:\n%v\n%v", &a, &b)
	}
}
