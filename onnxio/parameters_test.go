package onnxio

import (
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Graphs of these tests are messages: what counts is who uses what.

func tp(name string, dt onnxpb.TensorProto_DataType, dims []int64, raw []byte) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(dt)), Dims: dims, RawData: raw}
}

// weights are n different floats.
func weights(name string, n int64) *onnxpb.TensorProto {
	var values []float32
	for i := range n {
		values = append(values, float32(i+1)/8)
	}
	return tp(name, float32Type, []int64{n}, floats(values...))
}

func integers(name string, values ...int64) *onnxpb.TensorProto {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return tp(name, int64Type, []int64{int64(len(values))}, b)
}

func int8s(name string, dims ...int64) *onnxpb.TensorProto {
	n := int64(1)
	for _, d := range dims {
		n *= d
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(3 * i)
	}
	return tp(name, int8Type, dims, b)
}

// op is "outputs = Operator(inputs)" or "outputs = domain:Operator(inputs)".
func op(line string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
	out, rest, ok := strings.Cut(line, " = ")
	operator, in, ok2 := strings.Cut(rest, "(")
	if !ok || !ok2 {
		panic(line)
	}
	n := &onnxpb.NodeProto{Attribute: attrs}
	if domain, name, ok := strings.Cut(operator, ":"); ok {
		n.Domain, operator = &domain, name
	}
	n.OpType = &operator
	n.Output = strings.Split(out, ", ")
	if in = strings.TrimSuffix(in, ")"); in != "" {
		n.Input = strings.Split(in, ", ")
	}
	return n
}

func tensorAttr(name string, t *onnxpb.TensorProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, T: t, Type: onnxpb.AttributeProto_TENSOR.Enum()}
}

func graphAttr(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, G: g, Type: onnxpb.AttributeProto_GRAPH.Enum()}
}

// anyFloats is a tensor of floats of any shape.
var anyFloats = &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1)}}}

func infos(names ...string) []*onnxpb.ValueInfoProto {
	var all []*onnxpb.ValueInfoProto
	for _, n := range names {
		all = append(all, &onnxpb.ValueInfoProto{Name: &n, Type: anyFloats})
	}
	return all
}

func protoGraph(in, out []string, tensors []*onnxpb.TensorProto, nodes ...*onnxpb.NodeProto) *onnxpb.GraphProto {
	return &onnxpb.GraphProto{Name: proto.String("g"), Input: infos(in...), Output: infos(out...), Initializer: tensors, Node: nodes}
}

func openProto(t *testing.T, g *onnxpb.GraphProto, functions ...*onnxpb.FunctionProto) *Model {
	t.Helper()
	data, err := proto.Marshal(&onnxpb.ModelProto{IrVersion: proto.Int64(8), Graph: g, Functions: functions,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(20)}, {Domain: proto.String("com.microsoft"), Version: proto.Int64(1)},
			{Domain: proto.String("ai.onnx.ml"), Version: proto.Int64(3)},
			{Domain: proto.String("my"), Version: proto.Int64(1)}, {Domain: proto.String("my.own"), Version: proto.Int64(1)}}})
	if err != nil {
		t.Fatal(err)
	}
	return openBytes(t, data)
}

// rolesIn returns "name: role", with + for what is trained, in the order of Parameters.
func rolesIn(m *Model) []string {
	var all []string
	for _, p := range m.Parameters() {
		trained := ""
		if p.Trained {
			trained = "+"
		}
		all = append(all, fmt.Sprintf("%s: %v%s", p.Name, p.Role, trained))
	}
	return all
}

func wantRoles(t *testing.T, m *Model, want ...string) {
	t.Helper()
	if got := rolesIn(m); !slices.Equal(got, want) {
		t.Errorf("got\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}

func tensors(ts ...*onnxpb.TensorProto) []*onnxpb.TensorProto { return ts }

func TestRoles(t *testing.T) {
	mask := tp("mask", float32Type, []int64{2, 2}, floats(0, float32(math.Inf(-1)), 0, 0))
	castTo := func(dt onnxpb.TensorProto_DataType) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: proto.String("to"), I: proto.Int64(int64(dt)), Type: onnxpb.AttributeProto_INT.Enum()}
	}
	for _, c := range []struct {
		name    string
		tensors []*onnxpb.TensorProto
		nodes   []*onnxpb.NodeProto
		want    []string
	}{
		{"a network, in the order of its nodes", tensors(weights("b", 4), weights("one", 1), weights("w", 8), weights("bias", 1), weights("unused", 9)),
			[]*onnxpb.NodeProto{op("h = Conv(x, w, b)"), op("i = Mul(h, one)"), op("y = Gemm(i, w, bias)")},
			[]string{"w: weight+", "b: weight+", "one: scalar", "bias: weight+", "unused: weight+"}},
		{"shapes and limits", tensors(integers("shape", 1, -1), weights("low", 1), weights("scales", 4), weights("roi", 8)),
			[]*onnxpb.NodeProto{op("h = Reshape(x, shape)"), op("i = Clip(h, low)"), op("y = Resize(i, roi, scales)")},
			[]string{"shape: structure", "low: structure", "roi: structure", "scales: structure"}},
		{"weights that are rounded and cut off, as Brevitas exports them", tensors(weights("w", 8), weights("step", 4), weights("least", 1), weights("most", 1), weights("signs", 8)),
			[]*onnxpb.NodeProto{op("a = Div(w, step)"), op("r = Round(a)"), op("over = Greater(r, most)"), op("c = Where(over, most, r)"), op("under = Less(c, least)"),
				op("d = Where(under, least, c)"), op("v = Mul(d, step)"), op("h = Conv(x, v)"), op("some = Less(signs, least)"), op("y = Where(some, h, x)")},
			[]string{"w: weight+", "step: weight+", "most: scalar", "least: scalar", "signs: structure"}},
		{"a shape made from parts", tensors(weights("two", 2), weights("half", 2)),
			[]*onnxpb.NodeProto{op("s = Shape(x)"), op("f = Cast(s)"), op("g = Mul(f, half)"), op("h = Concat(two, g)"), op("y = Resize(x, , h)")},
			[]string{"half: structure", "two: structure"}},
		{"indices that the network computes", tensors(weights("w", 8)),
			[]*onnxpb.NodeProto{op("h = MatMul(x, w)"), op("v, i = TopK(h, h)"), op("y = Gather(h, i)")},
			[]string{"w: weight+"}},
		{"only the shape is used", tensors(weights("w", 8)),
			[]*onnxpb.NodeProto{op("s = Shape(w)"), op("h = Reshape(x, s)"), op("y = MatMul(h, w)")},
			[]string{"w: weight+"}},
		{"masks", tensors(mask, weights("w", 4)),
			[]*onnxpb.NodeProto{op("h = Add(x, mask)"), op("y = Add(h, w)")},
			[]string{"mask: mask", "w: weight+"}},
		{"quantised and dequantised", tensors(int8s("q", 4, 4), weights("scales", 4), int8s("zeros", 4), weights("s", 1), int8s("z", 1), integers("i", 1)),
			[]*onnxpb.NodeProto{op("w = DequantizeLinear(q, scales, zeros)"), op("t = Transpose(w)"), op("h = MatMul(x, t)"), op("y = QuantizeLinear(h, s, z)")},
			[]string{"q: weight+", "scales: scale+", "zeros: zero point+", "s: scale", "z: zero point", "i: integer"}},
		{"zero points that have to be equal", tensors(int8s("q", 4, 4), weights("scales", 4), int8s("zeros", 4), weights("s", 1), int8s("z", 1)),
			[]*onnxpb.NodeProto{op("y = QLinearConv(x, s, z, q, scales, zeros, s, z)")},
			[]string{"s: scale", "z: zero point", "q: weight+", "scales: scale+", "zeros: zero point"}},
		{"an integer table behind a cast", tensors(int8s("q", 4, 8), int8s("short", 3), weights("scales", 8)),
			[]*onnxpb.NodeProto{op("t = Gather(q, x)"), op("f = Cast(t)", castTo(float32Type)), op("h = Mul(f, scales)"),
				op("g = Cast(short)", castTo(float32Type)), op("y = Add(h, g)")},
			[]string{"q: weight+", "scales: weight+", "short: integer"}},
		{"indices of a table", tensors(int8s("q", 4, 8), weights("w", 64)),
			[]*onnxpb.NodeProto{op("i = Cast(q)", castTo(int64Type)), op("y = Gather(w, i)")},
			[]string{"q: structure", "w: weight+"}},
		{"onnxruntime's operators", tensors(int8s("q", 8, 8), weights("scales", 8), int8s("zeros", 1), weights("gamma", 1), weights("cos", 8)),
			[]*onnxpb.NodeProto{op("h = com.microsoft:DynamicQuantizeMatMul(x, q, scales, zeros)"),
				op("i = com.microsoft:SkipLayerNormalization(h, h, gamma)"), op("y = com.microsoft:RotaryEmbedding(i, x, cos, cos)")},
			[]string{"q: weight+", "scales: scale+", "zeros: zero point", "gamma: weight+", "cos: weight+"}},
		{"unknown operators", tensors(weights("table", 16), weights("settings", 15), int8s("q", 100)),
			[]*onnxpb.NodeProto{op("y = my.own:Operator(x, table, settings, q)")},
			[]string{"table: weight+", "settings: scalar", "q: integer"}},
		{"not numbers", tensors(tp("flags", onnxpb.TensorProto_BOOL, []int64{2}, []byte{0, 1}), tp("empty", float32Type, []int64{0}, nil), weights("a", 2)),
			[]*onnxpb.NodeProto{op("h = Where(flags, x, a)"), op("y = Concat(h, empty)")},
			[]string{"flags: other", "a: weight+", "empty: other"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantRoles(t, openProto(t, protoGraph([]string{"x"}, []string{"y"}, c.tensors, c.nodes...)), c.want...)
		})
	}
}

func TestConstantsAndAttributes(t *testing.T) {
	list := &onnxpb.AttributeProto{Name: proto.String("coefficients"), Floats: make([]float32, 20), Type: onnxpb.AttributeProto_FLOATS.Enum()}
	few := &onnxpb.AttributeProto{Name: proto.String("value_floats"), Floats: make([]float32, 4), Type: onnxpb.AttributeProto_FLOATS.Enum()}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y"}, nil,
		op("w = Constant()", tensorAttr("value", weights("", 8))),
		op("shape = Constant()", tensorAttr("value", integers("ignored", 1, 2))),
		op("unused = Constant()", tensorAttr("value", weights("", 3))),
		op("few = Constant()", few),
		op("filled = ConstantOfShape(shape)", tensorAttr("value", weights("", 1))),
		op("h = MatMul(x, w)"),
		op("i = Resize(h, , few)"),
		op("j = ai.onnx.ml:LinearRegressor(i)", list),
		op("y = ai.onnx.ml:TreeEnsemble(j)", tensorAttr("splits", weights("", 32)), tensorAttr("odd", weights("", 2)))))
	wantRoles(t, m, "few: scalar", "shape: structure", "filled.value: scalar", "w: weight+",
		"j.coefficients: weight+", "y.splits: weight+", "y.odd: scalar", "unused: weight+")
	for _, p := range m.Parameters() {
		if p.Name == "j.coefficients" && (p.Tensor != nil || p.Count != 20 || p.Place != InList) {
			t.Errorf("the list: %+v", p)
		}
		if p.Name == "w" && (p.Place != InConstant || p.Tensor.Len() != 8 || !slices.Equal(p.Uses, []Use{{"h", "", "MatMul", 1}})) {
			t.Errorf("the constant: %+v", p)
		}
	}
}

// TestCoefficients: weights of linear models are weights however few, other short lists are not.
func TestCoefficients(t *testing.T) {
	list := func(name string) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: proto.String(name), Floats: make([]float32, 3), Type: onnxpb.AttributeProto_FLOATS.Enum()}
	}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y"}, nil,
		op("h = ai.onnx.ml:Scaler(x)", list("coefficients")),
		op("y = ai.onnx.ml:LinearRegressor(h)", list("coefficients"), list("intercepts"))))
	wantRoles(t, m, "h.coefficients: scalar", "y.coefficients: weight+", "y.intercepts: scalar")
}

func TestSubgraphs(t *testing.T) {
	branch := func(n int64) *onnxpb.GraphProto {
		return protoGraph(nil, []string{"r"}, tensors(weights("w", n)), op("s = MatMul(x, w)"), op("r = Add(s, outer)"))
	}
	body := protoGraph([]string{"i", "c", "state", "limit"}, []string{"d", "next", "limit2", "scan"}, nil,
		op("k = Constant()", tensorAttr("value", weights("", 4))),
		op("next = Mul(state, k)"),
		op("d = Less(limit, limit)"),
		op("limit2 = Identity(limit)"),
		op("scan = Identity(next)"))
	m := openProto(t, protoGraph([]string{"x", "flag"}, []string{"y", "z"}, tensors(weights("outer", 4), weights("start", 4), weights("bound", 2), integers("n", 3)),
		op("h = If(flag)", graphAttr("then_branch", branch(4)), graphAttr("else_branch", branch(5))),
		op("l, m, y = Loop(n, flag, start, bound)", graphAttr("body", body)),
		op("z = Add(h, l)")))
	wantRoles(t, m, "h.then_branch/w: weight+", "outer: weight+", "h.else_branch/w: weight+",
		"n: structure", "start: weight+", "bound: structure", "k: weight+")
	for _, p := range m.Parameters() {
		if p.Name == "start" && !slices.Contains(p.Uses, Use{"next", "", "Mul", 0}) {
			t.Errorf("the use inside the loop is missing: %v", p.Uses)
		}
	}
}

func TestFunctions(t *testing.T) {
	standard := []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(20)}}
	layer := &onnxpb.FunctionProto{Domain: proto.String("my"), Name: proto.String("Layer"), Input: []string{"a", "w", "size"}, Output: []string{"r"}, OpsetImport: standard,
		Node: []*onnxpb.NodeProto{op("k = Constant()", tensorAttr("value", weights("", 6))),
			op("s = MatMul(a, w)"), op("t = Mul(s, k)"), op("r = Resize(t, , size)")}}
	unused := &onnxpb.FunctionProto{Domain: proto.String("my"), Name: proto.String("Unused"), Output: []string{"r"}, OpsetImport: standard,
		Node: []*onnxpb.NodeProto{op("r = Constant()", tensorAttr("value", weights("", 7)))}}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y"}, tensors(weights("w1", 3), weights("w2", 3), weights("size", 4)),
		op("h = my:Layer(x, w1, size)"), op("y = my:Layer(h, w2, size)")), layer, unused)
	wantRoles(t, m, "w1: weight+", "size: structure", "k: weight+", "w2: weight+", "r: weight+")
	p := m.Parameters()[0]
	if !slices.Equal(p.Uses, []Use{{"s", "", "MatMul", 1}}) {
		t.Errorf("uses of w1: %v", p.Uses)
	}
}

// Names are unique and the same each time.
func TestParameterNames(t *testing.T) {
	inner := func() *onnxpb.GraphProto {
		return protoGraph(nil, []string{"r"}, tensors(weights("w", 2)), op("r = Add(x, w)"))
	}
	m := openProto(t, protoGraph([]string{"x"}, []string{"y"}, tensors(weights("h.then_branch/w", 2)),
		op("h = If(x)", graphAttr("then_branch", inner()), graphAttr("else_branch", inner())), op("y = Add(h, h.then_branch/w)")))
	var names []string
	for _, p := range m.Parameters() {
		names = append(names, p.Name)
	}
	if want := []string{"h.then_branch/w#2", "h.else_branch/w", "h.then_branch/w"}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
}

func TestRanges(t *testing.T) {
	values := counting(6)
	m := openBytes(t, model(
		tensor("raw", float32Type, shape(2, 3), raw(floats(values...))),
		tensor("packed", float32Type, shape(6), field(tensorFloatData, floats(values...))),
		tensor("loose", float32Type, shape(6), unpackedFloats(values...)),
		tensor("pieces", float32Type, shape(6), field(tensorFloatData, floats(values[:2]...)), field(tensorFloatData, floats(values[2:]...))),
		tensor("nibbles", onnxpb.TensorProto_INT4, shape(5), raw([]byte{1, 2, 3})),
		tensor("varints", int8Type, shape(3), packedVarints(tensorInt32Data, 1, -2, 3)),
		tensor("loose varints", int8Type, shape(2), unpackedVarints(tensorInt32Data, 1, -2)),
		tensor("two pieces", int8Type, shape(2), packedVarints(tensorInt32Data, 1), packedVarints(tensorInt32Data, 2)),
		tensor("none", float32Type, shape(0)),
	))
	data := m.files[0].data
	for name, want := range map[string]int{"raw": 1, "packed": 1, "loose": 1, "pieces": 2} {
		x, i := m.Lookup(name), 0
		ranges := x.Ranges()
		if len(ranges) != want || ranges[0].Adjacent() != (name != "loose") {
			t.Errorf("%s: %+v", name, ranges)
		}
		for _, r := range ranges {
			for k := range r.Count {
				got := math.Float32frombits(binary.LittleEndian.Uint32(data[r.Offset+k*int64(r.Stride):]))
				if got != values[i] {
					t.Errorf("%s: element %d is %v", name, i, got)
				}
				i++
			}
		}
		if _, _, ok := x.Varints(); ok || i != len(values) {
			t.Errorf("%s: %d elements, varints %v", name, i, ok)
		}
	}
	if r := m.Lookup("nibbles").Ranges(); len(r) != 1 || r[0].Width != 1 || r[0].Count != 3 {
		t.Errorf("nibbles: %+v", r)
	}
	r, n, ok := m.Lookup("varints").Varints()
	if want := packedVarints(tensorInt32Data, 1, -2, 3)[2:]; !ok || n != 3 || string(data[r.Offset:][:r.Count]) != string(want) {
		t.Errorf("varints: %+v, %d, %v", r, n, ok)
	}
	for _, name := range []string{"loose varints", "two pieces", "none", "varints"} {
		if got := m.Lookup(name).Ranges(); len(got) != 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, name := range []string{"loose varints", "two pieces", "none"} {
		if _, _, ok := m.Lookup(name).Varints(); ok {
			t.Errorf("%s are varints in one piece", name)
		}
	}
}

// Every float initializer of real models is a weight, a number or structure, with a
// unique name; those of the small classifiers are all weights.
func TestParametersOfRealModels(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(sharedFolder(t, "models"), "*.onnx"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no models: %v", err)
	}
	for _, path := range paths {
		m := open(t, path)
		trained, names := 0, map[string]bool{}
		for _, p := range m.Parameters() {
			if names[p.Name] {
				t.Errorf("%s: two parameters are called %s", path, p.Name)
			}
			names[p.Name] = true
			if p.Trained {
				trained += p.Count
			}
		}
		floats := 0
		for _, x := range m.Initializers() {
			if x.elem.kind == kindFloat {
				floats += x.Len()
			}
		}
		if trained != floats {
			t.Errorf("%s: %d of %d parameters found", path, trained, floats)
		}
	}
}

func FuzzParameters(f *testing.F) {
	for _, g := range []*onnxpb.GraphProto{
		protoGraph([]string{"x"}, []string{"y"}, tensors(weights("w", 4), int8s("q", 4, 4)), op("h = DequantizeLinear(q, w)"), op("y = Add(h, w)")),
		protoGraph([]string{"x"}, []string{"y"}, nil, op("w = Constant()", tensorAttr("value", weights("", 4))),
			op("y = Scan(w, x)", graphAttr("body", protoGraph([]string{"a", "b"}, []string{"b", "a"}, nil, op("c = If(a)", graphAttr("then_branch", protoGraph(nil, []string{"a"}, nil))))))),
	} {
		data, err := proto.Marshal(&onnxpb.ModelProto{Graph: g, Functions: []*onnxpb.FunctionProto{{Name: proto.String("Add"), Input: []string{"a"}, Node: []*onnxpb.NodeProto{op("b = Add(a)")}}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		path := write(t, "model.onnx", data)
		m, err := Open(path)
		if err != nil {
			t.Skip()
		}
		defer m.Close()
		names := map[string]bool{}
		for _, p := range m.Parameters() {
			if names[p.Name] {
				t.Errorf("two parameters are called %q", p.Name)
			}
			names[p.Name] = true
			if p.Tensor == nil {
				continue
			}
			for _, r := range p.Tensor.Ranges() {
				if end := r.Offset + (r.Count-1)*int64(r.Stride) + int64(r.Width); r.Offset < 0 || r.Count < 1 || end > m.files[r.File].Size {
					t.Errorf("%s lies outside its file: %+v", p.Name, r)
				}
			}
		}
	})
}
