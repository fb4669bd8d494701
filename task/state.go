package task

import (
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// carried reports whether an output is a state that the model takes again as an input, and
// no answer: by the names of both, because a recurrent operator leaves it and takes an
// input of the same shape to begin with, or because it is stacked.
func carried(g *onnxpb.GraphProto, output *onnxpb.ValueInfoProto) bool {
	if gradient.StateName.MatchString(output.GetName()) && slices.ContainsFunc(g.GetInput(), func(v *onnxpb.ValueInfoProto) bool {
		return isFloat(v) && gradient.StateName.MatchString(v.GetName())
	}) {
		return true
	}
	return slices.ContainsFunc(g.GetInput(), func(v *onnxpb.ValueInfoProto) bool {
		return stacked(g, v, output) || isFloat(v) && alikeShapes(shapeOf(v), shapeOf(output)) && startState(g, v.GetName()) && leftState(g, output.GetName())
	})
}

// stacked reports whether an input has the states of several layers, which a model takes apart, and an
// output of the same shape has them put together again, as where recurrent layers are written out.
func stacked(g *onnxpb.GraphProto, input, output *onnxpb.ValueInfoProto) bool {
	shape := shapeOf(input)
	if !isFloat(input) || len(shape) < 3 || slices.Contains(shape[1:], -1) || !alikeShapes(shape, shapeOf(output)) {
		return false
	}
	apart, together := 0, false
	for _, n := range g.GetNode() {
		if slices.Contains(n.GetInput(), input.GetName()) {
			switch n.GetOpType() {
			case "Slice", "Gather":
				apart++
			case "Split":
				apart += len(n.GetOutput())
			default:
				return false
			}
		}
		together = together || n.GetOpType() == "Concat" && len(n.GetInput()) > 1 && slices.Contains(n.GetOutput(), output.GetName())
	}
	return apart > 1 && together
}

// takenAgain returns the inputs that are stacked states.
func takenAgain(g *onnxpb.GraphProto) map[string]bool {
	list := map[string]bool{}
	for _, in := range g.GetInput() {
		for _, out := range g.GetOutput() {
			if stacked(g, in, out) {
				list[in.GetName()] = true
			}
		}
	}
	return list
}

// moves are operators whose output has elements of their first input, or of all for Concat.
var moves = []string{"Identity", "Cast", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Split", "Gather", "Concat"}

var recurrent = []string{"LSTM", "GRU", "RNN"}

// leftState reports whether a value has nothing but last states of recurrent operators.
func leftState(g *onnxpb.GraphProto, value string) bool {
	maker := gradient.Makers(g)
	seen := map[string]bool{}
	for todo := []string{value}; len(todo) > 0; todo = todo[1:] {
		n := maker[todo[0]]
		switch {
		case seen[todo[0]]:
		case n == nil:
			return false
		case slices.Contains(recurrent, n.GetOpType()):
			if slices.Index(n.GetOutput(), todo[0]) == 0 { // of all steps
				return false
			}
		case slices.Contains(moves, n.GetOpType()) && len(n.GetInput()) > 0:
			todo = append(todo, moved(n)...)
		default:
			return false
		}
		seen[todo[0]] = true
	}
	return true
}

// startState reports whether a value is used for nothing but to begin recurrent operators with.
func startState(g *onnxpb.GraphProto, value string) bool {
	begins := false
	seen := map[string]bool{}
	for todo := []string{value}; len(todo) > 0; todo = todo[1:] {
		if seen[todo[0]] {
			continue
		}
		seen[todo[0]] = true
		for _, n := range g.GetNode() {
			for i, name := range n.GetInput() {
				switch {
				case name != todo[0]:
				case slices.Contains(recurrent, n.GetOpType()) && i >= 5:
					begins = true
				case slices.Contains(moves, n.GetOpType()) && slices.Contains(moved(n), name):
					todo = append(todo, n.GetOutput()...)
				default:
					return false
				}
			}
		}
	}
	return begins
}

// moved returns the inputs whose elements an operator of moves has.
func moved(n *onnxpb.NodeProto) []string {
	if n.GetOpType() == "Concat" {
		return n.GetInput()
	}
	return n.GetInput()[:1]
}

// alikeShapes reports whether two declared shapes may be the same.
func alikeShapes(a, b []int) bool {
	return a != nil && slices.EqualFunc(a, b, func(m, n int) bool { return m == n || m < 0 || n < 0 })
}
