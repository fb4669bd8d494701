// Package window has the geometry of windows that slide over an input: that of
// convolutions and pooling.
//
// # Files
//
//	doc.go       this file
//	geometry.go  positions, extents, and what a window reads
package window
