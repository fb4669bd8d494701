package sealed

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// network is y = Gemm(Conv(x, w), q·scale): weights of two types, a scale, a shape and a
// scalar. The deviation is that of w.
func network(deviation float64) *onnxpb.ModelProto {
	r := rand.New(rand.NewPCG(1, 1))
	float := func(name string, deviation float64, dims ...int64) *onnxpb.TensorProto {
		n := int64(1)
		for _, d := range dims {
			n *= d
		}
		var raw []byte
		for range n {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(deviation*r.NormFloat64())))
		}
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: dims, RawData: raw}
	}
	q := &onnxpb.TensorProto{Name: proto.String("q"), DataType: proto.Int32(3), Dims: []int64{9, 10}, RawData: make([]byte, 90)}
	shape := &onnxpb.TensorProto{Name: proto.String("shape"), DataType: proto.Int32(7), Dims: []int64{2}, Int64Data: []int64{-1, 9}}
	node := func(op, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &op, Output: []string{out}, Input: in}
	}
	floats := &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1)}}}
	info := func(name string) []*onnxpb.ValueInfoProto {
		return []*onnxpb.ValueInfoProto{{Name: &name, Type: floats}}
	}
	return &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{Name: proto.String("g"), Input: info("x"), Output: info("y"),
			Initializer: []*onnxpb.TensorProto{q, float("scale", 1, 1), float("w", deviation, 9, 4, 3, 3), shape, float("half", 1, 1), float("bias", 1, 10)},
			Node: []*onnxpb.NodeProto{node("Conv", "h", "x", "w"), node("Mul", "i", "h", "half"), node("Reshape", "j", "i", "shape"),
				node("DequantizeLinear", "d", "q", "scale"), node("Gemm", "y", "j", "d", "bias")}}}
}

func open(t *testing.T, p *onnxpb.ModelProto) *onnxio.Model {
	t.Helper()
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func plan(t *testing.T, m *onnxio.Model, opt Options) *Plan {
	t.Helper()
	p, err := NewPlan(m, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// names are those of the ranges, in alphabetical order.
func names(p *Plan) []string {
	var all []string
	for _, r := range p.Ranges {
		all = append(all, r.Name)
	}
	slices.Sort(all)
	return all
}

func TestPlan(t *testing.T) {
	m := open(t, network(0.1))
	p := plan(t, m, Options{})
	if want := []string{"bias", "q", "w"}; !slices.Equal(names(p), want) {
		t.Errorf("%q is sealed, want %q", names(p), want)
	}
	if p.Sealed != 9*4*9+90+10 || p.Parameters != p.Sealed || len(p.Left) != 0 {
		t.Errorf("%d of %d parameters, left %v", p.Sealed, p.Parameters, p.Left)
	}
	for i, r := range p.Ranges {
		if r.Tensor.Index != uint64(i) || r.Tensor.KeepSigns {
			t.Errorf("range %d: %+v", i, r)
		}
	}
	if got := names(plan(t, m, Options{Wanted: func(name string) bool { return name != "w" }})); !slices.Equal(got, []string{"bias", "q"}) {
		t.Errorf("without w %q is sealed", got)
	}
	for share, want := range map[float64][]string{0.01: {"w"}, 0.9: {"q", "w"}, 1: {"bias", "q", "w"}} {
		if got := names(plan(t, m, Options{Share: share})); !slices.Equal(got, want) {
			t.Errorf("a share of %v is %q, want %q", share, got, want)
		}
	}
	if _, err := NewPlan(m, Options{Share: -1}); err == nil {
		t.Error("a negative share was accepted")
	}
}

// Scales of channels stay in clear, so that runtimes still fuse quantised layers. Those of
// blocks are sealed, and those of channels on demand.
func TestScales(t *testing.T) {
	for _, c := range []struct {
		name string
		dims []int64
		opt  Options
		want Scales
	}{
		{"whole tensor", []int64{1}, Options{}, Scales{}},
		{"channels", []int64{9}, Options{}, Scales{1, 9}},
		{"channels on demand", []int64{9}, Options{Scales: true}, Scales{}},
		{"channels, not wanted", []int64{9}, Options{Wanted: func(name string) bool { return name == "w" }}, Scales{}},
		{"blocks", []int64{9, 2}, Options{}, Scales{}},
	} {
		p := network(0.1)
		n := int64(1)
		for _, d := range c.dims {
			n *= d
		}
		p.Graph.Initializer[1].Dims, p.Graph.Initializer[1].RawData = c.dims, bytes.Repeat([]byte{0, 0, 0x80, 0x3f}, int(n))
		got := plan(t, open(t, p), c.opt)
		if got.Scales != c.want {
			t.Errorf("%s: %+v stay in clear, want %+v", c.name, got.Scales, c.want)
		}
		sealed := slices.Contains(names(got), "scale")
		if want := n > 1 && c.want.Tensors == 0 && c.opt.Wanted == nil; sealed != want {
			t.Errorf("%s: scales are sealed: %v, want %v", c.name, sealed, want)
		}
	}
}

// The whole way: the file stays a model, and comes back.
func TestSealFile(t *testing.T) {
	m := open(t, network(0.1))
	p := plan(t, m, Options{})
	var ranges []seal.Range
	for _, r := range p.Ranges {
		ranges = append(ranges, r.Range)
	}
	original, err := os.ReadFile(m.Path())
	if err != nil {
		t.Fatal(err)
	}
	key, size := seal.NewKey(), int64(len(original))
	var locked, back bytes.Buffer
	if err := key.Seal(t.Context(), &locked, bytes.NewReader(original), size, ranges, 0); err != nil {
		t.Fatal(err)
	}
	if err := key.Unseal(t.Context(), &back, bytes.NewReader(locked.Bytes()), size, ranges, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(back.Bytes(), original) {
		t.Error("the original does not come back")
	}
	path := filepath.Join(t.TempDir(), "locked.onnx")
	if err := os.WriteFile(path, locked.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, name := range []string{"w", "q", "bias", "scale", "half"} {
		same := 0
		a, b := m.Lookup(name), l.Lookup(name)
		for i := range a.Len() {
			if a.Bits(i) == b.Bits(i) {
				same++
			}
		}
		if sealed := name != "scale" && name != "half"; sealed && same > a.Len()/8 || !sealed && same != a.Len() {
			t.Errorf("%d of %d elements of %s are the same", same, a.Len(), name)
		}
	}
}

// A layer that would amplify what comes in is damped, one that would not is left.
func TestDamping(t *testing.T) {
	for _, c := range []struct {
		deviation float64
		damped    bool
	}{{0.1, false}, {3, true}, {1e20, true}} {
		m := open(t, network(c.deviation))
		for _, r := range plan(t, m, Options{}).Ranges {
			if damped := r.Tensor.Exponents != nil; damped != (c.damped && r.Name == "w") {
				t.Errorf("deviation %v: %s is damped: %v", c.deviation, r.Name, damped)
			}
			if r.Name != "w" {
				continue
			}
			data := bytes.Clone(m.Files()[0].Bytes(r.Offset, r.Length))
			cipher, err := seal.NewKey().Cipher(r.Tensor)
			if err != nil {
				t.Fatal(err)
			}
			cipher.Seal(data, 0, 0)
			sum := 0.0
			for i := 0; i < len(data); i += 4 {
				v := float64(math.Float32frombits(binary.LittleEndian.Uint32(data[i:])))
				sum += v * v
			}
			if gain := 36 * sum / float64(len(data)/4); gain > 1.3 {
				t.Errorf("deviation %v: sealed weights have a gain of %.2f", c.deviation, gain)
			}
		}
		for _, r := range plan(t, m, Options{Undamped: true}).Ranges {
			if r.Tensor.Exponents != nil {
				t.Errorf("%s is damped although it should not", r.Name)
			}
		}
	}
}

// In float16 small weights cannot be made smaller; they go where they do least harm.
func TestDampingOfHalves(t *testing.T) {
	h := &exponents{n: 100_000, bias: 15, ones: 31}
	copy(h.count[:], []int{500, 240, 480, 950, 1900, 3800, 7600, 15000, 27000, 26000, 6000, 300, 50, 1, 1})
	for gain, want := range map[float64]float64{1.5: 1, 4: 1, 200: 200.0 / 6} {
		to := h.damp(gain)
		changed := *h
		for e, t := range to {
			changed.count[t] = h.count[e+1]
		}
		if reached := gain * changed.meanSquare() / h.meanSquare(); reached > want {
			t.Errorf("a gain of %v comes down to %.2f, want %.2f", gain, reached, want)
		}
	}
	if to := h.damp(1); to != nil {
		t.Errorf("a gain of 1 was damped: %v", to)
	}
}

// withDataFile opens a network of which some initializers, by index, lie in a data file, each with
// 40 bytes from an offset.
func withDataFile(t *testing.T, p *onnxpb.ModelProto, offsets map[int]string) *onnxio.Model {
	t.Helper()
	entry := func(k, v string) *onnxpb.StringStringEntryProto {
		return &onnxpb.StringStringEntryProto{Key: &k, Value: &v}
	}
	for i, at := range offsets {
		x := p.Graph.Initializer[i]
		x.Dims, x.RawData, x.Int64Data = []int64{10, 1, 1, 1}, nil, nil
		if x.GetDataType() == int32(onnxpb.TensorProto_INT64) {
			x.Dims = []int64{5}
		}
		x.DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		x.ExternalData = []*onnxpb.StringStringEntryProto{entry("location", "data"), entry("offset", at), entry("length", "40")}
	}
	data, err := proto.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := errors.Join(os.WriteFile(path, data, 0o644), os.WriteFile(filepath.Join(filepath.Dir(path), "data"), make([]byte, 100), 0o644)); err != nil {
		t.Fatal(err)
	}
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// Weights that lie in the same bytes are sealed once if they are of one kind, and refused
// otherwise.
func TestSharedBytes(t *testing.T) {
	external := func(offset string) *onnxio.Model {
		return withDataFile(t, network(0.1), map[int]string{2: "0", 5: offset})
	}
	if p := plan(t, external("0"), Options{}); len(p.Ranges) != 2 {
		t.Errorf("%d ranges, want q and one of 40 bytes", len(p.Ranges))
	}
	if p := plan(t, external("40"), Options{}); len(p.Ranges) != 3 {
		t.Errorf("%d ranges, want q and two of 40 bytes", len(p.Ranges))
	}
	if p := plan(t, external("8"), Options{}); len(p.Ranges) != 2 || p.Ranges[1].Length != 48 || p.Ranges[1].Tensor.Count != 12 {
		t.Errorf("%+v, want q and one of 48 bytes", p.Ranges)
	}
	if _, err := NewPlan(external("6"), Options{}); err == nil {
		t.Error("an overlap across elements was accepted")
	} else if _, ok := errors.AsType[*OverlapError](err); !ok {
		t.Errorf("an overlap: %v", err)
	}
}

// What is not sealed keeps its bytes, and so does what lies in them.
func TestBytesInClear(t *testing.T) {
	for offset, sealed := range map[string]bool{"0": false, "24": false, "39": false, "40": true} {
		m := withDataFile(t, network(0.1), map[int]string{2: "0", 3: offset}) // w and shape
		p := plan(t, m, Options{})
		if got := slices.Contains(names(p), "w"); got != sealed {
			t.Errorf("shape at %s: w is sealed: %v", offset, got)
		}
		if len(p.Left) == 0 != sealed || len(p.Left) > 0 && (p.Left[0].Name != "w" || !strings.Contains(p.Left[0].Why, "shape")) {
			t.Errorf("shape at %s: %+v is left", offset, p.Left)
		}
	}
}

// Overlaps that cannot be sealed as one.
func TestJoin(t *testing.T) {
	signed := []byte{0, 0, 0x80, 0x3f, 0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf}
	rangeOf := func(offset, length int64, kind seal.Kind, keep, varints bool) onnxio.SealedRange {
		return onnxio.SealedRange{Name: "w", Range: seal.Range{Offset: offset, Length: length, Varints: varints, Tensor: seal.Tensor{Kind: kind, Count: length / int64(kind.Width()), KeepSigns: keep}}}
	}
	p := network(0.1)
	p.Graph.Initializer[2].RawData = bytes.Repeat(signed, 9*4*9/3)
	m := open(t, p)
	at := int64(bytes.Index(m.Files()[0].Bytes(0, m.Files()[0].Size), signed))
	for _, c := range []struct {
		name string
		a, b onnxio.SealedRange
		ok   bool
	}{
		{"equal", rangeOf(at, 8, seal.Float32, true, false), rangeOf(at, 8, seal.Float32, true, false), true},
		{"inside", rangeOf(at, 12, seal.Float32, false, false), rangeOf(at+8, 4, seal.Float32, false, false), true},
		{"signs of one stay", rangeOf(at, 12, seal.Float32, false, false), rangeOf(at, 8, seal.Float32, true, false), false},
		{"signs of both stay, which differ", rangeOf(at, 8, seal.Float32, true, false), rangeOf(at+4, 8, seal.Float32, true, false), false},
		{"other kind", rangeOf(at, 8, seal.Float32, true, false), rangeOf(at, 8, seal.Float16, true, false), false},
		{"bytes", rangeOf(at, 8, seal.Bytes, false, false), rangeOf(at+1, 8, seal.Bytes, false, false), true},
		{"varints", rangeOf(at, 8, seal.Int32, true, true), rangeOf(at, 8, seal.Int32, true, true), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Plan{Ranges: []onnxio.SealedRange{c.a, c.b}}
			if err := p.order(m.Files()); (err == nil) != c.ok {
				t.Errorf("error %v", err)
			}
			if c.ok && len(p.Ranges) != 1 {
				t.Errorf("%d ranges", len(p.Ranges))
			}
		})
	}
}
