//go:build !unix && !windows

package memory

import (
	"fmt"
	"math"
)

// allocate takes the garbage collector's memory where there is no other.
func allocate(n int64) ([]byte, error) {
	if n > math.MaxInt {
		return nil, fmt.Errorf("%d bytes are too many for this machine's addresses", n)
	}
	return make([]byte, n), nil
}

func free([]byte) error { return nil }
