package gradient

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// arena hands out buffers and reuses those that are returned to it. A model may have as many buffers
// as operators, so that they are found by their size.
type arena struct {
	free         map[capacity][]nd.Array
	sizes        map[nd.DType][]int // of free buffers, ascending
	total, limit int64              // bytes
}

// capacity is the type of a buffer and the number of its elements.
type capacity struct {
	t nd.DType
	n int
}

// get returns the smallest free buffer that is large enough, or a new one. Its
// elements are undefined.
func (p *arena) get(t nd.DType, shape []int) (nd.Array, error) {
	n := nd.Size(shape)
	sizes := p.sizes[t]
	if i, _ := slices.BinarySearch(sizes, n); i < len(sizes) && sizes[i] <= 2*n {
		at := capacity{t, sizes[i]}
		list := p.free[at]
		a := list[len(list)-1]
		if p.free[at] = list[:len(list)-1]; len(list) == 1 {
			delete(p.free, at)
			p.sizes[t] = slices.Delete(sizes, i, i+1)
		}
		return shaped(a, n, shape), nil
	}
	if p.total += int64(n) * t.Bytes(); p.total > p.limit {
		return nd.Array{}, &MemoryError{Limit: p.limit}
	}
	a := nd.New(t, shape...)
	if x, ok := a.Data.([]float32); ok {
		preferLargePages(x)
	}
	return a, nil
}

// put returns a buffer to the arena, as a vector of its whole capacity.
func (p *arena) put(a nd.Array) {
	switch d := a.Data.(type) {
	case []float32:
		a = nd.Of(d[:cap(d)], cap(d))
	case []int64:
		a = nd.Of(d[:cap(d)], cap(d))
	case []bool:
		a = nd.Of(d[:cap(d)], cap(d))
	default:
		return
	}
	if p.free == nil {
		p.free, p.sizes = map[capacity][]nd.Array{}, map[nd.DType][]int{}
	}
	at := capacity{a.DType(), a.Shape[0]}
	if p.free[at] == nil {
		sizes := p.sizes[at.t]
		i, _ := slices.BinarySearch(sizes, at.n)
		p.sizes[at.t] = slices.Insert(sizes, i, at.n)
	}
	p.free[at] = append(p.free[at], a)
}

func shaped(a nd.Array, n int, shape []int) nd.Array {
	switch d := a.Data.(type) {
	case []int64:
		return nd.Array{Shape: shape, Data: d[:n]}
	case []bool:
		return nd.Array{Shape: shape, Data: d[:n]}
	default:
		return nd.Array{Shape: shape, Data: a.Float32s()[:n]}
	}
}
