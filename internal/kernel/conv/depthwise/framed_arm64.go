//go:build arm64 && !noasm

package depthwise

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// framedCode returns the assembly for planes in frames, nil for none.
func framedCode() *framedKernels {
	if simd.Active() == simd.Portable {
		return nil
	}
	return &framedNEON
}

var framedNEON = framedKernels{
	forward: [2][2]func(rows, n int, x *float32, line int, w, y *float32, bias float32){
		{framedForward1x3NEON, framedForward2x3NEON}, {framedForward1x5NEON, framedForward2x5NEON},
	},
	weight: [2][2]func(rows, vectors int, x *float32, line int, gy, sums *float32){
		{framedWeight1x3NEON, framedWeight2x3NEON}, {framedWeight1x5NEON, framedWeight2x5NEON},
	},
}
