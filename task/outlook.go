package task

import (
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Outlook is what a model's graph declares about its inputs and about the output
// with the answers. It is the same for every use of a model, so that a program needs
// to call Look only once; options of other packages accept the result.
type Outlook struct {
	Inputs []gradient.Input // initializers left out
	Shape  []int            // of the output: -1 where an axis is open; nil if it is not declared
	LastOp string           // the operator that computes the output; operators that only reshape are skipped
	Tokens bool             // whether an input takes token numbers: integers of shape [N,T]
}

// Look reads the graph of a model. output names the output with the answers; ""
// means the first.
func Look(m *onnxio.Model, output string) (Outlook, error) {
	g := m.Proto().GetGraph()
	if len(g.GetOutput()) == 0 {
		return Outlook{}, fmt.Errorf("%s: the model has no output", m.Path())
	}
	out := g.GetOutput()[0]
	for _, v := range g.GetOutput() {
		if v.GetName() == output {
			out = v
		}
	}
	o := Outlook{LastOp: lastOp(g, out.GetName())}
	if shape := out.GetType().GetTensorType().GetShape(); shape != nil {
		o.Shape = []int{}
		for _, d := range shape.GetDim() {
			n := -1
			if v, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && v.DimValue > 0 {
				n = int(v.DimValue)
			}
			o.Shape = append(o.Shape, n)
		}
	}
	var err error
	if o.Inputs, err = gradient.Inputs(m); err != nil {
		return o, err
	}
	for _, in := range o.Inputs {
		o.Tokens = o.Tokens || in.DType == nd.Int64 && (in.Shape == nil || len(in.Shape) == 2)
	}
	return o, nil
}

// lastOp returns the type of the operator that computes a value. Operators that only
// reshape are skipped.
func lastOp(g *onnxpb.GraphProto, value string) string {
	maker := map[string]*onnxpb.NodeProto{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			maker[name] = n
		}
	}
	for range len(g.GetNode()) {
		n := maker[value]
		if n == nil {
			return ""
		}
		switch n.GetOpType() {
		case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast":
			if len(n.GetInput()) > 0 {
				value = n.GetInput()[0]
				continue
			}
		}
		return n.GetOpType()
	}
	return ""
}

// Classes returns the number of classes K of an output of shape [N,K], ignoring axes
// of length 1. It is 1 for [N], and 0 if K is open or the output has another shape.
func (o Outlook) Classes() int {
	if len(o.Shape) == 0 {
		return 0
	}
	classes := 1
	for _, n := range o.Shape[1:] {
		switch {
		case n < 0, n > 1 && classes > 1:
			return 0
		default:
			classes *= n
		}
	}
	return classes
}

// rank returns the number of axes, ignoring those of length 1 after the first; 0 if
// it is not known.
func (o Outlook) rank() int {
	if len(o.Shape) == 0 {
		return 0
	}
	rank := 1
	for _, n := range o.Shape[1:] {
		if n != 1 {
			rank++
		}
	}
	return rank
}
