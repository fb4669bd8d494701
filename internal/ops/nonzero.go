package ops

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/nd"
)

// nonzero: NonZero, Compress (opset 9), Unique (opset 11). The shape of the output
// depends on elements of the input, which must be known at compile time. Compress
// has a gradient with respect to the value from which it selects.

func buildNonZero(c *Call) []*Value {
	x := c.Input(0)
	c.known(0)
	a, _ := c.Known(c.Cast(x, nd.Bool)) // as the input is
	strides := nd.Strides(x.Shape)
	var found []int
	for i, v := range a.Bools() {
		if v {
			found = append(found, i)
		}
	}
	out := make([]int64, 0, x.Rank()*len(found))
	for axis, s := range strides {
		for _, i := range found {
			out = append(out, int64(i/s%x.Shape[axis]))
		}
	}
	return []*Value{c.Const(nd.Of(out, x.Rank(), len(found)))}
}

func buildCompress(c *Call) []*Value {
	x, condition := c.Input(0), c.Input(1)
	axis := 0
	if c.Has("axis") {
		axis = c.Axis(c.Int("axis", 0), x.Rank())
	} else {
		x = c.Reshape(x, x.Len())
	}
	if condition.DType != nd.Bool || condition.Rank() != 1 || condition.Len() > x.Shape[axis] {
		c.fail("condition of type %v and shape %v on an axis of %d", condition.DType, condition.Shape, x.Shape[axis])
	}
	var rows []int
	for i, v := range c.known(1).Bools() {
		if v {
			rows = append(rows, i)
		}
	}
	return []*Value{c.Gather(x, c.Ints(rows...), axis)}
}

// buildUnique treats the input as rows, along the axis or of single elements, and
// finds the distinct ones.
func buildUnique(c *Call) []*Value {
	x, axis := c.Input(0), 0
	c.known(0)
	if c.Has("axis") {
		axis = c.Axis(c.Int("axis", 0), x.Rank())
	} else {
		x = c.Reshape(x, x.Len())
	}
	perm := axesUpTo(x.Rank()) // the axis first
	perm = slices.Insert(slices.Delete(perm, axis, axis+1), 0, axis)
	n := x.Shape[axis]
	rows := c.Reshape(c.Transpose(x, perm...), n, x.Len()/max(n, 1))
	a, _ := c.Known(rows) // as the input is
	c.spend("Unique", sortWork(1, n)*float64(max(x.Len()/max(n, 1), 1)))
	first, inverse, counts := unique(a, c.Bool("sorted", true))
	return []*Value{c.Gather(x, c.Ints(first...), axis), c.Ints(first...), c.Ints(inverse...), c.Ints(counts...)}
}

// unique finds the distinct rows of a matrix. It returns the first row of each
// kind, in ascending order of rows or in order of appearance, and for each row the
// number of its kind.
func unique(a nd.Array, sorted bool) (first, inverse, counts []int) {
	width := a.Shape[1]
	var compare func(i, j int) int
	switch d := a.Data.(type) {
	case []float32:
		compare = func(i, j int) int { return slices.Compare(d[i*width:(i+1)*width], d[j*width:(j+1)*width]) }
	case []int64:
		compare = func(i, j int) int { return slices.Compare(d[i*width:(i+1)*width], d[j*width:(j+1)*width]) }
	case []bool:
		compare = func(i, j int) int {
			return slices.CompareFunc(d[i*width:(i+1)*width], d[j*width:(j+1)*width], func(p, q bool) int {
				return cmp.Compare(number(p), number(q))
			})
		}
	}
	order := axesUpTo(a.Shape[0])
	slices.SortStableFunc(order, compare)
	kinds := make([]int, 0, len(order)) // first rows, ascending
	kind := make([]int, len(order))     // first row of each row's kind
	for k, row := range order {
		if k == 0 || compare(order[k-1], row) != 0 {
			kinds = append(kinds, row)
		}
		kind[row] = kinds[len(kinds)-1]
	}
	if !sorted {
		slices.Sort(kinds)
	}
	numbers := map[int]int{}
	for i, row := range kinds {
		numbers[row] = i
	}
	inverse, counts = make([]int, len(kind)), make([]int, len(kinds))
	for row, k := range kind {
		inverse[row] = numbers[k]
		counts[numbers[k]]++
	}
	return kinds, inverse, counts
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

var selections = family{
	"NonZero":  {9, buildNonZero},
	"Compress": {9, buildCompress},
	"Unique":   {11, buildUnique},
}
