//go:build !amd64 || noasm

package kernel

func depthwiseCode() *depthwiseKernels { return nil }

func smallCode() *smallKernels { return nil }
