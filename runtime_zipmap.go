package advparams

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// unsorted returns the numbers of an output as our own programs have them. Those of a ZipMap
// come from onnxruntime in the order of the classes' names.
func unsorted(g *onnxpb.GraphProto, output string, a nd.Array) nd.Array {
	for _, n := range g.GetNode() {
		if n.GetOpType() == "ZipMap" && slices.Contains(n.GetOutput(), output) {
			x, ok := a.Data.([]float32)
			order := byName(n)
			if !ok || len(a.Shape) != 2 || a.Shape[1] != len(order) {
				return a
			}
			y := make([]float32, len(x))
			for i := range x {
				row := i - i%len(order)
				y[row+order[i%len(order)]] = x[i]
			}
			return nd.Array{Shape: a.Shape, Data: y}
		}
	}
	return a
}

// byName returns the positions of a ZipMap's classes in the order of their names.
func byName(n *onnxpb.NodeProto) []int {
	var compare func(a, b int) int
	size := 0
	for _, a := range n.GetAttribute() {
		switch a.GetName() {
		case "classlabels_int64s":
			size, compare = len(a.Ints), func(i, j int) int { return cmp.Compare(a.Ints[i], a.Ints[j]) }
		case "classlabels_strings":
			size, compare = len(a.Strings), func(i, j int) int { return slices.Compare(a.Strings[i], a.Strings[j]) }
		}
	}
	order := make([]int, size)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, compare)
	return order
}
