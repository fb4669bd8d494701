// Package attention computes attention and what belongs to it.
//
// # Files
//
//	doc.go    this file
//	heads.go  Heads: attention, forward and gradients, of heads where they lie
//	mask.go   masked softmax, rotary embedding
package attention
