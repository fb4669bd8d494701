//go:build !amd64 || noasm

package simd

var available = []*instructions{portable}
