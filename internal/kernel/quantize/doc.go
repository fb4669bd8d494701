// Package quantize maps numbers to whole numbers and back.
//
// # Files
//
//	doc.go       this file
//	quantize.go  Quantizer: forward, gradient, and back
package quantize
