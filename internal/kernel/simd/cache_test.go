package simd_test

import (
	"testing"

	"github.com/advparams/advparams/internal/kernel/simd"
)

func TestCacheSizes(t *testing.T) {
	if simd.CacheL1 < 8<<10 || simd.CacheL1 > 1<<20 || simd.CacheL2 < 64<<10 || simd.CacheL2 > 64<<20 {
		t.Errorf("caches of %d and %d bytes", simd.CacheL1, simd.CacheL2)
	}
}
