//go:build amd64 && !noasm

package amx

func (t *Task) run() {
	f := products2x2
	if t.High == 1 {
		f = products1x4
	}
	add := 0
	if t.Add {
		add = 1
	}
	f(t.Blocks, len(t.Step), &t.Step[0], &t.Left[0], &t.Right[0], 4*t.Row, 4*t.Next, 4*t.Block, &t.Sums[0], 4*t.SumsRow, 4*t.SumsBlock, add)
}

func round(rows, n int, x, y *float32, xRow, both int, dst *uint32, dstRow int) uint32 {
	return roundRowsAVX512(rows, n, x, y, xRow, both, dst, dstRow)
}

func copyAdding(rows, n int, src *float32, ss int, add float32, dst *float32, ds int) {
	addRowsAVX512(rows, n, src, ss, add, dst, ds)
}
