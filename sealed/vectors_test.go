package sealed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// The vectors in testdata/vectors/keys are for every program that unlocks models; the
// README beside them describes index.json. They are made by this file:
//
//	go test ./sealed -run TestKeyVectors -update

var update = flag.Bool("update", false, "write testdata/vectors/keys again")

var vectorsDir = filepath.Join("..", "testdata", "vectors", "keys")

// keyVector is an entry of index.json.
type keyVector struct {
	Folder string       `json:"folder"`
	About  string       `json:"about"`
	Format int          `json:"format"`
	Error  string       `json:"error,omitempty"`
	Files  []vectorFile `json:"files,omitempty"`
}

// vectorFile is a file before and after.
type vectorFile struct {
	Locked   string `json:"locked"`
	Original string `json:"original"`
	SHA256   string `json:"sha256"` // of the original
}

type keyIndex struct {
	Version int         `json:"version"`
	Vectors []keyVector `json:"vectors"`
}

// A keyCase makes a locked model and its key in a folder that has model.onnx.
type keyCase struct {
	folder, about string
	format        int
	model         *onnxpb.ModelProto
	data          map[string][]byte // external data
	lock          func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record
	damage        func(files map[string][]byte) // by name, in the folder
	spoil         func(rec *onnxio.Record)      // what the key says
	error         string                        // mismatch, missing, result or damaged
}

// vectorSecret is a key that is always the same.
func vectorSecret(n byte) *seal.Key {
	k := new(seal.Key)
	for i := range k.Seed {
		k.Seed[i], k.Salt[i] = byte(i)+n, byte(0x80+i)+n
	}
	return k
}

// sealAll seals all parameters of a model, weights or not, with exponents for the one
// that is called damped.
func sealAll(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
	t.Helper()
	p := &Plan{}
	for _, param := range m.Parameters() {
		var exponents []byte
		if param.Name == "damped" {
			for e := range 126 {
				exponents = append(exponents, byte((e+120)%126+1))
			}
		}
		ranges, why := rangesOf(m, param, exponents)
		if why != "" {
			t.Fatalf("%s: %s", param.Name, why)
		}
		p.Ranges = append(p.Ranges, ranges...)
	}
	if err := p.order(); err != nil {
		t.Fatal(err)
	}
	var out atomicfile.Set
	defer out.Abort()
	rec, err := m.Seal(context.Background(), &out, dst, vectorSecret(byte(len(p.Ranges))), p.Ranges, nil)
	if err == nil {
		err = out.Commit()
	}
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// edit gives elements of tensor w other values.
func edit(flip bool) func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
	return func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
		t.Helper()
		w := m.Lookup("w")
		var edits []onnxio.Edit
		for _, i := range []int{3, 4, 40, 60, 99} {
			bits := uint64(math.Float32bits(float32(i)))
			if flip {
				bits = w.Bits(i) ^ 1<<31
			}
			edits = append(edits, onnxio.Edit{Tensor: "w", Index: i, Bits: bits})
		}
		var out atomicfile.Set
		defer out.Abort()
		rec, err := m.Rewrite(&out, dst, edits)
		if err == nil {
			err = out.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
}

// editThenSeal locks a model twice, which makes a key of two steps.
func editThenSeal(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
	t.Helper()
	between := filepath.Join(filepath.Dir(dst), "between.onnx")
	first := edit(false)(t, m, between)
	b, err := onnxio.Open(between)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	rec := sealAll(t, b, dst)
	f := &rec.Files[0]
	f.Name, f.Size, f.SHA256 = first.Files[0].Name, first.Files[0].Size, first.Files[0].SHA256
	rec.Steps = append(rec.Steps, onnxio.Step{Results: []onnxio.Result{{Size: f.Size, SHA256: f.SHA256}}, Patches: first.Patches})
	if err := os.Remove(between); err != nil {
		t.Fatal(err)
	}
	return rec
}

// oneTensor is a model with a tensor w, which a node uses.
func oneTensor(w *onnxpb.TensorProto) *onnxpb.ModelProto { return manyTensors(w) }

func manyTensors(ws ...*onnxpb.TensorProto) *onnxpb.ModelProto {
	g := &onnxpb.GraphProto{Name: proto.String("g")}
	for _, w := range ws {
		y := "y" + w.GetName()
		g.Initializer = append(g.Initializer, w)
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: proto.String("Identity"), Input: []string{w.GetName()}, Output: []string{y}})
		g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: &y, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: w.DataType}}}})
	}
	return &onnxpb.ModelProto{IrVersion: proto.Int64(12), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(25)}}, Graph: g}
}

// rawTensor has n elements of a kind: what such tensors hold, and every special number.
func rawTensor(name string, dt onnxpb.TensorProto_DataType, n int) *onnxpb.TensorProto {
	r := rand.New(rand.NewPCG(uint64(dt), uint64(n)))
	width := kinds[dt].Width()
	var raw []byte
	for i := range n {
		var bits uint64
		switch f := float32(r.NormFloat64() * 0.1); {
		case i%10 == 9: // any code: infinities, NaN, denormal numbers
			bits = r.Uint64()
			if i%20 == 19 {
				bits &= 0x00ff
			}
		case dt == onnxpb.TensorProto_FLOAT:
			bits = uint64(math.Float32bits(f))
		case dt == onnxpb.TensorProto_DOUBLE:
			bits = math.Float64bits(float64(f))
		case dt == onnxpb.TensorProto_BFLOAT16:
			bits = uint64(math.Float32bits(f) >> 16)
		case dt == onnxpb.TensorProto_FLOAT16:
			bits = uint64(math.Float32bits(f)>>16&0x8000 | (math.Float32bits(f) >> 13 & 0x3ffff) - 112<<10&0x7fff)
		case kinds[dt] == seal.Int32 || kinds[dt] == seal.Int64:
			bits = uint64(int64(f * 10000))
		default:
			bits = uint64(r.IntN(1 << 20))
		}
		raw = append(raw, binary.LittleEndian.AppendUint64(nil, bits)[:width]...)
	}
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(dt)), Dims: []int64{int64(n)}, RawData: raw}
}

// positive makes all numbers of a tensor of floats positive.
func positive(w *onnxpb.TensorProto) *onnxpb.TensorProto {
	for i := 3; i < len(w.RawData); i += 4 {
		w.RawData[i] &= 0x7f
	}
	return w
}

// varints is a tensor whose elements are in int32_data.
func varints(name string, dt onnxpb.TensorProto_DataType, n int) *onnxpb.TensorProto {
	w := rawTensor(name, dt, n)
	for i := range n {
		var x int32
		switch dt {
		case onnxpb.TensorProto_INT32:
			x = int32(binary.LittleEndian.Uint32(w.RawData[4*i:]))
		case onnxpb.TensorProto_INT8:
			x = int32(int8(w.RawData[i]))
		default:
			x = int32(binary.LittleEndian.Uint16(w.RawData[2*i:]))
		}
		w.Int32Data = append(w.Int32Data, x)
	}
	w.RawData = nil
	return w
}

// external moves the elements of a tensor to a file.
func external(w *onnxpb.TensorProto, location string, offset int) *onnxpb.TensorProto {
	entry := func(k, v string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: &k, Value: &v}
	}
	w.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	w.ExternalData = []*onnxpb.StringStringEntryProto{entry("location", location), entry("offset", fmt.Sprint(offset)), entry("length", fmt.Sprint(len(w.RawData)))}
	w.RawData = nil
	return w
}

func keyCases() []keyCase {
	float := func(n int) *onnxpb.TensorProto { return rawTensor("w", onnxpb.TensorProto_FLOAT, n) }
	cases := []keyCase{
		{folder: "patches", about: "five elements have other values", format: 1, model: oneTensor(float(100)), lock: edit(false)},
		{folder: "flip", about: "five elements have other signs", format: 2, model: oneTensor(float(100)), lock: edit(true)},
	}
	for _, dt := range []onnxpb.TensorProto_DataType{
		onnxpb.TensorProto_UINT8, onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16,
		onnxpb.TensorProto_FLOAT8E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ, onnxpb.TensorProto_FLOAT8E5M2, onnxpb.TensorProto_FLOAT8E5M2FNUZ,
		onnxpb.TensorProto_FLOAT8E8M0, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT32, onnxpb.TensorProto_UINT64,
	} {
		kind := kinds[dt]
		cases = append(cases, keyCase{folder: kind.String(), about: fmt.Sprintf("elements of kind %d, %v", kind, kind), format: 3, model: oneTensor(rawTensor("w", dt, 101)), lock: sealAll})
	}
	a, b := rawTensor("a", onnxpb.TensorProto_FLOAT, 50), rawTensor("b", onnxpb.TensorProto_FLOAT16, 60)
	dataA, dataB := append(make([]byte, 64), a.RawData...), append(append([]byte{}, b.RawData...), "and what else is in the file"...)
	many := manyTensors(rawTensor("first", onnxpb.TensorProto_FLOAT, 20), rawTensor("second", onnxpb.TensorProto_FLOAT, 20), rawTensor("third", onnxpb.TensorProto_INT8, 33))
	return append(cases,
		keyCase{folder: "blocks", about: "more than one block, the last one short", format: 3, model: oneTensor(float(4096 + 5)), lock: sealAll},
		keyCase{folder: "block", about: "exactly one block", format: 3, model: oneTensor(rawTensor("w", onnxpb.TensorProto_FLOAT16, 4096)), lock: sealAll},
		keyCase{folder: "one", about: "a single element", format: 3, model: oneTensor(float(1)), lock: sealAll},
		keyCase{folder: "keep-signs", about: "no element is negative: signs stay", format: 3, model: oneTensor(positive(float(101))), lock: sealAll},
		keyCase{folder: "damped", about: "exponents are exchanged", format: 3, model: oneTensor(rawTensor("damped", onnxpb.TensorProto_FLOAT, 200)), lock: sealAll},
		keyCase{folder: "varints-int32", about: "int32 as varints", format: 3, model: oneTensor(varints("w", onnxpb.TensorProto_INT32, 101)), lock: sealAll},
		keyCase{folder: "varints-int8", about: "int8 as varints", format: 3, model: oneTensor(varints("w", onnxpb.TensorProto_INT8, 101)), lock: sealAll},
		keyCase{folder: "varints-float16", about: "float16 as varints, more than one block", format: 3, model: oneTensor(varints("w", onnxpb.TensorProto_FLOAT16, 4100)), lock: sealAll},
		keyCase{folder: "tensors", about: "three tensors in one file", format: 3, model: many, lock: sealAll},
		keyCase{folder: "external", about: "data files that have other names: splices, then a keystream", format: 3,
			model: manyTensors(external(a, "a.bin", 64), external(b, "data/b.bin", 0), rawTensor("c", onnxpb.TensorProto_FLOAT, 7)),
			data:  map[string][]byte{"a.bin": dataA, "data/b.bin": dataB}, lock: sealAll},
		keyCase{folder: "twice", about: "locked twice: a keystream, then patches", format: 3, model: oneTensor(float(100)), lock: editThenSeal},
		keyCase{folder: "other-model", about: "the locked file has been changed", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx"][60] ^= 1 }},
		keyCase{folder: "truncated", about: "the locked file is cut off", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx"] = f["locked.onnx"][:len(f["locked.onnx"])-1] }},
		keyCase{folder: "longer", about: "the locked file has a byte more", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx"] = append(f["locked.onnx"], 0) }},
		keyCase{folder: "original-instead", about: "the original in place of the locked file", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx"] = f["original/model.onnx"] }},
		keyCase{folder: "external-changed", about: "a data file has been changed", format: 3, model: oneTensor(external(float(100), "a.bin", 0)), data: map[string][]byte{"a.bin": float(100).RawData}, lock: sealAll, error: "mismatch",
			damage: func(f map[string][]byte) { f["locked.onnx.data"][70] ^= 1 }},
		keyCase{folder: "external-missing", about: "a data file is not there", format: 3, model: oneTensor(external(float(100), "a.bin", 0)), data: map[string][]byte{"a.bin": float(100).RawData}, lock: sealAll, error: "missing",
			damage: func(f map[string][]byte) { delete(f, "locked.onnx.data") }},
		keyCase{folder: "other-seed", about: "the seed is another one: what comes out is not the original", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "result",
			spoil: func(r *onnxio.Record) { r.Steps[0].Keystream.Key.Seed[0] ^= 1 }},
		keyCase{folder: "other-value", about: "a value is another one: what comes out is not the original", format: 1, model: oneTensor(float(100)), lock: edit(false), error: "result",
			spoil: func(r *onnxio.Record) { r.Patches[0].Original[0] ^= 1 }},
		keyCase{folder: "other-file", about: "the key has a data file that the original does not refer to", format: 1, model: oneTensor(external(float(100), "a.bin", 0)), data: map[string][]byte{"a.bin": float(100).RawData}, lock: edit(false), error: "result",
			spoil: func(r *onnxio.Record) { r.Files[1].Name = ".bashrc" }},
		keyCase{folder: "bad-digest", about: "the digest of a plain key does not match", format: 3, model: oneTensor(float(100)), lock: sealAll, error: "damaged",
			damage: func(f map[string][]byte) { f["model.key"][len(f["model.key"])-1] ^= 1 }},
	)
}

// make returns the files of a case by name, and its entry in the index.
func (c *keyCase) make(t *testing.T) (map[string][]byte, keyVector) {
	t.Helper()
	dir := t.TempDir()
	data, err := proto.MarshalOptions{Deterministic: true}.Marshal(c.model)
	if err != nil {
		t.Fatal(err)
	}
	original := map[string][]byte{"model.onnx": data}
	for name, data := range c.data {
		original[name] = data
	}
	for name, data := range original {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m, err := onnxio.Open(filepath.Join(dir, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	rec := c.lock(t, m, filepath.Join(dir, "locked.onnx"))
	v := keyVector{Folder: c.folder, About: c.about, Format: c.format, Error: c.error}
	files := map[string][]byte{}
	for _, f := range rec.Files {
		v.Files = append(v.Files, vectorFile{f.LockedName, f.Name, fmt.Sprintf("%x", f.SHA256)})
		if files[f.LockedName], err = os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.LockedName))); err != nil {
			t.Fatal(err)
		}
		files["original/"+f.Name] = original[f.Name]
	}
	if c.spoil != nil {
		c.spoil(rec)
		v.Files = nil
	}
	var k bytes.Buffer
	if err := key.WritePlain(&k, &key.Key{Record: *rec, Tool: "test vector", Summary: key.Summary{Profile: "sealed"}}); err != nil {
		t.Fatal(err)
	}
	files["model.key"] = k.Bytes()
	if c.damage != nil {
		c.damage(files)
		v.Files = nil
	}
	return files, v
}

// TestKeyVectors unlocks every vector, and checks that the committed files are those that
// the cases stand for: nothing of the formats changes unnoticed.
func TestKeyVectors(t *testing.T) {
	index := keyIndex{Version: 1}
	for _, c := range keyCases() {
		t.Run(c.folder, func(t *testing.T) {
			files, v := c.make(t)
			index.Vectors = append(index.Vectors, v)
			for name, want := range files {
				path := filepath.Join(vectorsDir, c.folder, filepath.FromSlash(name))
				if *update {
					if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(path, want, 0o644); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s is not what its case makes (%v): run this test with -update", path, err)
				}
			}
			unlockVector(t, v)
		})
	}
	text, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	path := filepath.Join(vectorsDir, "index.json")
	if *update {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%s is not what the cases make (%v): run this test with -update", path, err)
	}
}

// unlockVector does what every reader has to do with a vector.
func unlockVector(t *testing.T, v keyVector) {
	t.Helper()
	dir := filepath.Join(vectorsDir, v.Folder)
	data, err := os.ReadFile(filepath.Join(dir, "model.key"))
	if err != nil {
		t.Fatal(err)
	}
	k, err := key.Read(bytes.NewReader(data))
	if v.Error == "damaged" {
		if err == nil {
			t.Error("a damaged key is read")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var out atomicfile.Set
	defer out.Abort()
	to := t.TempDir()
	err = onnxio.Restore(context.Background(), filepath.Join(dir, "locked.onnx"), &k.Record, &out, filepath.Join(to, "model.onnx"), nil)
	if err == nil {
		err = out.Commit()
	}
	if v.Error != "" {
		class := map[string]error{"mismatch": onnxio.ErrMismatch, "missing": fs.ErrNotExist, "result": onnxio.ErrRecord}[v.Error]
		if class == nil || !errors.Is(err, class) {
			t.Errorf("%v, want an error of class %s", err, v.Error)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range v.Files {
		got, err := os.ReadFile(filepath.Join(to, filepath.FromSlash(f.Original)))
		if err != nil || fmt.Sprintf("%x", sha256.Sum256(got)) != f.SHA256 {
			t.Errorf("%s is not the original (%v)", f.Original, err)
		}
		want, err := os.ReadFile(filepath.Join(dir, "original", filepath.FromSlash(f.Original)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not the file in the folder original (%v)", f.Original, err)
		}
	}
}
