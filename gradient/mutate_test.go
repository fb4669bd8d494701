package gradient

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

func stringAttr(name, v string) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: proto.String(name), Type: onnxpb.AttributeProto_STRING.Enum(), S: []byte(v)}
}

// genome turns bytes into choices.
type genome []byte

// next returns a number in [0, n), 0 when the bytes are used up or n is 0.
func (g *genome) next(n int) int {
	if len(*g) == 0 || n == 0 {
		return 0
	}
	c := int((*g)[0])
	*g = (*g)[1:]
	if n > 256 && len(*g) > 0 {
		c = c<<8 | int((*g)[0])
		*g = (*g)[1:]
	}
	return c % n
}

func pick[T any](g *genome, list []T) (v T) {
	if len(list) == 0 {
		return v
	}
	return list[g.next(len(list))]
}

// number returns an integer that is mostly small and sometimes enormous.
func (g *genome) number() int64 {
	switch c := g.next(256); {
	case c < 16:
		return pick(g, []int64{math.MaxInt64, math.MinInt64, 1 << 31, 1<<31 - 1, -1 << 31, 1 << 20, 1 << 16, 1000, 1 << 40, 1<<62 + 1})
	default:
		return int64(c%10) - 3
	}
}

func (g *genome) numbers() []int64 {
	list := make([]int64, g.next(6))
	for i := range list {
		list[i] = g.number()
	}
	return list
}

// mutation is a model that is being changed.
type mutation struct {
	genome
	model *onnxpb.ModelProto
	graph *onnxpb.GraphProto // the main one, or one nested in it
	made  int
}

// mutate changes a model as a list of choices says. Bytes that are not a model are
// returned unchanged.
func mutate(data, changes []byte) []byte {
	m := &mutation{genome: changes, model: &onnxpb.ModelProto{}}
	if err := (proto.UnmarshalOptions{RecursionLimit: 50}).Unmarshal(data, m.model); err != nil || m.model.Graph == nil {
		return data
	}
	for len(m.genome) > 0 && m.made < 40 {
		m.made++
		m.graph = m.model.Graph
		if graphs := m.nested(); len(graphs) > 0 && m.next(4) == 0 {
			m.graph = pick(&m.genome, graphs)
		}
		m.step()
	}
	out, err := proto.Marshal(m.model)
	if err != nil {
		return data
	}
	return out
}

// nested returns the branches and bodies of the main graph.
func (m *mutation) nested() (graphs []*onnxpb.GraphProto) {
	for _, n := range m.model.Graph.Node {
		for _, a := range n.Attribute {
			if a.G != nil {
				graphs = append(graphs, a.G)
			}
		}
	}
	return graphs
}

func (m *mutation) step() {
	g := m.graph
	n := pick(&m.genome, g.Node)
	if n == nil {
		m.addNode()
		return
	}
	switch m.next(20) {
	case 0:
		n.OpType = proto.String(pick(&m.genome, ops.Names("")))
	case 1, 2:
		if len(n.Input) > 0 {
			n.Input[m.next(len(n.Input))] = m.value(n)
		}
	case 3:
		n.Input = append(n.Input, m.value(n))
	case 4:
		n.Input = n.Input[:max(0, len(n.Input)-1)]
	case 5, 6, 7:
		m.addNode()
	case 8:
		m.setAttribute(n)
	case 9, 10, 11:
		if a := pick(&m.genome, n.Attribute); a != nil {
			m.alter(a)
		}
	case 12:
		n.Attribute = n.Attribute[min(1, len(n.Attribute)):]
	case 13:
		if t := pick(&m.genome, g.Initializer); t != nil {
			m.fill(t, t.Dims)
		}
	case 14:
		dims := make([]int64, m.next(5))
		for i := range dims {
			dims[i] = int64(m.next(5))
		}
		m.store(m.name(), dims)
		if len(n.Input) > 0 {
			n.Input[m.next(len(n.Input))] = m.name()
		}
	case 15:
		g.Output = append(g.Output, valueInfo(m.value(nil), nil))
	case 16:
		if v := pick(&m.genome, g.Input); v != nil {
			m.setInput(v)
		}
	case 17:
		for _, o := range m.model.OpsetImport {
			o.Version = proto.Int64(int64(m.next(28)))
		}
	case 18: // what was given is stored
		if v := pick(&m.genome, g.Input); v != nil {
			var dims []int64
			for _, d := range v.GetType().GetTensorType().GetShape().GetDim() {
				dims = append(dims, max(1, min(8, d.GetDimValue())))
			}
			m.store(v.GetName(), dims)
		}
	case 19:
		i := m.next(len(g.Node))
		g.Node = slices.Delete(g.Node, i, i+1)
	}
}

// store adds an initializer.
func (m *mutation) store(name string, dims []int64) {
	t := &onnxpb.TensorProto{Name: proto.String(name)}
	m.fill(t, dims)
	m.graph.Initializer = slices.DeleteFunc(m.graph.Initializer, func(x *onnxpb.TensorProto) bool { return x.GetName() == name })
	m.graph.Initializer = append(m.graph.Initializer, t)
}

// alter changes the value of an attribute.
func (m *mutation) alter(a *onnxpb.AttributeProto) {
	switch {
	case a.I != nil:
		a.I = proto.Int64(m.number())
	case a.F != nil:
		a.F = proto.Float32(m.float())
	case a.S != nil:
		a.S = []byte(pick(&m.genome, fuzzTexts))
	case len(a.Ints) > 0 && m.next(8) > 0:
		a.Ints[m.next(len(a.Ints))] = m.number()
	case len(a.Floats) > 0 && m.next(8) > 0:
		a.Floats[m.next(len(a.Floats))] = m.float()
	case a.T != nil:
		m.fill(a.T, a.T.Dims)
	default:
		a.Ints = m.numbers()
	}
}

// setInput gives an input another type and shape.
func (m *mutation) setInput(v *onnxpb.ValueInfoProto) {
	shape := make([]int, m.next(5))
	for i := range shape {
		shape[i] = m.next(6) - 1
	}
	v.Type = valueInfo("", shape).Type
	t := pick(&m.genome, []onnxpb.TensorProto_DataType{
		onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT64, onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_BOOL, onnxpb.TensorProto_FLOAT16,
		onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT8, onnxpb.TensorProto_INT32, onnxpb.TensorProto_STRING, onnxpb.TensorProto_FLOAT8E5M2,
	})
	v.GetType().GetTensorType().ElemType = proto.Int32(int32(t))
}

// value returns the name of a value that is computed before a node, sometimes of
// one that is computed after it, and sometimes a name without a value.
func (m *mutation) value(before *onnxpb.NodeProto) string {
	names := []string{"", m.name()}
	if m.next(16) < 15 {
		names = nil
	}
	for _, g := range []*onnxpb.GraphProto{m.model.Graph, m.graph} {
		for _, v := range g.Input {
			names = append(names, v.GetName())
		}
		for _, t := range g.Initializer {
			names = append(names, t.GetName())
		}
		for _, n := range g.Node {
			if n == before && m.next(16) < 15 {
				break
			}
			names = append(names, n.Output...)
		}
	}
	slices.Reverse(names) // what was computed last first
	return pick(&m.genome, names)
}

func (m *mutation) name() string { return fmt.Sprintf("new %d", m.made) }

func (m *mutation) addNode() {
	n := &onnxpb.NodeProto{OpType: proto.String(pick(&m.genome, ops.Names(""))), Output: []string{m.name()}}
	for range 1 + m.next(4) {
		n.Input = append(n.Input, m.value(nil))
	}
	for i := range m.next(3) {
		n.Output = append(n.Output, fmt.Sprint(m.name(), i))
	}
	for range m.next(4) {
		m.setAttribute(n)
	}
	m.graph.Node = append(m.graph.Node, n)
	m.graph.Output = append(m.graph.Output, valueInfo(n.Output[0], nil))
}

// fuzzAttributes are names of attributes by what they hold.
var fuzzAttributes = map[onnxpb.AttributeProto_AttributeType][]string{
	onnxpb.AttributeProto_INT: {
		"axis", "keepdims", "to", "saturate", "group", "ceil_mode", "count_include_pad", "transA", "transB", "hidden_size", "layout", "linear_before_reset",
		"num_outputs", "allowzero", "exclusive", "reverse", "k", "largest", "sorted", "select_last_index", "noop_with_empty_axes", "blocksize", "batch_dims",
		"is_causal", "q_num_heads", "kv_num_heads", "qk_matmul_output_mode", "softmax_precision", "block_size", "output_dtype", "num_groups", "stash_type", "size",
		"p", "upper", "fmod", "value_int", "start", "end", "storage_order", "antialias", "exclude_outside", "num_scan_inputs", "rotary_embedding_dim", "num_heads",
		"interleaved", "align_corners", "training_mode", "dtype", "input_forget", "detect_negative",
	},
	onnxpb.AttributeProto_INTS: {
		"axes", "perm", "pads", "kernel_shape", "strides", "dilations", "output_padding", "output_shape", "split", "starts", "ends", "shape", "value_ints", "sizes",
		"scan_input_axes", "scan_output_axes", "scan_input_directions", "scan_output_directions",
	},
	onnxpb.AttributeProto_FLOAT: {
		"alpha", "beta", "gamma", "epsilon", "momentum", "bias", "lambd", "min", "max", "ratio", "scale", "softcap", "clip", "value_float", "cubic_coeff_a", "extrapolation_value", "value",
	},
	onnxpb.AttributeProto_FLOATS: {"scales", "value_floats", "activation_alpha", "activation_beta"},
	onnxpb.AttributeProto_STRING: {
		"mode", "auto_pad", "direction", "equation", "coordinate_transformation_mode", "nearest_mode", "reduction", "approximate", "padding_mode", "round_mode", "keep_aspect_ratio_policy",
	},
	onnxpb.AttributeProto_STRINGS: {"activations"},
	onnxpb.AttributeProto_TENSOR:  {"value"},
	onnxpb.AttributeProto_GRAPH:   {"body", "then_branch", "else_branch"},
}

var fuzzTexts = []string{
	"", "constant", "edge", "reflect", "wrap", "nearest", "linear", "cubic", "SAME_UPPER", "SAME_LOWER", "VALID", "NOTSET", "bidirectional", "reverse", "forward", "DCR", "CRD",
	"none", "add", "mul", "max", "min", "LEFT", "RIGHT", "tanh", "bilinear", "bicubic", "border", "zeros", "ij,jk->ik", "ii->i", "...i,...i", "i,j->ij", "ij->", "bij,bjk",
	"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn", "floor", "ceil", "round_prefer_ceil",
	"not_larger", "not_smaller", "up", "down", "Relu", "Sigmoid", "Tanh", "Affine", "HardSigmoid", "Softplus",
}

// setAttribute gives a node an attribute, sometimes of the wrong type.
func (m *mutation) setAttribute(n *onnxpb.NodeProto) {
	t := onnxpb.AttributeProto_AttributeType(pick(&m.genome, []int{1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 7, 7, 8}))
	a := &onnxpb.AttributeProto{Name: proto.String(pick(&m.genome, fuzzAttributes[t])), Type: t.Enum()}
	if m.next(64) == 63 {
		a.Type = nil
	}
	switch t {
	case onnxpb.AttributeProto_INT:
		a.I = proto.Int64(m.number())
	case onnxpb.AttributeProto_INTS:
		a.Ints = m.numbers()
	case onnxpb.AttributeProto_FLOAT:
		a.F = proto.Float32(m.float())
	case onnxpb.AttributeProto_FLOATS:
		for range m.next(5) {
			a.Floats = append(a.Floats, m.float())
		}
	case onnxpb.AttributeProto_STRING:
		a.S = []byte(pick(&m.genome, fuzzTexts))
	case onnxpb.AttributeProto_STRINGS:
		for range m.next(5) {
			a.Strings = append(a.Strings, []byte(pick(&m.genome, fuzzTexts)))
		}
	case onnxpb.AttributeProto_TENSOR:
		a.T = &onnxpb.TensorProto{}
		m.fill(a.T, make([]int64, m.next(3)))
	case onnxpb.AttributeProto_GRAPH:
		a.G = m.subgraph()
	}
	n.Attribute = append(slices.DeleteFunc(n.Attribute, func(x *onnxpb.AttributeProto) bool { return x.GetName() == a.GetName() }), a)
}

func (m *mutation) float() float32 {
	return pick(&m.genome, []float32{0, 1, -1, 0.5, 2, 3.7, -0.25, 1e-9, 1e9, float32(math.Inf(1)), float32(math.NaN()), math.MaxFloat32, 1e-40})
}

// subgraph returns a small graph that reads values of the graphs around it.
func (m *mutation) subgraph() *onnxpb.GraphProto {
	outer := m.graph
	if m.made > 30 {
		return &onnxpb.GraphProto{}
	}
	m.made++
	g := &onnxpb.GraphProto{}
	for i := range m.next(4) {
		g.Input = append(g.Input, valueInfo(fmt.Sprint("in", i), nil))
	}
	m.graph = g
	m.addNode()
	for range m.next(3) {
		g.Output = append(g.Output, valueInfo(m.value(nil), nil))
	}
	m.graph = outer
	return g
}

// fill gives a tensor a type and elements to match.
func (m *mutation) fill(t *onnxpb.TensorProto, dims []int64) {
	types := []onnxpb.TensorProto_DataType{
		onnxpb.TensorProto_INT64, onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_INT64, onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_BOOL, onnxpb.TensorProto_FLOAT16,
		onnxpb.TensorProto_DOUBLE, onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT4, onnxpb.TensorProto_FLOAT8E4M3FN,
	}
	name, shape := t.Name, slices.Clone(dims)
	proto.Reset(t)
	t.Name, t.Dims, t.DataType = name, shape, proto.Int32(int32(pick(&m.genome, types)))
	if len(dims) > 0 && m.next(16) == 15 {
		t.Dims[m.next(len(dims))] = max(0, m.number())
		if m.next(2) == 1 {
			t.Dims[m.next(len(dims))] = 0
		}
	}
	n := int64(1)
	for _, d := range t.Dims {
		n = min(1<<10, n*max(0, min(d, 1<<10)))
	}
	raw := make([]byte, 0, 8*n)
	for range n {
		v := m.number()
		switch onnxpb.TensorProto_DataType(t.GetDataType()) {
		case onnxpb.TensorProto_INT64:
			raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
		case onnxpb.TensorProto_DOUBLE:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(float64(v)/2))
		case onnxpb.TensorProto_FLOAT:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(float32(v)/2))
		case onnxpb.TensorProto_INT32:
			raw = binary.LittleEndian.AppendUint32(raw, uint32(v))
		case onnxpb.TensorProto_FLOAT16:
			raw = binary.LittleEndian.AppendUint16(raw, 0x3800+uint16(v)<<8)
		case onnxpb.TensorProto_BOOL:
			raw = append(raw, byte(v&1))
		default:
			raw = append(raw, byte(v))
		}
	}
	if t.GetDataType() == int32(onnxpb.TensorProto_INT4) {
		raw = raw[:(n+1)/2]
	}
	t.RawData = raw
}
