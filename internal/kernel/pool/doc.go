// Package pool computes maximum and average pooling.
//
// # Files
//
//	doc.go            this file
//	pool.go           Pool: MaxForward, AvgForward and their gradients
//	halve.go          windows of 2×2 side by side
//	halve_amd64.go    their assembly
//	halve_arm64.go    the same for arm64
//	halve_generic.go  other processors
//	phases.go         other windows, in vectors
//	asm_amd64.go      declarations of the assembly; generated
//	asm_arm64.go      the same for arm64
package pool
