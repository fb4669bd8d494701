package gradient

import (
	"fmt"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Supported returns an *UnsupportedError that lists all nodes whose operator is not
// implemented: nodes of the main graph, of graphs nested in it, and of the
// functions that they call. Nodes that none of the named outputs needs do not
// count. Nil stands for all outputs.
func Supported(m *onnxio.Model, outputs []string) error {
	e := &UnsupportedError{Path: m.Path()}
	known := functions(m.Proto())
	seen := map[*function]bool{}
	main := opsets(m.Proto().GetOpsetImport())
	var walk func(nodes []*onnxpb.NodeProto, in *frame, inside string)
	walk = func(nodes []*onnxpb.NodeProto, in *frame, inside string) {
		report := func(n *onnxpb.NodeProto, why string, args ...any) {
			e.Nodes = append(e.Nodes, fmt.Sprintf("%s%s (opset %s): ", Describe(n), inside, opsetName(n.GetDomain(), in.opset(n.GetDomain())))+fmt.Sprintf(why, args...))
		}
		for _, n := range nodes {
			domain := n.GetDomain()
			if f, ok := known[n.FunctionKey()]; ok {
				if !seen[f] {
					seen[f] = true
					walk(f.proto.GetNode(), &frame{opsets: f.opsets, model: main}, fmt.Sprintf(" in function %q", f.proto.GetName()))
				}
			} else if op, ok := ops.Lookup(domain, n.GetOpType()); !ok {
				if what := ops.NotNetwork(domain, n.GetOpType()); what != "" {
					e.NotNetwork = what
				}
				e.OneProcessor = e.OneProcessor || domain == "com.microsoft.nchwc"
				report(n, "operator not implemented")
			} else if v, newest := in.opset(domain), ops.Newest(domain); v > newest {
				report(n, "the newest operator set that is known is %d", newest)
			} else if v := in.opset(domain); v < op.Since {
				report(n, "implemented from opset %d on", op.Since)
			} else if v, ok := main[onnxpb.Domain(domain)]; inside != "" && ok && v < op.Since {
				report(n, "the model itself has opset %d, with which onnxruntime runs functions", v)
			}
			for _, a := range n.GetAttribute() {
				if a.GetG() != nil {
					walk(a.GetG().GetNode(), in, inside)
				}
			}
		}
	}
	walk(nodesFor(m.Proto().GetGraph(), outputs), &frame{opsets: main}, "")
	if len(e.Nodes) > 0 {
		return e
	}
	return nil
}

// Support says how far an operator is implemented.
type Support struct {
	Forward  bool // it can be computed
	Gradient bool // gradients pass through it
}

// SupportFor returns the support of an operator in a version of its operator set.
// The domain "" is ONNX's own.
func SupportFor(domain, name string, opset int64) Support {
	op, ok := ops.Lookup(domain, name)
	ok = ok && opset >= int64(op.Since)
	return Support{Forward: ok, Gradient: ok && ops.WithoutGradient(domain, name) == ""}
}
