package task

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Kind is what a graph says about the values of an output.
type Kind int

const (
	// KindUnknown says that the graph does not tell, or that parts of the output mean
	// different things, such as boxes and scores.
	KindUnknown Kind = iota
	// KindChoice says that a Softmax, LogSoftmax or ArgMax compares the values along an
	// axis.
	KindChoice
	// KindLinear says that a linear layer or a convolution computes the values along an
	// axis: logits or numbers.
	KindLinear
	// KindFeatures says that the values are normalised features, such as an embedding.
	KindFeatures
)

// axis is the axis of classes of a value. at counts from the end if it is negative.
type axis struct {
	at   int
	kind Kind
	why  string // as in "Softmax(axis=2)"
}

// absolute returns the axis of an output of some rank, 0 if it is not known: axis 0 counts
// samples.
func (a axis) absolute(rank int) int {
	at := a.at
	if at < 0 {
		at += rank
	}
	if a.kind == KindUnknown || at <= 0 || at >= rank {
		return 0
	}
	return at
}

// tracer follows values of a graph back to the nodes that compute them.
type tracer struct {
	model    *onnxio.Model
	opset    int64
	maker    map[string]*onnxpb.NodeProto
	chosen   map[string]*onnxpb.NodeProto // the ArgMax that reads a value
	constant map[string]*onnxpb.TensorProto
	fixed    map[string]bool // initializers and constants
	known    map[string]axis // of values, for whatever output
	passing  map[string]axis // the same for one output: those that depend on how far a value is from it
	cut      bool            // whether something was too far
}

func newTracer(m *onnxio.Model) *tracer {
	g := m.Proto().GetGraph()
	t := &tracer{model: m, maker: gradient.Makers(g), chosen: map[string]*onnxpb.NodeProto{}, constant: map[string]*onnxpb.TensorProto{}, fixed: map[string]bool{}, known: map[string]axis{}}
	for _, o := range m.Proto().GetOpsetImport() {
		if onnxpb.Domain(o.GetDomain()) == "" {
			t.opset = o.GetVersion()
		}
	}
	for _, init := range g.GetInitializer() {
		t.fixed[init.GetName()], t.constant[init.GetName()] = true, init
	}
	for _, n := range g.GetNode() {
		switch n.GetOpType() {
		case "ArgMax", "Multinomial":
			scores := gradient.FirstInput(n)
			t.chosen[scores], t.chosen[gradient.BeforeLog(t.maker, scores)] = n, n
		case "Constant":
			t.fixed[n.GetOutput()[0]] = true
			if a := attribute(n, "value"); a != nil {
				t.constant[n.GetOutput()[0]] = a.GetT()
			}
		}
	}
	return t
}

// maxSteps bounds the number of nodes that are followed, in case of a cycle.
const maxSteps = 64

// axis returns the axis of classes of an output.
func (t *tracer) axis(output string) axis {
	t.passing = map[string]axis{}
	return t.before(output, 0)
}

// before returns the axis of classes of a value, from which an output is computed in some steps. Each
// value is looked at once: sums of a value with itself would double the work at each step.
func (t *tracer) before(value string, steps int) axis {
	if a, ok := t.known[value]; ok {
		return a
	}
	if a, ok := t.passing[value]; ok {
		t.cut = true
		return a
	}
	if steps > maxSteps {
		t.cut = true
		return axis{}
	}
	cut := t.cut
	t.cut, t.passing[value] = false, axis{}
	a := t.find(value, steps)
	if t.passing[value] = a; !t.cut {
		t.known[value] = a
	}
	t.cut = t.cut || cut
	return a
}

// find is before, for a value that has not been looked at.
func (t *tracer) find(value string, steps int) axis {
	if n := t.chosen[value]; n != nil && n.GetOpType() == "Multinomial" {
		return axis{1, KindChoice, "Multinomial"}
	} else if n != nil {
		at := int(number(n, "axis", 0))
		return axis{at, KindChoice, fmt.Sprintf("ArgMax(axis=%d)", at)}
	}
	n := t.maker[value]
	if n == nil || len(n.GetInput()) == 0 {
		return axis{}
	}
	back := func() axis { return t.before(n.GetInput()[0], steps+1) }
	switch op := n.GetOpType(); op {
	case "Softmax", "LogSoftmax":
		usual := int64(-1)
		if t.opset < 13 {
			usual = 1
		}
		at := int(number(n, "axis", usual))
		return axis{at, KindChoice, fmt.Sprintf("%s(axis=%d)", op, at)}
	case "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "QGemm", "FusedMatMul", "FusedGemm":
		return axis{-1, KindLinear, op}
	case "Conv", "ConvTranspose", "ConvInteger", "QLinearConv", "FusedConv":
		return axis{1, KindLinear, op}
	case "LayerNormalization", "SkipLayerNormalization", "LpNormalization":
		return axis{-1, KindFeatures, op}
	case "Identity", "Cast", "Dropout", "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "Tanh", "Elu", "Exp", "Neg", "ZipMap",
		"QuantizeLinear", "DequantizeLinear", "BatchNormalization", "InstanceNormalization", "Resize", "Upsample", "MaxPool",
		"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Slice":
		return back()
	case "Log":
		if a := back(); a.kind != KindLinear { // of a linear layer it is no logit, but a level
			return a
		}
	case "Add", "Sub", "Mul", "Div":
		return t.ofTerms(n, steps)
	case "Transpose":
		return transposed(n, back())
	case "Reshape":
		return t.reshaped(n, back())
	case "Flatten":
		if a := back(); a.kind != KindUnknown && number(n, "axis", 1) == 1 {
			return axis{1, a.kind, a.why}
		}
	case "Squeeze", "Unsqueeze":
		return t.stretched(n, back())
	case "Concat":
		return t.concatenated(n, steps)
	}
	return axis{}
}

// ofTerms returns the axis of a sum or product: that of the term that is computed. If both
// are, their axes have to agree. A quotient by a norm has features.
func (t *tracer) ofTerms(n *onnxpb.NodeProto, steps int) axis {
	var found []axis
	for i, name := range n.GetInput() {
		if t.fixed[name] || t.scales(name, 4) {
			continue
		}
		if i == 1 && n.GetOpType() == "Div" && t.norm(name, 4) {
			return axis{-1, KindFeatures, "division by a norm"}
		}
		if sum := t.sumOf(name, n.GetInput()[0], 4); i == 1 && n.GetOpType() == "Div" && sum != nil {
			if axes := t.summed(sum); len(axes) == 1 {
				return axis{int(axes[0]), KindChoice, fmt.Sprintf("a softmax(axis=%d) in parts", axes[0])}
			}
		}
		found = append(found, t.before(name, steps+1))
	}
	if len(found) == 1 || len(found) == 2 && found[0].at == found[1].at {
		return found[0]
	}
	return axis{}
}

// scales reports whether a value is a single number, or one a channel, with which the result of
// an integer operator becomes what it stands for, as where inputs are quantised at run time.
func (t *tracer) scales(value string, steps int) bool {
	n := t.maker[value]
	if n == nil || steps == 0 {
		return false
	}
	switch n.GetOpType() {
	case "DynamicQuantizeLinear":
		return n.GetOutput()[0] != value
	case "Mul":
		known := 0
		for _, name := range n.GetInput() {
			if t.scales(name, steps-1) {
				known++
			} else if !t.fixed[name] {
				return false
			}
		}
		return known > 0
	}
	return false
}

// sumOf returns the ReduceSum that a value is, if it is one of exponentials; nil otherwise.
func (t *tracer) sumOf(value, exponentials string, steps int) *onnxpb.NodeProto {
	n := t.maker[value]
	if n == nil || steps == 0 || len(n.GetInput()) == 0 {
		return nil
	}
	switch n.GetOpType() {
	case "Reshape", "Expand", "Identity", "Unsqueeze":
		return t.sumOf(n.GetInput()[0], exponentials, steps-1)
	case "ReduceSum":
		if from := t.maker[exponentials]; n.GetInput()[0] == exponentials && from != nil && from.GetOpType() == "Exp" {
			return n
		}
	}
	return nil
}

// summed returns the axes of a ReduceSum; nil if they are not known.
func (t *tracer) summed(n *onnxpb.NodeProto) []int64 {
	if axes := attribute(n, "axes").GetInts(); len(axes) > 0 {
		return axes
	}
	return t.integers(n.GetInput()[1:])
}

// norm reports whether a value is the length of vectors.
func (t *tracer) norm(value string, steps int) bool {
	n := t.maker[value]
	if n == nil || steps == 0 {
		return false
	}
	switch n.GetOpType() {
	case "ReduceL2":
		return true
	case "Clip", "Max", "Expand", "Sqrt", "Add":
		return t.norm(gradient.FirstInput(n), steps-1)
	}
	return false
}

func transposed(n *onnxpb.NodeProto, a axis) axis {
	p := attribute(n, "perm").GetInts()
	if len(p) == 0 || a.kind == KindUnknown {
		return axis{}
	}
	if a.at < 0 {
		a.at += len(p)
	}
	at := slices.Index(p, int64(a.at))
	if at < 0 {
		return axis{}
	}
	return axis{at - len(p), a.kind, a.why}
}

// reshaped follows an axis through a Reshape to a constant shape, where the last axis stays
// the last, or the second the second.
func (t *tracer) reshaped(n *onnxpb.NodeProto, a axis) axis {
	shape := t.integers(n.GetInput()[1:])
	if a.kind == KindUnknown || len(shape) < 2 {
		return axis{}
	}
	switch last := shape[len(shape)-1]; {
	case a.at == -1 && (last > 1 || last == -1 && len(shape) == 2):
		return a
	case a.at == 1 && (shape[1] >= 0 || len(shape) == 2):
		return a
	}
	return axis{}
}

// stretched follows an axis through Squeeze and Unsqueeze.
func (t *tracer) stretched(n *onnxpb.NodeProto, a axis) axis {
	axes := attribute(n, "axes").GetInts()
	if len(axes) == 0 {
		axes = t.integers(n.GetInput()[1:])
	}
	if a.kind == KindUnknown || len(axes) == 0 {
		return axis{}
	}
	for _, x := range axes {
		at := int(x)
		switch {
		case (at < 0) != (a.at < 0):
			return axis{} // the rank is not known
		case n.GetOpType() == "Squeeze" && at == a.at:
			return axis{}
		case n.GetOpType() == "Squeeze" && at >= 0 && at < a.at:
			a.at--
		case n.GetOpType() == "Squeeze" && at < 0 && at > a.at:
			a.at++
		case n.GetOpType() == "Unsqueeze" && at >= 0 && at <= a.at:
			a.at++
		case n.GetOpType() == "Unsqueeze" && at < 0 && at >= a.at:
			a.at--
		}
	}
	return a
}

// concatenated returns the axis on which all parts agree, unless they are joined along it:
// the parts then mean different things.
func (t *tracer) concatenated(n *onnxpb.NodeProto, steps int) axis {
	along := int(number(n, "axis", 0))
	var first axis
	for i, name := range n.GetInput() {
		a := t.before(name, steps+1)
		if a.kind == KindUnknown || a.at == along || (a.at < 0) != (along < 0) || i > 0 && (a.at != first.at || a.kind != first.kind) {
			return axis{}
		}
		first = a
	}
	return first
}

// vocabulary returns the number of rows of the largest table that an input of integers
// chooses rows from; 0 if there is none.
func (t *tracer) vocabulary() int {
	tokens := map[string]bool{}
	for _, v := range t.model.Proto().GetGraph().GetInput() {
		switch onnxpb.TensorProto_DataType(v.GetType().GetTensorType().GetElemType()) {
		case onnxpb.TensorProto_INT32, onnxpb.TensorProto_INT64:
			tokens[v.GetName()] = true
		}
	}
	most := 0
	for _, n := range t.model.Proto().GetGraph().GetNode() {
		in := n.GetInput()
		switch n.GetOpType() {
		case "Cast", "Identity", "Clip", "Max", "Min":
			if len(in) > 0 && len(n.GetOutput()) > 0 && tokens[in[0]] {
				tokens[n.GetOutput()[0]] = true
			}
		case "Gather":
			if len(in) < 2 || !tokens[in[1]] || number(n, "axis", 0) != 0 {
				continue
			}
			if table := t.constant[in[0]]; len(table.GetDims()) == 2 {
				most = max(most, int(table.GetDims()[0]))
			}
		}
	}
	return most
}

// integers returns the elements of the first of some values, if that is constant.
func (t *tracer) integers(values []string) []int64 {
	if len(values) == 0 {
		return nil
	}
	init := t.model.Tensor(t.constant[values[0]])
	if init == nil || init.DataType != onnxpb.TensorProto_INT64 {
		return nil
	}
	a, err := init.Array()
	if err != nil {
		return nil
	}
	return a.Int64s()
}

func attribute(n *onnxpb.NodeProto, name string) *onnxpb.AttributeProto {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

// number returns an attribute that is an integer.
func number(n *onnxpb.NodeProto, name string, usual int64) int64 {
	if a := attribute(n, name); a != nil {
		return a.GetI()
	}
	return usual
}
