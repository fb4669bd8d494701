package kernel

import (
	"math/bits"
	"sync"
)

// pool keeps scratch memory, one pool for each power of two, so that a kernel
// called again finds its buffers and the collector may still take them back.
type pool[T any] struct {
	classes [48]sync.Pool
}

var (
	floats pool[float32]
	pairs  pool[pair]
)

func (p *pool[T]) get(n int) *[]T {
	class := bits.Len(uint(max(n, 64) - 1))
	s, _ := p.classes[class].Get().(*[]T)
	if s == nil {
		b := make([]T, 1<<class)
		s = &b
	}
	*s = (*s)[:n]
	return s
}

func (p *pool[T]) put(s *[]T) {
	*s = (*s)[:cap(*s)]
	p.classes[bits.Len(uint(cap(*s)-1))].Put(s)
}

// scratch returns a slice of n elements with arbitrary contents; release it.
func scratch(n int) *[]float32 { return floats.get(n) }
func release(s *[]float32)     { floats.put(s) }
func offsets(n int) *[]pair    { return pairs.get(n) }
func releaseOffsets(s *[]pair) { pairs.put(s) }
