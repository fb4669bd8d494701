package gradient

import (
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// quantisedInputs lists, for each operator, the inputs that take trained parameters
// as quantised numbers, and those that take the scales of quantised numbers. Names
// of other domains than ONNX's own are behind that of the domain.
var quantisedInputs = map[string]struct{ operands, scales []int }{
	"QuantizeLinear":   {nil, []int{1}},
	"DequantizeLinear": {[]int{0}, []int{1}},
	"QLinearMatMul":    {[]int{0, 3}, []int{1, 4, 6}},
	"QLinearConv":      {[]int{3, 8}, []int{1, 4, 6}},
	"MatMulInteger":    {[]int{0, 1}, nil},
	"ConvInteger":      {[]int{1}, nil},

	microsoft + "DynamicQuantizeMatMul": {[]int{1}, []int{2}},
	microsoft + "DynamicQuantizeLSTM":   {[]int{1, 2}, []int{8, 10}},
	microsoft + "MatMulIntegerToFloat":  {[]int{0, 1}, []int{2, 3}},
}

const microsoft = ops.MicrosoftDomain + "."

// quantisation tells what the initializers of a quantised model are used for.
type quantisation struct {
	operands map[string]bool // used as quantised numbers and for nothing else
	scales   map[string]bool
}

// quantisationOf examines every use of a name. A name in a nested graph may stand
// for another value, and counts as a use all the same.
func quantisationOf(g *onnxpb.GraphProto) quantisation {
	q := quantisation{map[string]bool{}, map[string]bool{}}
	other := map[string]bool{}
	q.collect(g, other)
	for name := range other {
		delete(q.operands, name)
	}
	return q
}

func (q quantisation) collect(g *onnxpb.GraphProto, other map[string]bool) {
	for _, n := range g.GetNode() {
		name := n.GetOpType()
		if d := canonical(n.GetDomain()); d != "" {
			name = d + "." + name
		}
		at := quantisedInputs[name]
		for i, name := range n.GetInput() {
			switch {
			case slices.Contains(at.operands, i):
				q.operands[name] = true
			case slices.Contains(at.scales, i):
				q.scales[name] = true
				fallthrough
			default:
				other[name] = true
			}
		}
		for _, a := range n.GetAttribute() {
			for _, inner := range append([]*onnxpb.GraphProto{a.GetG()}, a.GetGraphs()...) {
				q.collect(inner, other)
			}
		}
	}
	for _, v := range g.GetOutput() {
		other[v.GetName()] = true
	}
}
