package attack

import (
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// role is what an initializer is to the node that uses it.
type role int

const (
	unknown role = iota
	factor       // multiplies a layer's input
	bias         // is added
	gain         // scale of a normalisation
	mean         // statistics of a batch normalisation
	variance
	table // rows looked up by number
)

// layer is a convolution or a linear layer.
type layer struct {
	weight, bias string // initializers; bias may be ""
	output       string // the value it computes, bias added
	axis         int    // of its units in the output; -1: the last
	units        int    // outputs or channels; 0: not worked out
	fanIn        int    // products that are added up to one output
	stride       int    // elements of weight from one unit to the next
}

// unitOf returns the unit that element i of the weight belongs to.
func (y *layer) unitOf(i int) int { return i / y.stride % y.units }

// anatomy says what a graph uses its initializers for. It ignores nodes in nested graphs
// and functions.
type anatomy struct {
	roles  map[string]role
	layers []layer // in the order of the graph
}

func (a *anatomy) role(name string) role { return a.roles[name] }

// layerOf returns the layer that has the weight; nil if none has.
func (a *anatomy) layerOf(weight string) *layer {
	for i := range a.layers {
		if a.layers[i].weight == weight {
			return &a.layers[i]
		}
	}
	return nil
}

// anatomyOf finds the layers of a graph that an output is computed from; no name
// means the first output.
func anatomyOf(g *onnxpb.GraphProto, w *gradient.Weights, output string) *anatomy {
	if output == "" && len(g.GetOutput()) > 0 {
		output = g.GetOutput()[0].GetName()
	}
	a := &anatomy{roles: map[string]role{}}
	source := map[string]string{} // initializers by the names of their copies
	for _, name := range w.Names() {
		source[name] = name
	}
	mark := func(n *onnxpb.NodeProto, i int, r role) string {
		if i >= len(n.GetInput()) {
			return ""
		}
		name := source[n.GetInput()[i]]
		if name != "" && a.roles[name] == unknown {
			a.roles[name] = r
		}
		return name
	}
	for _, n := range gradient.Upstream(g, output) {
		switch n.GetOpType() {
		case "Identity":
			if from := mark(n, 0, unknown); from != "" && len(n.GetOutput()) > 0 {
				source[n.GetOutput()[0]] = from
			}
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			weight := mark(n, 1, factor)
			if weight == "" || len(n.GetOutput()) == 0 {
				continue
			}
			y := newLayer(n, weight, w)
			if n.GetOpType() != "MatMul" {
				y.bias = mark(n, 2, bias)
			}
			a.layers = append(a.layers, y)
		case "Add":
			a.added(n, source, w)
		case "BatchNormalization":
			mark(n, 1, gain)
			mark(n, 2, bias)
			mark(n, 3, mean)
			mark(n, 4, variance)
		case "LayerNormalization", "InstanceNormalization", "GroupNormalization", "RMSNormalization", "SkipLayerNormalization":
			mark(n, 1, gain)
			mark(n, 2, bias)
		case "Gather":
			mark(n, 0, table)
		case "LSTM", "GRU", "RNN":
			mark(n, 1, factor)
			mark(n, 2, factor)
			mark(n, 3, bias)
		}
	}
	return a
}

func newLayer(n *onnxpb.NodeProto, weight string, w *gradient.Weights) layer {
	y := layer{weight: weight, output: n.GetOutput()[0], axis: 1}
	x, _ := w.Array(weight)
	if len(x.Shape) < 2 || x.Len() == 0 {
		return y
	}
	switch {
	case n.GetOpType() == "Conv", n.GetOpType() == "Gemm" && transposed(n):
		y.units, y.fanIn = x.Shape[0], x.Len()/x.Shape[0]
		y.stride = y.fanIn
	case n.GetOpType() == "Gemm", n.GetOpType() == "MatMul" && len(x.Shape) == 2:
		y.units, y.fanIn, y.stride, y.axis = x.Shape[1], x.Shape[0], 1, -1
	}
	return y
}

// transposed reports whether a Gemm takes its second operand transposed.
func transposed(n *onnxpb.NodeProto) bool {
	for _, a := range n.GetAttribute() {
		if a.GetName() == "transB" {
			return a.GetI() != 0
		}
	}
	return false
}

// added treats an Add of an initializer as a bias, and as that of the layer before it if it
// follows one.
func (a *anatomy) added(n *onnxpb.NodeProto, source map[string]string, w *gradient.Weights) {
	in := n.GetInput()
	if len(in) != 2 || len(n.GetOutput()) == 0 {
		return
	}
	for i, x := range in {
		name := source[x]
		if name == "" || a.roles[name] != unknown {
			continue
		}
		a.roles[name] = bias
		b, _ := w.Array(name)
		for k := range a.layers {
			y := &a.layers[k]
			if y.output == in[1-i] && y.bias == "" && y.axis == -1 && b.Len() == y.units {
				y.bias, y.output = name, n.GetOutput()[0]
			}
		}
	}
}

// floating reports whether initializers of the type are trained.
func floating(t onnxpb.TensorProto_DataType) bool {
	switch t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return true
	}
	return false
}
