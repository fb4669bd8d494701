//go:build !amd64 || noasm

package amx

// There is no matrix unit: no level of package simd says so.

const unavailable = "amx: not available"

func (t *Task) run() { panic(unavailable) }

func round(rows, n int, x, y *float32, xRow, both int, dst *uint32, dstRow int) uint32 {
	panic(unavailable)
}

func copyAdding(rows, n int, src *float32, ss int, add float32, dst *float32, ds int) {
	panic(unavailable)
}
