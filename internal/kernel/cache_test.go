package kernel

import (
	"testing"
)

func TestCacheSizes(t *testing.T) {
	if cacheL1 < 8<<10 || cacheL1 > 1<<20 || cacheL2 < 64<<10 || cacheL2 > 64<<20 {
		t.Errorf("caches of %d and %d bytes", cacheL1, cacheL2)
	}
}
