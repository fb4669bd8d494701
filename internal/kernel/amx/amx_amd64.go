//go:build amd64 && !noasm

package amx

func (t *Task) run() {
	f := products2x2of3
	switch {
	case t.High == 1 && t.Parts == Rounded:
		f = products1x4of1
	case t.High == 1:
		f = products1x4of3
	case t.Parts == Rounded:
		f = products2x2of1
	}
	add := 0
	if t.Add {
		add = 1
	}
	f(t.Blocks, len(t.Step), &t.Step[0], &t.Left[0], &t.Right[0], 4*t.Row, 4*t.Part, 4*t.Next, 4*t.Block, &t.Sums[0], 4*t.SumsRow, 4*t.SumsBlock, add)
}

func split(parts Parts, rows, n int, x, y *float32, xRow, both int, dst *uint32, dstRow, dstPart int) uint32 {
	if parts == Rounded {
		return splitRows1AVX512(rows, n, x, y, xRow, both, dst, dstRow, dstPart)
	}
	return splitRows3AVX512(rows, n, x, y, xRow, both, dst, dstRow, dstPart)
}

func copyAdding(rows, n int, src *float32, ss int, add float32, dst *float32, ds int) {
	addRowsAVX512(rows, n, src, ss, add, dst, ds)
}
