//go:build !amd64 || noasm

package pool

func halvingCode() *halving { return nil }
