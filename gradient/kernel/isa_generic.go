//go:build !amd64 || noasm

package kernel

var available = []*instructions{portable}

// transposeBlocks leaves everything to its caller.
func transposeBlocks(dst []float32, ds int, src []float32, ss, rows, cols int) (done int) { return 0 }
