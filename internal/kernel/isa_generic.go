//go:build !amd64 || noasm

package kernel

var available = []*instructions{portable}
