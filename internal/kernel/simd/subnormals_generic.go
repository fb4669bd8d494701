//go:build !amd64 || noasm

package simd

func flushing() bool { return false }

func flushSubnormals() (restore func()) { return func() {} }
