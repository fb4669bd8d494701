package ops

import (
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// nodeIndex is the index by which Gorgonia finds nodes of a graph by their number.
// Gorgonia fills it in only when a number is first asked for, after it has compared
// that of every node: adding n nodes takes n²/2 comparisons, half a minute for
// 40,000. As nodes are numbered in their order, the index is filled in ahead here.
//
// The field is not exported; with another version of Gorgonia that has none of that
// type, nothing is filled in.
type nodeIndex struct {
	byID   map[int64]int
	filled int64 // numbers below it are in byID
}

func newNodeIndex(g *gorgonia.ExprGraph) nodeIndex {
	f := reflect.ValueOf(g).Elem().FieldByName("byID")
	if !f.IsValid() || f.Type() != reflect.TypeFor[map[int64]int]() || !f.CanAddr() {
		return nodeIndex{}
	}
	return nodeIndex{byID: *(*map[int64]int)(unsafe.Pointer(f.UnsafeAddr()))}
}

// ahead fills in the numbers of the n nodes that there are, and of as many again:
// Grad adds nodes without asking.
func (x *nodeIndex) ahead(n int) {
	const least = 1 << 10
	if x.byID == nil || int64(n+least/2) < x.filled {
		return
	}
	for ; x.filled < int64(2*n+least); x.filled++ {
		x.byID[x.filled] = int(x.filled)
	}
}

// stop takes back what was filled in ahead of n nodes.
func (x *nodeIndex) stop(n int) {
	for id := int64(n); id < x.filled; id++ {
		delete(x.byID, id)
	}
	*x = nodeIndex{}
}

// Grad returns the gradients of a scalar with respect to variables, as
// [gorgonia.Grad] does.
func (b *Builder) Grad(cost *Value, wrt ...*gorgonia.Node) (gorgonia.Nodes, error) {
	node := b.Node(cost)
	all := b.Graph.AllNodes()
	for _, n := range all {
		// Gorgonia removes operators that nothing is connected to. Numbers would then
		// be another node's.
		if n.Op() != nil && n.Op().Arity() == 0 && b.Graph.To(n.ID()).Len() == 0 {
			b.index.stop(len(all))
			break
		}
	}
	b.index.ahead(3 * len(all))
	return gorgonia.Grad(node, wrt...)
}
