// Package quantize maps numbers to whole numbers and back.
//
// # Files
//
//	doc.go       this file
//	dynamic.go   Dynamic: there and back, by the range of the numbers
//	quantize.go  Quantizer: forward, gradient, and back
package quantize
