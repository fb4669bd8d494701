package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// ChosenFrom returns the value from which an ArgMax or a Multinomial chooses an output of the
// graph: the scores of the classes, where the output has the class. It is "" for other outputs.
// Casts and reshaping behind it do not matter.
func ChosenFrom(g *onnxpb.GraphProto, output string) (scores string) {
	return newOrigins(g).chosenFrom(output)
}

// ChoicesFrom returns the values from which several choices are made that an output of the graph has
// beside each other, such as the actions of a policy: its columns, in their order. It is nil for other
// outputs, also for those of one choice (ChosenFrom).
func ChoicesFrom(g *onnxpb.GraphProto, output string) (scores []string) {
	return newOrigins(g).choicesFrom(output)
}

// origins answers from what outputs of a graph are chosen or rounded. It is made once for all
// outputs: to look through the graph for each of them again takes the square of their number.
type origins struct {
	g     *onnxpb.GraphProto
	maker map[string]*onnxpb.NodeProto

	// What is the same for all outputs; nil until somebody asks.
	constants map[string]bool // initializers
	given     map[string]bool // inputs, true for those of floats
	integers  *bool           // whether all outputs are whole numbers that no scores choose
	unsaid    *bool           // whether no output is of floats, or a choice by scores
}

func newOrigins(g *onnxpb.GraphProto) *origins { return &origins{g: g, maker: Makers(g)} }

// chosenFrom is ChosenFrom.
func (o *origins) chosenFrom(output string) (scores string) {
	for range len(o.g.GetNode()) {
		n := o.maker[output]
		if n == nil || len(n.GetInput()) == 0 {
			return ""
		}
		switch n.GetOpType() {
		case "ArgMax":
			return BeforeLog(o.maker, n.GetInput()[0])
		case "Multinomial": // with the likeliest in place of one that is drawn
			if slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "sample_size" && a.GetI() != 1 }) {
				return ""
			}
			return BeforeLog(o.maker, n.GetInput()[0])
		case "Concat":
			if len(n.GetInput()) > 1 {
				return ""
			}
			output = n.GetInput()[0]
		case "Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten":
			output = n.GetInput()[0]
		default:
			return ""
		}
	}
	return ""
}

// choicesFrom is ChoicesFrom.
func (o *origins) choicesFrom(output string) (scores []string) {
	for range len(o.g.GetNode()) {
		switch n := o.maker[output]; n.GetOpType() {
		case "Identity", "Cast":
			output = FirstInput(n)
		case "Concat":
			columns := slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "axis" && (a.GetI() == 1 || a.GetI() == -1) })
			if len(n.GetInput()) < 2 || !columns {
				return nil
			}
			for _, name := range n.GetInput() {
				one := o.chosenFrom(name)
				if one == "" {
					return nil
				}
				scores = append(scores, one)
			}
			return scores
		default:
			return nil
		}
	}
	return nil
}

// BeforeLog returns what a value is the logarithm of. If it is not a logarithm, BeforeLog returns
// the value itself. What is largest stays largest without the logarithm, and a probability of 0,
// whose logarithm is infinite, has a gradient.
func BeforeLog(maker map[string]*onnxpb.NodeProto, value string) string {
	if n := maker[value]; n.GetOpType() == "Log" {
		return FirstInput(n)
	}
	return value
}

// FirstInput returns the name of a node's first input; "" if it has none, as in a file that nobody
// has checked yet.
func FirstInput(n *onnxpb.NodeProto) string {
	if len(n.GetInput()) == 0 {
		return ""
	}
	return n.GetInput()[0]
}
