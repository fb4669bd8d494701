package scratch

import (
	"math/bits"
	"sync"
)

// pool keeps buffers in four size classes for each power of two.
type pool[T any] struct {
	classes [4 * 48]sync.Pool
}

var (
	floats pool[float32]
	pairs  pool[[2]int]
)

// class returns the index of the smallest size class that holds n elements, and its size.
func class(n int) (index, size int) {
	n = max(n, 64)
	octave := bits.Len(uint(n-1)) - 3 // sizes are 5 to 8 times 2^octave
	quarter := (n - 1) >> octave      // 4 to 7
	return 4*octave + quarter - 4, (quarter + 1) << octave
}

func (p *pool[T]) get(n int) *[]T {
	i, size := class(n)
	s, _ := p.classes[i].Get().(*[]T)
	if s == nil {
		b := make([]T, size)
		s = &b
	}
	*s = (*s)[:n]
	return s
}

func (p *pool[T]) put(s *[]T) {
	*s = (*s)[:cap(*s)]
	i, _ := class(cap(*s))
	p.classes[i].Put(s)
}

// Floats returns a buffer of n elements with arbitrary contents. Give it back with [Free].
func Floats(n int) *[]float32 { return floats.get(n) }

// Free gives back a buffer of [Floats].
func Free(s *[]float32) { floats.put(s) }

// Pairs returns a buffer of n pairs of offsets with arbitrary contents. Give it back with
// [FreePairs].
func Pairs(n int) *[][2]int { return pairs.get(n) }

// FreePairs gives back a buffer of [Pairs].
func FreePairs(s *[][2]int) { pairs.put(s) }
