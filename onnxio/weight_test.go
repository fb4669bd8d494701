package onnxio

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// everywhere is a model with weights wherever exporters put them.
func everywhere(t *testing.T) string {
	t.Helper()
	branch := func(n int64) *onnxpb.GraphProto {
		return protoGraph(nil, []string{"y"}, tensors(weights("w", n)), op("y = Mul(x, w)"))
	}
	nibbles := tp("nibbles", onnxpb.TensorProto_INT4, []int64{20}, []byte{0x21, 0x43, 0x65, 0x07, 0x21, 0x43, 0x65, 0x07, 0x21, 0x43})
	g := protoGraph([]string{"x"}, []string{"out"}, tensors(weights("scale", 20), nibbles),
		op("c = Constant()", tensorAttr("value", weights("", 20))),
		op("z = Add(x, c)"),
		op("q = DequantizeLinear(nibbles, scale)"),
		op("i = Cast(bytes)", toFloat()),
		op("b = If(z)", graphAttr("then_branch", branch(20)), graphAttr("else_branch", branch(20))),
		op("f = my:own(z)"),
		op("out = Sum(z, q, i, b, f)"))
	g.Initializer = append(g.Initializer, int8s("bytes", 20))
	m := openProto(t, g, &onnxpb.FunctionProto{
		Name: proto.String("own"), Domain: proto.String("my"), Input: []string{"a"}, Output: []string{"d"},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(20)}},
		Node:        []*onnxpb.NodeProto{op("c = Constant()", tensorAttr("value", weights("", 20))), op("d = Mul(a, c)")},
	})
	return m.Path()
}

func toFloat() *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String("to"), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(onnxpb.TensorProto_FLOAT))}
}

// TestWeight edits tensors in all places by their names, and restores the file.
func TestWeight(t *testing.T) {
	path := everywhere(t)
	m := open(t, path)
	var edits []Edit
	for _, c := range []struct {
		name  string
		index int
		bits  uint64
	}{
		{"scale", 3, 0x40000000}, {"c", 0, 0x40000000}, {"nibbles", 4, 9}, {"nibbles", 5, 1}, {"nibbles", 19, 15}, {"bytes", 7, 0x80},
		{"b.then_branch/w", 1, 0x3f800000}, {"b.else_branch/w", 2, 0x3f800000}, {"my.own()/c", 5, 0xbf800000},
	} {
		if m.Weight(c.name) == nil {
			t.Errorf("no tensor is called %q", c.name)
			continue
		}
		edits = append(edits, Edit{c.name, c.index, c.bits})
	}
	for _, p := range m.Parameters() {
		if !p.Trained {
			t.Errorf("%s is a %v", p.Name, p.Role)
		}
		if want := p.Name == "nibbles" || p.Name == "bytes"; p.Quantised != want {
			t.Errorf("%s: quantised is %v", p.Name, p.Quantised)
		}
	}
	if len(edits) < 9 {
		for _, p := range m.Parameters() {
			t.Log(p.Name)
		}
		t.FailNow()
	}
	dir := t.TempDir()
	var out atomicfile.Set
	rec, err := m.Rewrite(&out, filepath.Join(dir, "locked.onnx"), edits)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	locked := open(t, filepath.Join(dir, "locked.onnx"))
	for _, e := range edits {
		if got := locked.Weight(e.Tensor).Bits(e.Index); got != e.Bits {
			t.Errorf("element %d of %s is %#x, want %#x", e.Index, e.Tensor, got, e.Bits)
		}
	}
	if got, want := locked.Weight("nibbles").Bits(18), m.Weight("nibbles").Bits(18); got != want {
		t.Errorf("the other half of a byte is %#x, want %#x", got, want)
	}
	var back bytes.Buffer
	if err := RestoreTo(t.Context(), &back, filepath.Join(dir, "locked.onnx"), rec, nil); err != nil {
		t.Fatal(err)
	}
	if want, err := os.ReadFile(path); err != nil || !bytes.Equal(back.Bytes(), want) {
		t.Errorf("the original does not come back: %v", err)
	}
}

// TestNotQuantised: integers that are used as such are not weights.
func TestNotQuantised(t *testing.T) {
	for name, nodes := range map[string][]*onnxpb.NodeProto{
		"also an index": {op("f = Cast(q)", toFloat()), op("y = Mul(f, x)"), op("r = Gather(x, q)")},
		"also an output": {op("f = Cast(q)", toFloat()), op("y = Mul(f, x)"),
			op("r = Identity(q)")},
	} {
		for _, p := range openProto(t, protoGraph([]string{"x"}, []string{"y", "r"}, tensors(int8s("q", 20)), nodes...)).Parameters() {
			if p.Name == "q" && p.Quantised {
				t.Errorf("%s: %s is quantised", name, p.Name)
			}
		}
	}
}
