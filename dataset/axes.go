package dataset

import "github.com/advparams/advparams/nd"

// Arrays in a file have samples on the axis where the model has them; sources have them on
// axis 0.

// ahead returns the shape of an array with samples on axis 0. shared says that it is one
// sample for all instead.
func (in Input) ahead(shape []int) (moved []int, shared bool) {
	switch {
	case in.Axis == NoAxis && len(in.Shape) == len(shape)+1:
		return shape, true
	case in.Axis > 0 && in.Axis < len(shape):
		moved = append([]int{shape[in.Axis]}, shape[:in.Axis]...)
		return append(moved, shape[in.Axis+1:]...), false
	}
	return shape, false
}

// zeros returns a sample of zeros; an open axis has the length 1.
func (in Input) zeros() nd.Array {
	var shape []int
	for _, n := range in.Shape[min(1, len(in.Shape)):] {
		shape = append(shape, max(n, 1))
	}
	if in.DType == 0 {
		return nd.New(nd.Float32, shape...)
	}
	return nd.New(in.DType, shape...)
}

// repeated returns n times the same sample.
func repeated(a nd.Array, n int) nd.Array {
	one := nd.Array{Shape: append([]int{1}, a.Shape...), Data: a.Data}
	return rowsOf(one, make([]int, n))
}

// inFront reads an array for an input, with samples on axis 0. kept are the samples to
// read; nil means all.
func (z *npzReader) inFront(name string, in Input, kept []int) (nd.Array, error) {
	if in.Axis <= 0 {
		return z.array(name, in.DType, kept)
	}
	a, err := z.array(name, in.DType, nil)
	if err != nil {
		return nd.Array{}, err
	}
	shape, _ := in.ahead(a.Shape)
	if kept == nil {
		kept = count(shape[0])
	}
	outer, inner := nd.Size(a.Shape[:in.Axis]), nd.Size(a.Shape[in.Axis+1:])
	out := nd.New(a.DType(), append([]int{len(kept)}, shape[1:]...)...)
	for i, row := range kept {
		for o := range outer {
			from, to := (o*shape[0]+row)*inner, (i*outer+o)*inner
			switch x := a.Data.(type) {
			case []float32:
				copy(out.Float32s()[to:to+inner], x[from:])
			case []int64:
				copy(out.Int64s()[to:to+inner], x[from:])
			case []bool:
				copy(out.Bools()[to:to+inner], x[from:])
			}
		}
	}
	return out, nil
}
