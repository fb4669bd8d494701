//go:build !amd64 || noasm

package amx

// There is no matrix unit: no level of package simd says so.

func (t *Task) run() { panic("amx: not available") }

func split(parts Parts, rows, n int, x, y *float32, xRow, both int, dst *uint32, dstRow, dstPart int) uint32 {
	panic("amx: not available")
}

func copyAdding(rows, n int, src *float32, ss int, add float32, dst *float32, ds int) {
	panic("amx: not available")
}
