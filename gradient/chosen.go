package gradient

import "github.com/advparams/advparams/onnxio/onnxpb"

// ChosenFrom returns the value from which an ArgMax chooses an output of the graph: the
// scores of the classes, where the output has the class. It is "" for other outputs. Casts
// and reshaping behind the ArgMax do not matter.
func ChosenFrom(g *onnxpb.GraphProto, output string) (scores string) {
	maker := map[string]*onnxpb.NodeProto{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			maker[name] = n
		}
	}
	for range len(g.GetNode()) {
		n := maker[output]
		if n == nil || len(n.GetInput()) == 0 {
			return ""
		}
		switch n.GetOpType() {
		case "ArgMax":
			return n.GetInput()[0]
		case "Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten":
			output = n.GetInput()[0]
		default:
			return ""
		}
	}
	return ""
}
