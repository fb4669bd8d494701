// Package strided reads and writes arrays through strided views: transposed, sliced,
// reversed and broadcast arrays.
//
// # Files
//
//	doc.go      this file
//	strided.go  View; Read, Write and Accumulate
package strided
