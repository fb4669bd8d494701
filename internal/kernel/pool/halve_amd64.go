//go:build amd64 && !noasm

package pool

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// halvingCode returns the assembly for halving planes, nil for none.
func halvingCode() *halving {
	if simd.Active() == simd.Portable {
		return nil
	}
	return &halvingAVX2
}

var halvingAVX2 = halving{halveMaxAVX2, halveMaxGradAVX2}

func halveMaxAVX2(rows, n int, x *float32, line int, y *float32) {
	if n < 8 {
		halveMax4AVX2(rows, n, x, line, y)
	} else {
		halveMax8AVX2(rows, n, x, line, y)
	}
}

func halveMaxGradAVX2(rows, n int, x *float32, line int, gy, gx *float32) {
	if n < 8 {
		halveMaxGrad4AVX2(rows, n, x, line, gy, gx)
	} else {
		halveMaxGrad8AVX2(rows, n, x, line, gy, gx)
	}
}
