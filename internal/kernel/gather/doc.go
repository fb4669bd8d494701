// Package gather gathers and scatters rows by index.
//
// # Files
//
//	doc.go     this file
//	gather.go  Positions of indices; Take and its adjoint; Scatter
package gather
