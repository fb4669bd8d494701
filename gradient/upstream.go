package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Makers returns the nodes of a graph by the names of what they compute.
func Makers(g *onnxpb.GraphProto) map[string]*onnxpb.NodeProto {
	maker := map[string]*onnxpb.NodeProto{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			maker[name] = n
		}
	}
	delete(maker, "") // outputs that are left out
	return maker
}

// Upstream returns the nodes of a graph from which the named values are computed,
// in the order of the graph.
func Upstream(g *onnxpb.GraphProto, values ...string) []*onnxpb.NodeProto {
	maker := Makers(g)
	found := map[*onnxpb.NodeProto]bool{}
	for open := slices.Clone(values); len(open) > 0; {
		n := maker[open[len(open)-1]]
		open = open[:len(open)-1]
		if n != nil && !found[n] {
			found[n] = true
			open = append(open, needsOf(n)...)
		}
	}
	return slices.DeleteFunc(slices.Clone(g.GetNode()), func(n *onnxpb.NodeProto) bool { return !found[n] })
}

// Downstream returns the names of the given values and of all that nodes compute from them, in
// whatever order the nodes are.
func Downstream(nodes []*onnxpb.NodeProto, values ...string) map[string]bool {
	users := map[string][]*onnxpb.NodeProto{}
	for _, n := range nodes {
		for _, name := range needsOf(n) {
			users[name] = append(users[name], n)
		}
	}
	delete(users, "") // inputs that are left out
	found, done := map[string]bool{}, map[*onnxpb.NodeProto]bool{}
	for open := slices.Clone(values); len(open) > 0; {
		value := open[len(open)-1]
		open = open[:len(open)-1]
		if found[value] {
			continue
		}
		found[value] = true
		for _, n := range users[value] {
			if !done[n] {
				done[n] = true
				open = append(open, n.GetOutput()...)
			}
		}
	}
	return found
}

// Needed returns the names of everything that the named values of a graph are computed
// from, and their own: inputs, initializers and the values in between.
func Needed(g *onnxpb.GraphProto, values ...string) map[string]bool {
	names := map[string]bool{}
	for _, v := range values {
		names[v] = true
	}
	for _, n := range Upstream(g, values...) {
		for _, name := range needsOf(n) {
			names[name] = true
		}
	}
	return names
}

// nodesFor returns the nodes of a graph that the named outputs need. Nil stands for
// all outputs, and all nodes.
func nodesFor(g *onnxpb.GraphProto, outputs []string) []*onnxpb.NodeProto {
	if outputs == nil {
		return g.GetNode()
	}
	return Upstream(g, outputs...)
}
