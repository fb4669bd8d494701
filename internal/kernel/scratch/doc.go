// Package scratch keeps buffers, so that a kernel called again finds its memory and the
// garbage collector may still take it back.
//
// # Files
//
//	doc.go      this file
//	scratch.go  buffers of float32 and of pairs of offsets
package scratch
