// Package depthwise convolves each channel with a kernel of its own. It has assembly only:
// without it, other methods take these convolutions.
//
// # Files
//
//	doc.go                this file
//	depthwise.go          square kernels of size 3 and 5: forward
//	gradients.go          their gradients
//	depthwise_amd64.go    their assembly
//	depthwise_generic.go  other processors
//	framed.go             the same for vectors without masks: planes in frames of zeros
//	framed_arm64.go       their assembly
//	framed_generic.go     other processors
//	small.go              planes of at most 16 elements: forward and gradients
//	small_amd64.go        their assembly
//	asm_amd64.go          declarations of the assembly; generated
//	asm_arm64.go          likewise
package depthwise
