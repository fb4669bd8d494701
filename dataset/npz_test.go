package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/google/go-cmp/cmp"
)

// member is one file of a zip made by hand.
type member struct{ name, content string }

// npy returns an .npy file with the given header fields and elements.
func npy(descr, fortran, shape string, elements ...any) string {
	return npyText(fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, fortran, shape), descr, elements...)
}

func npyText(header, descr string, elements ...any) string {
	var order binary.ByteOrder = binary.LittleEndian
	if strings.HasPrefix(descr, ">") {
		order = binary.BigEndian
	}
	var b bytes.Buffer
	b.WriteString(npyMagic + "\x01\x00")
	header += "\n"
	binary.Write(&b, binary.LittleEndian, uint16(len(header)))
	b.WriteString(header)
	for _, e := range elements {
		if err := binary.Write(&b, order, e); err != nil {
			panic(err)
		}
	}
	return b.String()
}

func zipOf(t testing.TB, method uint16, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, m := range members {
		w, err := z.CreateHeader(&zip.FileHeader{Name: m.name, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(m.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// write puts a file into a new folder and returns its path.
func write(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadNPZTypes(t *testing.T) {
	inf := float32(math.Inf(1))
	tests := []struct {
		descr, fortran, shape string
		elements              []any
		want                  nd.Array
	}{
		{"<f4", "False", "(2, 1)", []any{float32(1.5), float32(-2)}, nd.Of([]float32{1.5, -2}, 2, 1)},
		{">f4", "False", "(2,)", []any{float32(1.5), float32(-2)}, nd.Of([]float32{1.5, -2}, 2)},
		{"<f8", "False", "()", []any{0.1}, nd.Scalar[float32](0.1)},
		{">f8", "False", "()", []any{0.1}, nd.Scalar[float32](0.1)},
		{"<f2", "False", "(6,)", []any{[]uint16{0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00, 0x83ff}},
			nd.Of([]float32{1, -2, 65504, 1.0 / (1 << 24), inf, -1023.0 / (1 << 24)}, 6)},
		{"|i1", "False", "(2,)", []any{int8(-1), int8(2)}, nd.Of([]int64{-1, 2}, 2)},
		{"|u1", "False", "(2,)", []any{uint8(255), uint8(2)}, nd.Of([]int64{255, 2}, 2)},
		{"<i2", "False", "(1,)", []any{int16(-300)}, nd.Of([]int64{-300}, 1)},
		{">u2", "False", "(1,)", []any{uint16(65000)}, nd.Of([]int64{65000}, 1)},
		{"<i4", "False", "(1,)", []any{int32(-70000)}, nd.Of([]int64{-70000}, 1)},
		{"<u4", "False", "(1,)", []any{uint32(4e9)}, nd.Of([]int64{4e9}, 1)},
		{">i8", "False", "(1,)", []any{int64(-1 << 40)}, nd.Of([]int64{-1 << 40}, 1)},
		{"<u8", "False", "(1,)", []any{uint64(1 << 40)}, nd.Of([]int64{1 << 40}, 1)},
		{"|b1", "False", "(3,)", []any{[]byte{0, 1, 1}}, nd.Of([]bool{false, true, true}, 3)},
		{"<i4", "True", "(2, 3)", []any{[]int32{11, 21, 12, 22, 13, 23}}, nd.Of([]int64{11, 12, 13, 21, 22, 23}, 2, 3)},
		{"<i4", "True", "(2, 1, 2)", []any{[]int32{1, 3, 2, 4}}, nd.Of([]int64{1, 2, 3, 4}, 2, 1, 2)},
		{"<f4", "False", "(0, 3)", nil, nd.Of([]float32{}, 0, 3)},
	}
	for _, tt := range tests {
		for _, method := range []uint16{zip.Store, zip.Deflate} {
			t.Run(fmt.Sprint(tt.descr, tt.fortran, tt.shape, method), func(t *testing.T) {
				file := zipOf(t, method, member{"a/b:0.w.npy", npy(tt.descr, tt.fortran, tt.shape, tt.elements...)}, member{"notes.txt", "skipped"})
				got, err := ReadNPZ(write(t, "x.npz", file))
				if err != nil {
					t.Fatal(err)
				}
				want := map[string]nd.Array{"a/b:0.w": tt.want}
				if diff := cmp.Diff(want, got.Arrays); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func TestReadNPZText(t *testing.T) {
	file := zipOf(t, zip.Store,
		member{"u.npy", npy("<U3", "False", "(2,)", []int32{'a', 'é', 0, 'x', 'y', 'z'})},
		member{"s.npy", npy("|S2", "False", "(2,)", []byte("ab"), []byte("c\x00"))},
		member{"none.npy", npy("<U1", "False", "(0,)")})
	got, err := ReadNPZ(write(t, "x.npz", file))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"u": {"aé", "xyz"}, "s": {"ab", "c"}, "none": {}}
	if diff := cmp.Diff(want, got.Text); diff != "" {
		t.Error(diff)
	}
	if len(got.Arrays) != 0 {
		t.Errorf("arrays %v", got.Arrays)
	}
}

// Headers that Python accepts as well as those NumPy writes.
func TestNPYHeaderSpelling(t *testing.T) {
	for _, header := range []string{
		`{'descr': '<i2', 'fortran_order': False, 'shape': (1, 2), }            `,
		`{"shape":(1,2),"fortran_order":False,"descr":"<i2"}`,
		`{ 'shape' : ( 1L , 2L, ) , 'descr' : "<i2" , 'fortran_order' : False }`,
	} {
		got, err := ReadNPZ(write(t, "x.npz", zipOf(t, zip.Store, member{"a.npy", npyText(header, "<i2", int16(3), int16(4))})))
		if err != nil {
			t.Errorf("%s: %v", header, err)
			continue
		}
		if diff := cmp.Diff(nd.Of([]int64{3, 4}, 1, 2), got.Arrays["a"]); diff != "" {
			t.Errorf("%s: %s", header, diff)
		}
	}
}

func TestReadNPZErrors(t *testing.T) {
	good := npy("<f4", "False", "(2,)", float32(1), float32(2))
	tests := []struct {
		name, content, want string
	}{
		{"not npy", "hello world, this is text", "not in npy format"},
		{"empty", "", "unexpected EOF"},
		{"header cut", good[:20], "unexpected EOF"},
		{"elements cut", good[:len(good)-1], "7 bytes, but its header, shape [2] of float32, stands for 8"},
		{"elements too many", good + "x", "9 bytes, but its header"},
		{"huge", npy("<f4", "False", "(2147483648, 1024)"), "stands for 8796093022208"},
		{"overflow", npy("<f4", "False", "(2147483648, 2147483648, 8)"), "too many elements"},
		{"huge text", npy("<U1000000000", "False", "(9223372036854775807,)"), "too many elements"},
		{"negative", npy("<f4", "False", "(-1,)"), "not understood"},
		{"version", "\x93NUMPY\x09\x00" + good[8:], "version 9 is unknown"},
		{"header length", "\x93NUMPY\x02\x00\xff\xff\xff\xff" + good[10:], "npy header of 4294967295 bytes"},
		{"object", npy("|O", "False", "(1,)"), `element type "|O" cannot be read`},
		{"complex", npy("<c8", "False", "(1,)", 1.0), `element type "<c8" cannot be read`},
		{"no type", npy("", "False", "()"), `element type "" cannot be read`},
		{"zero-width text", npy("<U0", "False", "(9,)"), `element type "<U0" cannot be read`},
		{"structured", npyText("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", ""), "structured"},
		{"missing key", npyText("{'descr': '<f4', 'fortran_order': False}", ""), "not understood"},
		{"key twice", npyText("{'descr': '<f4', 'descr': '<f4', 'shape': ()}", ""), "not understood"},
		{"unknown key", npyText("{'descr': '<f4', 'fortran_order': False, 'x': ()}", ""), "not understood"},
		{"no dictionary", npyText("[1]", ""), "not understood"},
		{"uint64", npy("<u8", "False", "(2,)", uint64(1), uint64(1<<63)), "element 1, 9223372036854775808, does not fit int64"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "x.npz", zipOf(t, zip.Store, member{"w.npy", tt.content}))
			_, err := ReadNPZ(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			if !strings.HasPrefix(err.Error(), path+`: array "w": `) {
				t.Errorf("error %v names neither file nor array", err)
			}
		})
	}
}

func TestReadNPZDamagedZip(t *testing.T) {
	content := npy("<f4", "False", "(64,)", make([]float32, 64))
	whole := zipOf(t, zip.Store, member{"w.npy", content})
	flipped := bytes.Clone(whole)
	flipped[bytes.Index(whole, []byte(content))+len(content)-1] ^= 1
	packed := zipOf(t, zip.Deflate, member{"w.npy", content})
	broken := bytes.Clone(packed)
	broken[len("PK\x03\x04")+26+len("w.npy")] = 0xff // the first deflate block
	impossible := bytes.Clone(whole)
	central := bytes.LastIndex(impossible, []byte("PK\x01\x02"))
	binary.LittleEndian.PutUint32(impossible[central+24:], 1<<31)
	for name, tt := range map[string]struct {
		file []byte
		want string
	}{
		"checksum":  {flipped, "damaged: zip: checksum error"},
		"deflate":   {broken, "damaged: npy header: flate: corrupt input"},
		"truncated": {whole[:len(whole)-30], "not an npz file"},
		"no zip":    {[]byte("a,b\n1,2\n"), "not an npz file"},
		"size":      {impossible, "impossible size"},
		"twice":     {zipOf(t, zip.Store, member{"w.npy", content}, member{"w.npy", content}), "twice"},
	} {
		_, err := ReadNPZ(write(t, "x.npz", tt.file))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

func TestWriteNPZ(t *testing.T) {
	arrays := []Named{
		{"grad/conv.0/w:0", nd.Of([]float32{1, -2.5, float32(math.Inf(1)), 4, 5, 6}, 1, 2, 3)},
		{"labels", nd.Of([]int64{-1, 1 << 60}, 2)},
		{"mask", nd.Of([]bool{true, false}, 2, 1)},
		{"loss", nd.Scalar[float32](0.25)},
		{"none", nd.New(nd.Float32, 0, 7)},
	}
	var first, second bytes.Buffer
	if err := WriteNPZ(&first, arrays); err != nil {
		t.Fatal(err)
	}
	if err := WriteNPZ(&second, arrays); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the same arrays gave different bytes")
	}
	got, err := ReadNPZ(write(t, "x.npz", first.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	want := make(map[string]nd.Array)
	for _, a := range arrays {
		want[a.Name] = a.Array
	}
	if diff := cmp.Diff(want, got.Arrays); diff != "" {
		t.Error(diff)
	}

	// NumPy aligns elements to 64 bytes within the member and so do we.
	z, _ := zip.NewReader(bytes.NewReader(first.Bytes()), int64(first.Len()))
	for i, f := range z.File {
		if header := int(f.UncompressedSize64) - arrays[i].Array.Len()*map[nd.DType]int{nd.Float32: 4, nd.Int64: 8, nd.Bool: 1}[arrays[i].Array.DType()]; header%64 != 0 {
			t.Errorf("%s: header of %d bytes", f.Name, header)
		}
	}
}

func TestWriteNPZErrors(t *testing.T) {
	one := nd.Scalar[float32](1)
	for want, arrays := range map[string][]Named{
		`array "a" twice`:             {{"a", one}, {"a", one}},
		`array "z": an array of <nil`: {{"z", nd.Array{}}},
	} {
		if err := WriteNPZ(&bytes.Buffer{}, arrays); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

func FuzzNPZ(f *testing.F) {
	f.Add(zipOf(f, zip.Store, member{"in/x.npy", npy("<f2", "True", "(2, 2)", []uint16{1, 2, 3, 4})}))
	f.Add(zipOf(f, zip.Deflate, member{"labels.npy", npy("<U2", "False", "(1,)", []int32{'a', 'b'})}))
	f.Fuzz(roundTrip)
}

// FuzzNPY gets past the checksums of the zip.
func FuzzNPY(f *testing.F) {
	f.Add([]byte(npy("<f2", "True", "(2, 2)", []uint16{1, 2, 3, 4})))
	f.Add([]byte(npy("<f4", "True", "(4, 3, 2)", make([]float32, 24))))
	f.Add([]byte(npy("<i2", "True", "(3, 2, 2)", []int16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12})))
	f.Add([]byte(npy("<f8", "False", "(3, 2)", []float64{1, 2, 3, 4, 5, 6})))
	f.Add([]byte(npy("<U2", "False", "(1,)", []int32{'a', 'b'})))
	f.Add([]byte(npy(">u8", "False", "()", uint64(1<<63))))
	f.Fuzz(func(t *testing.T, content []byte) {
		roundTrip(t, zipOf(t, zip.Store, member{"x.npy", string(content)}))
	})
}

// roundTrip writes what could be read and reads it again.
func roundTrip(t *testing.T, file []byte) {
	r, err := newNPZReader(bytes.NewReader(file))
	if err != nil {
		return
	}
	content, err := r.all()
	if err != nil {
		return
	}
	arrays := make([]Named, 0, len(content.Arrays))
	for name, a := range content.Arrays {
		arrays = append(arrays, Named{name, a})
		checkRows(t, r, name, a)
	}
	var out bytes.Buffer
	if err := WriteNPZ(&out, arrays); err != nil {
		t.Skip(err) // a name that a zip cannot hold, or too many dimensions
	}
	r, err = newNPZReader(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range arrays {
		again, err := r.array(a.Name, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(a.Array, again, cmp.Comparer(sameBits)) {
			t.Fatalf("%q changed in writing", a.Name)
		}
	}
}

// checkRows reads every other row of an array, and compares with the whole.
func checkRows(t *testing.T, r *npzReader, name string, a nd.Array) {
	if len(a.Shape) == 0 || a.Shape[0] < 2 || a.Shape[0] > 1<<16 {
		return
	}
	var rows []int
	for row := 1; row < a.Shape[0]; row += 2 {
		rows = append(rows, row)
	}
	some, err := r.array(name, 0, rows)
	if err != nil {
		t.Fatal(err)
	}
	if want := rowsOf(a, rows); !cmp.Equal(some, want, cmp.Comparer(sameBits)) {
		t.Fatalf("rows %v of %q are %v, want %v", rows, name, some, want)
	}
}

// sameBits lets a NaN equal itself.
func sameBits(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }

// Of a file that unpacks to much more than it has, only the samples that are asked
// for are held.
func TestLimitReadsLittle(t *testing.T) {
	const n, width = 5000, 500 // 10 MB of floats
	row := func(i int) []byte {
		b := make([]byte, 4*width)
		binary.LittleEndian.PutUint32(b, math.Float32bits(float32(i)))
		return b
	}
	var x, fortran, labels bytes.Buffer
	x.WriteString(npy("<f4", "False", fmt.Sprintf("(%d, %d)", n, width)))
	fortran.WriteString(npy("<f4", "True", fmt.Sprintf("(%d, %d)", n, width)))
	labels.WriteString(npy("<i8", "False", fmt.Sprintf("(%d,)", n)))
	for i := range n {
		x.Write(row(i))
		binary.Write(&fortran, binary.LittleEndian, float32(i)) // the first column
		binary.Write(&labels, binary.LittleEndian, int64(i%2))
	}
	fortran.Write(make([]byte, 4*n*(width-1)))
	for _, c := range []struct {
		name, x string
		spec    Spec
		want    func(i int) bool // the samples that may be there
	}{
		{"the first", x.String(), Spec{Limit: 8}, func(i int) bool { return i < 8 }},
		{"by chance", x.String(), Spec{Limit: 8, Seed: 3}, func(i int) bool { return i < n }},
		{"in Fortran order", fortran.String(), Spec{Limit: 8, Seed: 3}, func(i int) bool { return i < n }},
	} {
		path := write(t, "x.npz", zipOf(t, zip.Deflate, member{"x.npy", c.x}, member{"labels.npy", labels.String()}))
		if info, err := os.Stat(path); err != nil || info.Size() > 1<<20 {
			t.Fatalf("%v, %v: the file does not unpack to much", info, err)
		}
		c.spec.Inputs = []Input{{Name: "x", Shape: []int{-1, width}}}
		var s *Set
		used := allocated(func() {
			var err error
			if s, err = Open(path, c.spec); err != nil {
				t.Fatal(err)
			}
		})
		if used > 4<<20 {
			t.Errorf("%s: %d bytes allocated for 16 kB", c.name, used)
		}
		b, err := s.Batch(0, s.Len())
		if err != nil || s.Len() != 8 {
			t.Fatalf("%s: %d samples, %v", c.name, s.Len(), err)
		}
		for i, label := range s.Labels() {
			v := int(b["x"].Float32s()[i*width])
			if !c.want(v) || v%2 != label || b["x"].Float32s()[i*width+1] != 0 {
				t.Errorf("%s: sample %d is row %d with label %d", c.name, i, v, label)
			}
		}
		all := c.spec
		all.Limit = 0
		whole, err := Open(path, all)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := whole.Subset(Spec{Limit: 8, Seed: c.spec.Seed}.choose(n, whole.Labels())).Batch(0, 8)
		if err != nil || !cmp.Equal(rest["x"], b["x"]) {
			t.Errorf("%s: other samples than of the whole set (%v)", c.name, err)
		}
	}
}

// Labels that are no classes are chosen with their samples.
func TestLimitTruth(t *testing.T) {
	path := write(t, "x.npz", zipOf(t, zip.Store, member{"x.npy", npy("<f4", "False", "(4, 1)", []float32{0, 1, 2, 3})},
		member{"y.npy", npy("<f4", "False", "(4, 2)", []float32{0, 0, 1, 10, 2, 20, 3, 30})}))
	s, err := Open(path, Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 1}}}, AnyLabels: true, Limit: 3, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Batch(0, 3)
	if err != nil {
		t.Fatal(err)
	}
	truth := s.Truth(0, 3).Float32s()
	for i, x := range b["x"].Float32s() {
		if truth[2*i] != x || truth[2*i+1] != 10*x {
			t.Errorf("sample %v has labels %v", x, truth[2*i:2*i+2])
		}
	}
}

// An array that does not fit in memory is refused by its header.
func TestArrayTooLarge(t *testing.T) {
	for name, c := range map[string]struct {
		shape string
		spec  Spec
		limit int64
	}{
		"memory":  {"(1048576, 4194304)", Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, -1}}}}, arrayLimit()},
		"samples": {"(33554433, 1)", Spec{Inputs: []Input{{Name: "x", Shape: []int{-1, 1}}}, Limit: 8}, MaxSamples},
	} {
		h := npy("<f4", "False", c.shape)
		z, err := newNPZReader(bytes.NewReader(zipOf(t, zip.Store, member{"x.npy", h})))
		if err != nil {
			t.Fatal(err)
		}
		// The sizes are those of a zip that says so.
		header, _, err := readNPYHeader(strings.NewReader(h))
		if err != nil {
			t.Fatal(err)
		}
		z.size = 1 << 60
		z.members["x"].UncompressedSize64 = uint64(len(h)) + uint64(header.count)*4
		z.members["x"].CompressedSize64 = uint64(len(h))
		z.members["x"].CompressedSize64 = z.members["x"].UncompressedSize64
		_, _, err = fromNPZ(z, c.spec)
		var tooLarge *ArraySizeError
		if !errors.As(err, &tooLarge) || tooLarge.Array != "x" || tooLarge.Limit != c.limit || tooLarge.Hint() == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
