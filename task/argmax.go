package task

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// byArgMax reports whether an output has classes that an ArgMax chooses by scores that no other
// output has.
func byArgMax(g *onnxpb.GraphProto, v *onnxpb.ValueInfoProto) bool {
	scores := choicesOf(g, v.GetName())
	if scores == nil {
		return false
	}
	before := true // v
	for _, o := range g.GetOutput() {
		if o.GetName() == v.GetName() {
			before = false
			continue
		}
		other := choicesOf(g, o.GetName())
		if other == nil && isFloat(o) {
			other = []string{unsquashed(g, o.GetName())}
		} else if !before {
			continue
		}
		if slices.Equal(other, scores) {
			return false
		}
	}
	return true
}

// choicesOf returns the values by which the choices that an output has are made; nil for other outputs.
func choicesOf(g *onnxpb.GraphProto, output string) []string {
	list := gradient.ChoicesFrom(g, output)
	if one := gradient.ChosenFrom(g, output); one != "" {
		list = []string{one}
	}
	for i, name := range list {
		list[i] = unsquashed(g, name)
	}
	return list
}

// unsquashed returns the value from which others are computed that have the same order.
func unsquashed(g *onnxpb.GraphProto, value string) string {
	for range len(g.GetNode()) {
		i := slices.IndexFunc(g.GetNode(), func(n *onnxpb.NodeProto) bool { return slices.Contains(n.GetOutput(), value) })
		if i < 0 {
			return value
		}
		switch n := g.GetNode()[i]; n.GetOpType() {
		case "Identity", "Cast", "Softmax", "LogSoftmax", "Log", "Sigmoid", "ZipMap":
			value = gradient.FirstInput(n)
		default:
			return value
		}
	}
	return value
}

// Scored returns scores of 1 for the classes [N,…] that an ArgMax has chosen, and 0 for all
// others, [N,K,…] with the classes on the outlook's axis. Sessions have scores in this form.
// The outlook has to be Settled.
func (o Outlook) Scored(chosen nd.Array) (nd.Array, error) {
	shape := slices.Clone(chosen.Shape)
	if o.Axis > 0 && o.Axis <= len(shape) && len(shape) == len(o.Shape)-1 {
		shape = slices.Insert(shape, o.Axis, 1)
	}
	if o.Axis == 0 || len(shape) != len(o.Shape) || shape[o.Axis] != 1 {
		return nd.Array{}, fmt.Errorf("output %q has classes of shape %v, their scores have the shape %v", o.name, chosen.Shape, o.Shape)
	}
	shape[o.Axis] = o.Shape[o.Axis]
	classes, inner := shape[o.Axis], nd.Size(shape[o.Axis+1:])
	scores := nd.New(nd.Float32, shape...)
	for i := range chosen.Len() {
		class := 0
		switch x := chosen.Data.(type) {
		case []int64:
			class = int(x[i])
		case []float32:
			class = int(x[i])
		}
		if class < 0 || class >= classes {
			return nd.Array{}, fmt.Errorf("output %q has the class %d of %d", o.name, class, classes)
		}
		scores.Float32s()[(i/inner*classes+class)*inner+i%inner] = 1
	}
	return scores, nil
}
