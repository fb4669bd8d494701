//go:build (amd64 || arm64) && !noasm

package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

func (t *DotTile) call(f func(n, k int, step *int, a *float32, aRow int, b *float32, col *int, sums *float32, add, end int, prefetch *float32, ahead int)) {
	add, end := 0, 0
	if t.Add {
		add = 1
	}
	if t.End {
		end = 1
	}
	prefetch, rate := &t.A[0], 0
	if triples := len(t.Col)/3 - 1; len(t.Prefetch) > 0 {
		prefetch, rate = &t.Prefetch[0], simd.RoundUp(4*len(t.Prefetch)/(triples*len(t.Step)), 4)
	}
	f(len(t.Col)/3-1, len(t.Step), &t.Step[0][0], &t.A[0], t.ARow, &t.B[0], &t.Col[0], &t.Sums[0], add, end, prefetch, rate)
}
