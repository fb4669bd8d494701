package task

import (
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// given returns the outputs that no weight has a part in, such as an input that is handed on, and
// those that no input has a part in, such as the version of a format. There is nothing to lock in
// them.
func given(m *onnxio.Model) map[string]bool {
	g := m.Proto().GetGraph()
	var weights, inputs, hidden []string
	elsewhere := false
	for _, p := range m.Parameters() {
		if p.Trained {
			weights = append(weights, p.Name)
			elsewhere = elsewhere || p.Graph != ""
		}
	}
	stored := map[string]bool{}
	for _, t := range g.GetInitializer() {
		stored[t.GetName()] = true
	}
	for _, v := range g.GetInput() {
		if !stored[v.GetName()] {
			inputs = append(inputs, v.GetName())
		}
	}
	if elsewhere { // weights of branches, loops and functions have names of their own
		for _, n := range g.GetNode() {
			if n.GetDomain() != "" || slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetG() != nil }) {
				hidden = append(hidden, n.GetOutput()...)
			}
		}
	}
	reads := gradient.Downstream(g.GetNode(), append(weights, hidden...)...)
	asks := gradient.Downstream(g.GetNode(), inputs...)
	list := map[string]bool{}
	for _, v := range g.GetOutput() {
		if name := v.GetName(); !reads[name] || !asks[name] && len(inputs) > 0 {
			list[name] = true
		}
	}
	if len(list) == len(g.GetOutput()) {
		return nil
	}
	return list
}
