// Package elementwise computes functions of elements on all cores, softmax along an axis,
// and functions of broadcast operands.
//
// # Files
//
//	doc.go        this file
//	map.go        Map, ReLU
//	gelu.go       GELU
//	softmax.go    softmax and log-softmax
//	broadcast.go  functions of two broadcast operands
//	select.go     selection by a condition
package elementwise
