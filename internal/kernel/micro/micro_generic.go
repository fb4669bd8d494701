//go:build !amd64 || noasm

package micro

func addMicrokernels() {}
