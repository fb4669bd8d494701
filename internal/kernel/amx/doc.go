// Package amx multiplies matrices in the matrix unit that Intel's processors have since
// Sapphire Rapids: Advanced Matrix Extensions, in tiles of 16 rows of 64 bytes.
//
// The unit multiplies numbers in bfloat16, which have 8 significant bits, and adds up in
// float32. A float32 has 24 bits and is the sum of three such numbers. Of the nine products
// of two such sums, the three smallest are less than a float32 of the result can hold. So
// [Exact] products take six instructions and are as exact as any other way; where that is not
// asked for, [Rounded] ones take one.
//
// # Files
//
//	doc.go          this file
//	task.go         Task: products of tiles
//	split.go        float32 as sums of bfloat16
//	words.go        buffers
//	amx_amd64.go    calls of the assembly
//	amx_generic.go  other processors
//	asm_amd64.go    declarations of the assembly; generated
package amx

//go:generate go run ../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg amx
