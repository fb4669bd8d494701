package gradient

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// arena hands out buffers and reuses those that are returned to it.
type arena struct {
	free         []nd.Array
	total, limit int64 // bytes
}

// get returns the smallest free buffer that is large enough, or a new one. Its
// elements are undefined.
func (p *arena) get(t nd.DType, shape []int) (nd.Array, error) {
	n := nd.Size(shape)
	best := -1
	for i, a := range p.free {
		if a.DType() == t && a.Shape[0] >= n && (best < 0 || a.Shape[0] < p.free[best].Shape[0]) {
			best = i
		}
	}
	if best >= 0 && p.free[best].Shape[0] <= 2*n {
		a := p.free[best]
		p.free = slices.Delete(p.free, best, best+1)
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
		p.free = append(p.free, nd.Of(d[:cap(d)], cap(d)))
	case []int64:
		p.free = append(p.free, nd.Of(d[:cap(d)], cap(d)))
	case []bool:
		p.free = append(p.free, nd.Of(d[:cap(d)], cap(d)))
	}
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
