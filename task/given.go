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
	weights, elsewhere := map[string]bool{}, false
	for _, p := range m.Parameters() {
		if p.Trained {
			weights[p.Name] = true
			elsewhere = elsewhere || p.Graph != ""
		}
	}
	inputs := map[string]bool{}
	for _, v := range g.GetInput() {
		inputs[v.GetName()] = true
	}
	for _, t := range g.GetInitializer() {
		delete(inputs, t.GetName())
	}
	list := map[string]bool{}
	for _, v := range g.GetOutput() {
		reads, asks := false, false
		for name := range gradient.Needed(g, v.GetName()) {
			reads, asks = reads || weights[name], asks || inputs[name]
		}
		// Weights of branches, loops and functions have names of their own.
		hidden := elsewhere && slices.ContainsFunc(gradient.Upstream(g, v.GetName()), func(n *onnxpb.NodeProto) bool {
			return n.GetDomain() != "" || slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetG() != nil })
		})
		if !reads && !hidden || !asks && len(inputs) > 0 {
			list[v.GetName()] = true
		}
	}
	if len(list) == len(g.GetOutput()) {
		return nil
	}
	return list
}
