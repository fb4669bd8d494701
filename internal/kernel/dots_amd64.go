//go:build amd64 && !noasm

package kernel

func dotsAVX512(t *dotTile) { t.call(dots8x3AVX512) }
func dotsAVX2(t *dotTile)   { t.call(dots4x3AVX2) }

func (t *dotTile) call(f func(n, k int, step *int, a *float32, aRow int, b *float32, col *int, sums *float32, add, end int, later *float32, ahead int)) {
	add, end := 0, 0
	if t.add {
		add = 1
	}
	if t.end {
		end = 1
	}
	later, pace := &t.a[0], 0
	if triples := len(t.col)/3 - 1; len(t.later) > 0 {
		later, pace = &t.later[0], roundUp(4*len(t.later)/(triples*len(t.step)), 4)
	}
	f(len(t.col)/3-1, len(t.step), &t.step[0][0], &t.a[0], t.aRow, &t.b[0], &t.col[0], &t.sums[0], add, end, later, pace)
}
