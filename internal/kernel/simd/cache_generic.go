//go:build !amd64 || noasm

package simd

func cacheSizes() (l1, l2 int) { return 32 << 10, 256 << 10 }
