package attack

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// quantised writes the demo model with the weights of its layers as int8, by channel: behind
// DequantizeLinear, or, every second one, behind a Cast and a product. What the first layer
// takes is quantised as well.
func quantised(t *testing.T) *onnxio.Model {
	t.Helper()
	original, _ := testmodel.Demo(t)
	data, err := os.ReadFile(original.Path())
	if err != nil {
		t.Fatal(err)
	}
	var m onnxpb.ModelProto
	if err := proto.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	g := m.Graph
	values := map[string][]float32{}
	for _, init := range original.Initializers() {
		if init.DataType == onnxpb.TensorProto_FLOAT {
			values[init.Name], _ = init.Float32s()
		}
	}
	floats := func(name string, x []float32, dims ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)), Dims: dims, FloatData: x}
	}
	node := func(op, out string, attribute *onnxpb.AttributeProto, in ...string) *onnxpb.NodeProto {
		n := &onnxpb.NodeProto{OpType: &op, Name: &out, Input: in, Output: []string{out}}
		if attribute != nil {
			n.Attribute = []*onnxpb.AttributeProto{attribute}
		}
		return n
	}
	integer := func(name string, v int64) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
	}
	var nodes []*onnxpb.NodeProto
	count := 0
	for _, n := range g.Node {
		i := slices.IndexFunc(g.Initializer, func(t *onnxpb.TensorProto) bool {
			return len(n.Input) > 1 && t.GetName() == n.Input[1] && len(t.Dims) > 1
		})
		if i < 0 || n.GetOpType() != "Conv" && n.GetOpType() != "Gemm" {
			continue
		}
		w := g.Initializer[i]
		x, units := values[w.GetName()], int(w.Dims[0])
		scales := make([]float32, units)
		codes := make([]byte, len(x))
		each := len(x) / units
		for u := range units {
			for _, v := range x[u*each:][:each] {
				scales[u] = max(scales[u], float32(math.Abs(float64(v)))/127)
			}
			for k, v := range x[u*each:][:each] {
				codes[u*each+k] = byte(int8(math.RoundToEven(float64(v / scales[u]))))
			}
		}
		name := w.GetName()
		dims := slices.Clone(w.Dims)
		w.Name, w.DataType, w.FloatData, w.RawData = proto.String(name+" codes"), proto.Int32(int32(onnxpb.TensorProto_INT8)), nil, codes
		if count++; count%2 == 0 {
			along := slices.Repeat([]int64{1}, len(dims))
			along[0] = dims[0]
			g.Initializer = append(g.Initializer, floats(name+" scale", scales, along...))
			nodes = append(nodes, node("Cast", name+" numbers", integer("to", 1), name+" codes"), node("Mul", name, nil, name+" numbers", name+" scale"))
			continue
		}
		g.Initializer = append(g.Initializer, floats(name+" scale", scales, dims[0]))
		nodes = append(nodes, node("DequantizeLinear", name, integer("axis", 0), name+" codes", name+" scale"))
	}
	if count < 4 {
		t.Fatalf("%d layers", count)
	}
	in := g.Input[0].GetName()
	g.Initializer = append(g.Initializer, floats("input scale", []float32{1.0 / 32}), &onnxpb.TensorProto{Name: proto.String("input zero"), DataType: proto.Int32(2), RawData: []byte{128}})
	nodes = append(nodes, node("QuantizeLinear", "input codes", nil, in, "input scale", "input zero"), node("DequantizeLinear", "input rounded", nil, "input codes", "input scale", "input zero"))
	for _, n := range g.Node {
		for i, name := range n.Input {
			if name == in {
				n.Input[i] = "input rounded"
			}
		}
	}
	g.Node = append(nodes, g.Node...)
	for _, o := range m.OpsetImport {
		if o.GetDomain() == "" && o.GetVersion() < 13 {
			o.Version = proto.Int64(13)
		}
	}
	if data, err = proto.Marshal(&m); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "quantised.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return open(t, path)
}

// What quantised weights stand for is trained. The graph computes what it did, and comes back.
func TestDequantise(t *testing.T) {
	m := quantised(t)
	before := proto.CloneOf(m.Proto())
	_, dir := testmodel.Demo(t)
	opt := Options{Batch: 16}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	train, test := samples(t, dir, dataset.Train, 100), samples(t, dir, dataset.Test, 200)
	l, err := newLab(m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	accuracy, err := l.measure(t.Context(), l.test)
	if err != nil || accuracy < 0.9 {
		t.Errorf("accuracy %.3f, %v", accuracy, err)
	}
	if len(l.folded.sources) != len(l.folded.names) || len(l.anatomy.layers) < len(l.folded.names) {
		t.Errorf("weights %q of %q, %d layers", l.folded.names, l.folded.sources, len(l.anatomy.layers))
	}
	for _, name := range l.folded.names {
		if !slices.Contains(l.names, name) || l.anatomy.role(name) != factor {
			t.Errorf("%s is not trained", name)
		}
	}
	for _, name := range l.names {
		if l.source(name) {
			t.Errorf("%s is trained as integers", name)
		}
	}
	// Training moves what the first weights stand for, by gradients that pass the rounding.
	name := l.anatomy.layers[0].weight
	old := slices.Clone(l.values(name))
	l.rng = l.seeded("test")
	if _, err := l.epoch(t.Context(), training{optimiser: Optimiser{Rule: "adam", Rate: 0.003}, scope: everything, epochs: 1, rng: l.rng}, newDescent(Optimiser{Rule: "adam", Rate: 0.003})); err != nil {
		t.Fatal(err)
	}
	if slices.Equal(old, l.values(name)) {
		t.Error("the first layer was not trained")
	}
	// A start that holds nothing has codes at random, and the same scales.
	l.restore(l.locked)
	if err := l.redrawElements(); err != nil {
		t.Fatal(err)
	}
	for _, name := range l.folded.sources {
		x := l.values(name)
		low, high := 0, 0
		for _, v := range x {
			if v != float32(int8(v)) {
				t.Fatalf("%s has the code %v", name, v)
			}
			if v < -64 {
				low++
			} else if v >= 64 {
				high++
			}
		}
		if n := len(x); n > 200 && (low < n/6 || low > n/3 || high < n/6 || high > n/3) {
			t.Errorf("%s: %d low and %d high codes of %d", name, low, high, n)
		}
	}
	if got := l.values(name); slices.Equal(old, got) {
		t.Error("the first layer was not drawn anew")
	}
	l.close()
	if !proto.Equal(before, m.Proto()) {
		t.Error("the model has changed")
	}
}

// An attacker trains a quantised model that was sealed, and is on the zero line; the one that
// was not is worth more.
func TestAttackQuantised(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	m := quantised(t)
	_, dir := testmodel.Demo(t)
	train, test := samples(t, dir, dataset.Train, 200), samples(t, dir, dataset.Test, 300)
	for _, c := range []struct {
		name  string
		model *onnxio.Model
		holds bool
	}{{"sealed", sealModel(t, m, 0, testKey(t, 1)), false}, {"not locked at all", m, true}} {
		opt := quick()
		opt.Batch, opt.Epochs = 16, 2
		opt.Attacks = []string{"fine-tune"}
		opt.Settings = func(name, setting string) bool { return name != Scratch || setting == "Kaiming initialisation" }
		r, err := Run(context.Background(), c.model, train, test, opt)
		if err != nil {
			t.Fatal(err)
		}
		if holds := *r.Advantage > 0.2; holds != c.holds || !c.holds && *r.Advantage > 0.08 {
			t.Errorf("%s: %.3f, advantage %+.3f", c.name, *r.Best, *r.Advantage)
		}
		if c.holds && *r.Best < 0.9 {
			t.Errorf("%s: %.3f", c.name, *r.Best)
		}
	}
}
