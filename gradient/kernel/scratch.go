package kernel

import (
	"math/bits"
	"sync"
)

// Scratch memory is kept in one pool for each power of two, so that a kernel
// called again finds its buffers, and the collector may still take them back.
var pools [48]sync.Pool

// scratch returns a slice of n elements with arbitrary contents; release it.
func scratch(n int) *[]float32 {
	class := bits.Len(uint(max(n, 64) - 1))
	p, _ := pools[class].Get().(*[]float32)
	if p == nil {
		s := make([]float32, 1<<class)
		p = &s
	}
	*p = (*p)[:n]
	return p
}

func release(p *[]float32) {
	*p = (*p)[:cap(*p)]
	pools[bits.Len(uint(cap(*p)-1))].Put(p)
}
