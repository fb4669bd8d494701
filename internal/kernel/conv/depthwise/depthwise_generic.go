//go:build !amd64 || noasm

package depthwise

func depthwiseCode() *depthwiseKernels { return nil }

func smallCode() *smallKernels { return nil }
