package gradient_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/mutate"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestReadersAgree mutates models and compares what we read with what three other
// readers do: protobuf of Python (upb), protobuf of C++ inside onnx, and
// onnxruntime, whose outputs are compared with ours. A file that we open must be
// read by all of them, and as the same model.
//
// It needs a Python with onnx and onnxruntime: python3, or what ADVPARAMS_PYTHON
// names. ADVPARAMS_MUTATIONS is how many files to try, ADVPARAMS_SEED where to
// begin. A file that is read differently is kept below ADVPARAMS_KEEP, if set.
func TestReadersAgree(t *testing.T) {
	mutations, seed := 300, uint64(1)
	if testing.Short() {
		mutations = 60
	}
	if s := os.Getenv("ADVPARAMS_MUTATIONS"); s != "" {
		mutations, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("ADVPARAMS_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	peer := startReaders(t)
	t.Logf("onnx %s, onnxruntime %s, %d mutations", peer.versions.ONNX, peer.versions.ORT, mutations)
	bases := differentialBases(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "w.bin"), floats(10, 11, 12, 13, 14, 15), 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "model.onnx")
	counts := map[string]int{}
	for i := -len(bases); i < mutations; i++ {
		var data []byte
		if i < 0 {
			data = bases[i+len(bases)]
		} else {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			data = mutate.Model(bases[rng.IntN(len(bases))], rng)
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		what, err := peer.compare(path)
		counts[what]++
		if i < 0 && what != "same outputs" {
			t.Errorf("base %d: %s (%v)", i+len(bases), what, err)
		}
		if err != nil {
			t.Errorf("seed %d, file %d: %v\n%x", seed, i, err, data)
			if keep := os.Getenv("ADVPARAMS_KEEP"); keep != "" {
				if err := os.WriteFile(filepath.Join(keep, fmt.Sprintf("%d-%d.onnx", seed, i)), data, 0o644); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%6d %s", counts[what], what)
	}
}

// readers is the Python process that reads files for us.
type readers struct {
	t        *testing.T
	python   string
	cmd      *exec.Cmd
	in       io.WriteCloser
	answers  chan []byte
	versions struct {
		ONNX string `json:"onnx"`
		ORT  string `json:"onnxruntime"`
	}
}

func startReaders(t *testing.T) *readers {
	r := &readers{t: t, python: os.Getenv("ADVPARAMS_PYTHON")}
	if r.python == "" {
		r.python = "python3"
	}
	if out, err := exec.Command(r.python, "-c", "import onnx, onnxruntime").CombinedOutput(); err != nil {
		if os.Getenv("ADVPARAMS_PYTHON") != "" {
			t.Fatalf("%s: %v\n%s", r.python, err, out)
		}
		t.Skip("no Python with onnx and onnxruntime (.ci/differential installs one)")
	}
	r.start()
	t.Cleanup(r.stop)
	return r
}

func (r *readers) start() {
	r.t.Helper()
	r.cmd = exec.Command(r.python, filepath.Join("testdata", "differential.py"))
	var err error
	if r.in, err = r.cmd.StdinPipe(); err != nil {
		r.t.Fatal(err)
	}
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	answers := make(chan []byte)
	r.answers = answers
	go func() {
		defer close(answers)
		for s := bufio.NewReader(out); ; {
			line, err := s.ReadBytes('\n')
			if err != nil {
				return
			}
			answers <- line
		}
	}()
	if err := json.Unmarshal(<-r.answers, &r.versions); err != nil {
		r.t.Fatalf("testdata/differential.py does not answer: %v", err)
	}
}

func (r *readers) stop() {
	r.in.Close()
	r.cmd.Process.Kill()
	for range r.answers {
	}
	r.cmd.Wait()
}

// reading is what another reader makes of a file.
type reading struct {
	Error   string
	Model   []any
	Outputs map[string][2]json.RawMessage
}

// ask returns what upb, C++ and onnxruntime read; nil when the process died of the
// file, or did not answer.
func (r *readers) ask(path string) (answer map[string]reading) {
	fmt.Fprintln(r.in, path)
	select {
	case line, ok := <-r.answers:
		if ok && json.Unmarshal(line, &answer) == nil {
			return answer
		}
	case <-time.After(20 * time.Second):
	}
	r.stop()
	r.start()
	return nil
}

// operators matches the complaints of onnxruntime that are about operators and
// shapes, which are checked when a model is compiled, or about its own limits.
var operators = regexp.MustCompile(strings.Join([]string{
	`TypeInferenceError`, `ShapeInferenceError`, `Type Error`, `TypeError`, `[Tt]ype inference failed`, `Shape mismatch`,
	`is not a registered function/op`, `No Op registered`, `Invalid (in|out)put count for op`,
	`is marked single but has an empty string`, `Unsupported attribute value type`, `OrtValue indexes should have been populated`, `Attribute \w+ of \w+ has an invalid value`, `Unrecognized attribute`, `Mismatched attribute type`, `Required attribute`,
	`has input size \d+ not in range`, `has output size \d+ not in range`, `is expected to have`, `Could not find an implementation`,
	`NOT_IMPLEMENTED`, `does not have type information`, `is not acyclic`, `Expected type`, `differential: `,
	`Required inputs`, `Invalid rank`, `Got invalid dimensions`, `Non-zero status code`, `out of data bounds`, `is deprecated`,
	`No opset import for domain`, `Opset \d+ is under development`, `ONNX Runtime only \*guarantees\*`, `Unknown model file format version`,
}, "|"))

// parseFailure matches what the C++ parser says of a file that it cannot read; a
// sparse_tensor_type in a complaint of shape inference is none.
var parseFailure = regexp.MustCompile(`\b[Pp]ars`)

// compare opens a file here and elsewhere. It says what came of it, with an error
// if there is a difference.
func (r *readers) compare(path string) (what string, err error) {
	m, refusal := onnxio.Open(path)
	if refusal != nil {
		class := "other"
		if f, ok := errors.AsType[*onnxio.MalformedError](refusal); ok {
			class = string(f.Class)
		}
		return "refused: " + class, nil
	}
	defer m.Close()
	answer := r.ask(path)
	if answer == nil {
		return "Python died or hung", nil
	}
	for _, reader := range []string{"upb", "cpp"} {
		got := answer[reader]
		if got.Error != "" {
			if reader == "cpp" && !parseFailure.MatchString(got.Error) {
				continue // shape inference failed, not the parser
			}
			return reader + " refuses", fmt.Errorf("%s refuses what we open: %s", reader, got.Error)
		}
		want := asJSON(modelOf(m, reader == "upb"))
		if diff := firstDifference("model", want, any(got.Model)); diff != "" {
			return reader + " reads another model", fmt.Errorf("%s reads another model: %s", reader, diff)
		}
	}
	ort := answer["ort"]
	if ort.Error != "" {
		if operators.MatchString(ort.Error) {
			return "onnxruntime refuses operators", nil
		}
		return "onnxruntime refuses", fmt.Errorf("onnxruntime refuses what we open: %s", ort.Error)
	}
	outputs, err := forward(m)
	if err != nil {
		return "not compiled by us", nil
	}
	for name, want := range outputs {
		got, ok := ort.Outputs[name]
		if !ok {
			continue // of a type that is not compared
		}
		if err := sameArray(want, got); err != nil {
			return "other outputs", fmt.Errorf("output %q: %w", name, err)
		}
	}
	return "same outputs", nil
}

// forward runs a model on the inputs that differential.py makes.
func forward(m *onnxio.Model) (map[string]nd.Array, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	shapes, feeds := map[string][]int{}, map[string]nd.Array{}
	for _, in := range inputs {
		shape, n := append([]int{}, in.Shape...), 1
		for i := range shape {
			if shape[i] < 0 {
				shape[i] = 2
			}
			n *= shape[i]
		}
		if n > 4096 {
			return nil, errors.New("large input")
		}
		a := nd.Array{Shape: shape}
		switch in.DType {
		case nd.Float32:
			v := make([]float32, n)
			for i := range v {
				v[i] = float32(i)*0.5 + 0.5
			}
			a.Data = v
		case nd.Int64:
			v := make([]int64, n)
			for i := range v {
				v[i] = int64(i) + 1
			}
			a.Data = v
		case nd.Bool:
			v := make([]bool, n)
			for i := range v {
				v[i] = i%2 == 0
			}
			a.Data = v
		}
		shapes[in.Name], feeds[in.Name] = shape, a
	}
	p, err := gradient.Compile(m, gradient.Config{Shapes: shapes, Memory: 1 << 28})
	if err != nil {
		return nil, err
	}
	arrays, err := p.Forward(feeds)
	if err != nil {
		return nil, err
	}
	out := map[string]nd.Array{}
	for i, o := range m.Proto().GetGraph().GetOutput() {
		out[o.GetName()] = arrays[i]
	}
	return out, nil
}

// sameArray compares an output with [shape, elements] of differential.py.
func sameArray(want nd.Array, got [2]json.RawMessage) error {
	var shape []int
	var elements []string
	if err := errors.Join(json.Unmarshal(got[0], &shape), json.Unmarshal(got[1], &elements)); err != nil {
		return err
	}
	if !slices.Equal(want.Shape, shape) {
		return fmt.Errorf("shape %v, onnxruntime's is %v", want.Shape, shape)
	}
	for i, s := range elements {
		other, err := strconv.ParseFloat(s, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) {
			return err
		}
		var mine float64
		switch v := want.Data.(type) {
		case []float32:
			mine, other = float64(v[i]), float64(float32(other))
		case []int64:
			mine = float64(v[i])
		case []bool:
			if v[i] {
				mine = 1
			}
		}
		if mine != other && !(mine != mine && other != other) && math.Abs(mine-other) > 1e-5*math.Max(1, math.Abs(other)) {
			return fmt.Errorf("element %d is %v, onnxruntime's is %v", i, mine, other)
		}
	}
	return nil
}

// asJSON makes the types of decoded JSON of a value.
func asJSON(v any) any {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		panic(err)
	}
	return out
}

// firstDifference compares two values of decoded JSON. Tensors that Python could
// not decode are equal to anything.
func firstDifference(where string, want, got any) string {
	w, isList := want.([]any)
	g, also := got.([]any)
	if !isList || !also || len(w) != len(g) {
		if s, ok := got.(string); ok && strings.HasPrefix(s, "undecoded: ") || reflect.DeepEqual(want, got) {
			return ""
		}
		return fmt.Sprintf("%s is %v, there %v", where, want, got)
	}
	for i := range w {
		if d := firstDifference(fmt.Sprintf("%s[%d]", where, i), w[i], g[i]); d != "" {
			return d
		}
	}
	return ""
}

// The following are the lists of differential.py.

type lister struct {
	m     *onnxio.Model
	types bool // of inputs and outputs
}

func modelOf(m *onnxio.Model, types bool) []any {
	l, p := lister{m, types}, m.Proto()
	return []any{fmt.Sprint(p.GetIrVersion()), l.opsets(p.GetOpsetImport()), l.graph(p.GetGraph()), each(p.GetFunctions(), l.function)}
}

func each[T any](list []T, f func(T) any) []any {
	out := []any{}
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

func same(s string) any  { return s }
func number(i int64) any { return fmt.Sprint(i) }
func hexOf(b []byte) any { return hex.EncodeToString(b) }
func float32Hex(f float32) any {
	if f != f {
		return "nan"
	}
	return hex.EncodeToString(binary.LittleEndian.AppendUint32(nil, math.Float32bits(f)))
}

func (l lister) opsets(list []*onnxpb.OperatorSetIdProto) []any {
	return each(list, func(o *onnxpb.OperatorSetIdProto) any { return []any{o.GetDomain(), fmt.Sprint(o.GetVersion())} })
}

func (l lister) graph(g *onnxpb.GraphProto) []any {
	return []any{g.GetName(), each(g.GetNode(), l.node), each(g.GetInitializer(), l.tensor), each(g.GetInput(), l.value), each(g.GetOutput(), l.value)}
}

func (l lister) value(v *onnxpb.ValueInfoProto) any {
	if !l.types {
		return v.GetName()
	}
	t := v.GetType().GetTensorType()
	return []any{v.GetName(), t.GetElemType(), each(t.GetShape().GetDim(), func(d *onnxpb.TensorShapeProto_Dimension) any {
		if _, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimParam); ok {
			return d.GetDimParam()
		}
		return fmt.Sprint(d.GetDimValue())
	})}
}

func (l lister) node(n *onnxpb.NodeProto) any {
	return []any{n.GetOpType(), n.GetDomain(), n.GetOverload(), n.GetName(), each(n.GetInput(), same), each(n.GetOutput(), same), each(n.GetAttribute(), l.attribute)}
}

func (l lister) function(f *onnxpb.FunctionProto) any {
	return []any{f.GetDomain(), f.GetName(), f.GetOverload(), each(f.GetInput(), same), each(f.GetOutput(), same), each(f.GetAttribute(), same),
		each(f.GetAttributeProto(), l.attribute), l.opsets(f.GetOpsetImport()), each(f.GetNode(), l.node)}
}

func (l lister) attribute(a *onnxpb.AttributeProto) any {
	f, i, s, t, g := any(""), "", "", any([]any{}), any([]any{})
	if a.F != nil {
		f = float32Hex(a.GetF())
	}
	if a.I != nil {
		i = fmt.Sprint(a.GetI())
	}
	if a.S != nil {
		s = "s" + hex.EncodeToString(a.GetS())
	}
	if a.T != nil {
		t = l.tensor(a.GetT())
	}
	if a.G != nil {
		g = l.graph(a.GetG())
	}
	return []any{a.GetName(), int(a.GetType()), a.GetRefAttrName(), f, i, s, t, g,
		each(a.GetFloats(), float32Hex), each(a.GetInts(), number), each(a.GetStrings(), hexOf), each(a.GetTensors(), l.tensor),
		each(a.GetGraphs(), func(g *onnxpb.GraphProto) any { return l.graph(g) })}
}

func (l lister) tensor(tp *onnxpb.TensorProto) any {
	t := l.m.Tensor(tp)
	head := []any{t.Name, int(t.DataType), append([]int{}, t.Dims...)}
	width := 1
	switch t.DataType {
	case onnxpb.TensorProto_STRING:
		return append(head, "strings")
	case onnxpb.TensorProto_COMPLEX64, onnxpb.TensorProto_COMPLEX128:
		return append(head, "complex")
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT32, onnxpb.TensorProto_UINT32:
		width = 4
	case onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_INT64, onnxpb.TensorProto_UINT64:
		width = 8
	case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_INT16, onnxpb.TensorProto_UINT16:
		width = 2
	}
	h := sha256.New()
	for i := range t.Len() {
		var word [8]byte
		binary.LittleEndian.PutUint64(word[:], t.Bits(i))
		h.Write(word[:width])
	}
	return append(head, hex.EncodeToString(h.Sum(nil)))
}

// floats are little-endian bytes.
func floats(values ...float32) []byte {
	var b []byte
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// differentialBases are small models in which every kind of message occurs. Their
// outputs show every weight.
func differentialBases(t *testing.T) [][]byte {
	str := proto.String
	const float, i64 = onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT64
	node := func(op string, in, out []string, attrs ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: str(op), Name: str("n_" + op + "_" + strings.Join(out, "_")), Input: in, Output: out, Attribute: attrs}
	}
	tensor := func(name string, dt onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.TensorProto {
		return &onnxpb.TensorProto{Name: str(name), DataType: proto.Int32(int32(dt)), Dims: dims}
	}
	raw := func(name string, values ...float32) *onnxpb.TensorProto {
		x := tensor(name, float, int64(len(values)))
		x.RawData = floats(values...)
		return x
	}
	value := func(name string, dt onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
		s := &onnxpb.TensorShapeProto{}
		for _, d := range dims {
			s.Dim = append(s.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: str(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dt)), Shape: s}}}}
	}
	attrT := func(name string, x *onnxpb.TensorProto) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: str(name), Type: onnxpb.AttributeProto_TENSOR.Enum(), T: x}
	}
	attrG := func(name string, g *onnxpb.GraphProto) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: str(name), Type: onnxpb.AttributeProto_GRAPH.Enum(), G: g}
	}
	attrF := func(name string, v float32) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: str(name), Type: onnxpb.AttributeProto_FLOAT.Enum(), F: &v}
	}
	attrI := func(name string, v int64) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: str(name), Type: onnxpb.AttributeProto_INT.Enum(), I: &v}
	}
	graph := func(name string, nodes []*onnxpb.NodeProto, inits []*onnxpb.TensorProto, in, out []*onnxpb.ValueInfoProto) *onnxpb.GraphProto {
		return &onnxpb.GraphProto{Name: str(name), Node: nodes, Initializer: inits, Input: in, Output: out}
	}
	names := func(s ...string) []string { return s }
	infos := func(v ...*onnxpb.ValueInfoProto) []*onnxpb.ValueInfoProto { return v }
	opset := func(domain string, v int64) *onnxpb.OperatorSetIdProto {
		return &onnxpb.OperatorSetIdProto{Domain: str(domain), Version: &v}
	}

	// Initializers of all kinds.
	kinds := []*onnxpb.TensorProto{raw("w", 1, -2), tensor("f", float, 2), tensor("i8", onnxpb.TensorProto_INT8, 2), tensor("u8", onnxpb.TensorProto_UINT8, 2),
		tensor("i32", onnxpb.TensorProto_INT32, 2), tensor("i64", i64, 2), tensor("h", onnxpb.TensorProto_FLOAT16, 2), tensor("d", onnxpb.TensorProto_DOUBLE, 2),
		tensor("b", onnxpb.TensorProto_BOOL, 2), tensor("empty", float, 0), tensor("scalar", float), tensor("e", float, 2)}
	kinds[1].FloatData, kinds[2].Int32Data, kinds[3].RawData, kinds[4].Int32Data = []float32{3, 4}, []int32{-1, 127}, []byte{1, 255}, []int32{-70000, 5}
	kinds[5].Int64Data, kinds[6].Int32Data, kinds[7].DoubleData, kinds[8].Int32Data, kinds[10].RawData = []int64{-1, 1 << 40}, []int32{0x3c00, 0xc000}, []float64{0.5, -8}, []int32{1, 0}, floats(5)
	kinds[11].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
	for _, kv := range [][2]string{{"location", "w.bin"}, {"offset", "4"}, {"length", "8"}} {
		kinds[11].ExternalData = append(kinds[11].ExternalData, &onnxpb.StringStringEntryProto{Key: str(kv[0]), Value: str(kv[1])})
	}
	all := graph("kinds", nil, kinds, infos(value("x", float, 2)), nil)
	for _, k := range kinds {
		out := "out_" + k.GetName()
		all.Node = append(all.Node, node("Identity", names(k.GetName()), names(out)))
		all.Output = append(all.Output, value(out, onnxpb.TensorProto_DataType(k.GetDataType()), k.GetDims()...))
	}
	all.Node = append(all.Node, node("Add", names("x", "w"), names("y")))
	all.Output = append(all.Output, value("y", float, 2))
	all.ValueInfo = infos(value("w", float, 2))
	all.MetadataProps = []*onnxpb.StringStringEntryProto{{Key: str("k"), Value: str("v")}}
	all.QuantizationAnnotation = []*onnxpb.TensorAnnotation{{TensorName: str("w"), QuantParameterTensorNames: []*onnxpb.StringStringEntryProto{{Key: str("SCALE_TENSOR"), Value: str("scalar")}}}}

	// Branches, a loop, and constants.
	yes, trips := tensor("yes", onnxpb.TensorProto_BOOL), tensor("trips", i64)
	yes.RawData, trips.Int64Data = []byte{1}, []int64{2}
	then := graph("then", []*onnxpb.NodeProto{node("Constant", nil, names("k"), attrT("value", raw("", 8, 9))), node("Mul", names("k", "w"), names("t"))}, []*onnxpb.TensorProto{raw("inner", 3, 4)}, nil, infos(value("t", float, 2)))
	other := graph("else", []*onnxpb.NodeProto{node("Neg", names("w"), names("e"))}, nil, nil, infos(value("e", float, 2)))
	body := graph("body", []*onnxpb.NodeProto{node("Identity", names("going"), names("on")), node("LeakyRelu", names("state"), names("next"), attrF("alpha", 2))}, nil,
		infos(value("i", i64), value("going", onnxpb.TensorProto_BOOL), value("state", float, 2)), infos(value("on", onnxpb.TensorProto_BOOL), value("next", float, 2)))
	control := graph("control", []*onnxpb.NodeProto{
		node("If", names("yes"), names("chosen"), attrG("then_branch", then), attrG("else_branch", other)),
		node("Loop", names("trips", "yes", "v"), names("looped"), attrG("body", body)),
		node("Constant", nil, names("c"), &onnxpb.AttributeProto{Name: str("value_floats"), Type: onnxpb.AttributeProto_FLOATS.Enum(), Floats: []float32{5, 6}}),
		node("Concat", names("w", "c"), names("both"), attrI("axis", 0)),
		node("Transpose", names("m"), names("turned"), &onnxpb.AttributeProto{Name: str("perm"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{1, 0}}),
	}, []*onnxpb.TensorProto{raw("w", 1, -2), raw("v", -1, 3), yes, trips, {Name: str("m"), DataType: proto.Int32(1), Dims: []int64{1, 2}, FloatData: []float32{1, 2}}},
		nil, infos(value("chosen", float, 2), value("looped", float, 2), value("both", float, 4), value("turned", float, 2, 1), value("w", float, 2)))

	// Functions with attributes.
	ref := func(name, of string) *onnxpb.AttributeProto {
		return &onnxpb.AttributeProto{Name: str(name), Type: onnxpb.AttributeProto_FLOAT.Enum(), RefAttrName: str(of)}
	}
	inner := node("Leaky", names("a"), names("l"), ref("slope", "angle"))
	inner.Domain = str("own")
	call := node("Outer", names("w"), names("y"), attrF("angle", 3))
	call.Domain = str("own")
	functions := []*onnxpb.FunctionProto{
		{Name: str("Leaky"), Domain: str("own"), Input: names("a"), Output: names("b"), Attribute: names("slope"), OpsetImport: []*onnxpb.OperatorSetIdProto{opset("", 17)},
			Node: []*onnxpb.NodeProto{node("LeakyRelu", names("a"), names("b"), ref("alpha", "slope"))}},
		{Name: str("Outer"), Domain: str("own"), Input: names("a"), Output: names("b"), AttributeProto: []*onnxpb.AttributeProto{attrF("angle", 7)}, OpsetImport: []*onnxpb.OperatorSetIdProto{opset("", 17), opset("own", 1)},
			Node: []*onnxpb.NodeProto{inner, node("Abs", names("a"), names("s")), node("Add", names("l", "s"), names("b"))}},
	}
	calls := graph("calls", []*onnxpb.NodeProto{call, node("Softmax", names("w"), names("z"), attrI("axis", 0))}, []*onnxpb.TensorProto{raw("w", 1, -2)}, nil, infos(value("y", float, 2), value("z", float, 2)))

	var out [][]byte
	for _, m := range []*onnxpb.ModelProto{
		{Graph: all, OpsetImport: []*onnxpb.OperatorSetIdProto{opset("", 17)}, ProducerName: str("test"), MetadataProps: []*onnxpb.StringStringEntryProto{{Key: str("a"), Value: str("b")}}},
		{Graph: control, OpsetImport: []*onnxpb.OperatorSetIdProto{opset("", 17)}},
		{Graph: calls, Functions: functions, OpsetImport: []*onnxpb.OperatorSetIdProto{opset("", 17), opset("own", 1)}},
	} {
		m.IrVersion = proto.Int64(8)
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, data)
	}
	return out
}
