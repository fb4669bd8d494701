package task

import (
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// states tells the inputs and outputs of a graph that are states, fed back from one to the other. It is
// made once for all of them.
type states struct {
	g     *onnxpb.GraphProto
	named bool                     // whether an input has the name of a state
	begin map[string]bool          // values that are used for nothing but to begin recurrent operators with
	left  map[string]bool          // values that have nothing but last states of recurrent operators
	apart []*onnxpb.ValueInfoProto // inputs that are stacked states: the model takes them apart
	joint map[string]bool          // values that are put together
}

func statesOf(g *onnxpb.GraphProto) *states {
	s := &states{g: g, begin: beginning(g), left: leaving(g), joint: map[string]bool{}}
	s.named = slices.ContainsFunc(g.GetInput(), func(v *onnxpb.ValueInfoProto) bool { return isFloat(v) && gradient.StateName.MatchString(v.GetName()) })
	parts, whole := map[string]int{}, map[string]bool{}
	last := map[string]*onnxpb.NodeProto{} // that has been counted
	for _, n := range g.GetNode() {
		count := 0
		switch n.GetOpType() {
		case "Slice", "Gather":
			count = 1
		case "Split":
			count = len(n.GetOutput())
		case "Concat":
			for _, name := range n.GetOutput() {
				s.joint[name] = s.joint[name] || len(n.GetInput()) > 1
			}
		}
		for _, name := range n.GetInput() {
			if last[name] == n {
				continue
			}
			last[name] = n
			parts[name] += count
			whole[name] = whole[name] || count == 0
		}
	}
	for _, v := range g.GetInput() {
		shape := shapeOf(v)
		if isFloat(v) && len(shape) >= 3 && !slices.Contains(shape[1:], -1) && parts[v.GetName()] > 1 && !whole[v.GetName()] {
			s.apart = append(s.apart, v)
		}
	}
	return s
}

// carried reports whether an output is a state that the model takes again as an input, and
// no answer: by the names of both, because a recurrent operator leaves it and takes an
// input of the same shape to begin with, or because it is stacked.
func (s *states) carried(output *onnxpb.ValueInfoProto) bool {
	if s.named && gradient.StateName.MatchString(output.GetName()) {
		return true
	}
	alike := func(v *onnxpb.ValueInfoProto) bool { return alikeShapes(shapeOf(v), shapeOf(output)) }
	return s.joint[output.GetName()] && slices.ContainsFunc(s.apart, alike) ||
		s.left[output.GetName()] && slices.ContainsFunc(s.g.GetInput(), func(v *onnxpb.ValueInfoProto) bool { return isFloat(v) && s.begin[v.GetName()] && alike(v) })
}

// takenAgain returns the inputs that are stacked states: an output of the same shape has them put
// together again, as where recurrent layers are written out.
func (s *states) takenAgain() map[string]bool {
	list := map[string]bool{}
	for _, in := range s.apart {
		if slices.ContainsFunc(s.g.GetOutput(), func(out *onnxpb.ValueInfoProto) bool {
			return s.joint[out.GetName()] && alikeShapes(shapeOf(in), shapeOf(out))
		}) {
			list[in.GetName()] = true
		}
	}
	return list
}

// moves are operators whose output has elements of their first input, or of all for Concat.
var moves = []string{"Identity", "Cast", "Transpose", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Split", "Gather", "Concat"}

var recurrent = []string{"LSTM", "GRU", "RNN"}

// leaving returns the values that have nothing but last states of recurrent operators.
func leaving(g *onnxpb.GraphProto) map[string]bool {
	var moving []*onnxpb.NodeProto // with only the inputs whose elements they have
	var states, others []string
	made := map[string]bool{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			made[name] = true
		}
	}
	for _, n := range g.GetNode() {
		switch {
		case slices.Contains(recurrent, n.GetOpType()):
			for i, name := range n.GetOutput() {
				if i == 0 { // all steps
					others = append(others, name)
				} else {
					states = append(states, name)
				}
			}
		case slices.Contains(moves, n.GetOpType()) && len(n.GetInput()) > 0:
			moving = append(moving, &onnxpb.NodeProto{Input: moved(n), Output: n.GetOutput()})
			for _, name := range moved(n) {
				if !made[name] {
					others = append(others, name)
				}
			}
		default:
			others = append(others, n.GetOutput()...)
		}
	}
	left := gradient.Downstream(moving, states...)
	for name := range gradient.Downstream(moving, others...) {
		delete(left, name)
	}
	return left
}

// beginning returns the values that are used for nothing but to begin recurrent operators with.
func beginning(g *onnxpb.GraphProto) map[string]bool {
	var back []*onnxpb.NodeProto // from what is moved to where it was
	var begin, others []string
	for _, n := range g.GetNode() {
		moves := slices.Contains(moves, n.GetOpType()) && len(n.GetInput()) > 0
		for i, name := range n.GetInput() {
			switch {
			case slices.Contains(recurrent, n.GetOpType()) && i >= 5:
				begin = append(begin, name)
			case !moves || i >= len(moved(n)) && !slices.Contains(moved(n), name):
				others = append(others, name)
			}
		}
		if moves {
			back = append(back, &onnxpb.NodeProto{Input: n.GetOutput(), Output: moved(n)})
		}
	}
	starts := gradient.Downstream(back, begin...)
	for name := range gradient.Downstream(back, others...) {
		delete(starts, name)
	}
	return starts
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
