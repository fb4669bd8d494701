//go:build arm64 && !noasm

package pool

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// halvingCode returns the assembly for halving planes, nil for none.
func halvingCode() *halving {
	if simd.Active() == simd.Portable {
		return nil
	}
	return &halvingNEON
}

var halvingNEON = halving{halveMaxNEON, halveMaxGradNEON}
