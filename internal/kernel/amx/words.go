package amx

import "unsafe"

// Slack is how many elements more than words a buffer of them needs.
const Slack = line / 4

const line = 64 // bytes of a cache line

// Words returns the memory of f as words, from the first cache line on: all but at most
// [Slack].
func Words(f []float32) []uint32 {
	w := unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(f))), len(f))
	first := (line - int(uintptr(unsafe.Pointer(unsafe.SliceData(w)))%line)) % line / 4
	return w[first : len(w)-Slack+first]
}
