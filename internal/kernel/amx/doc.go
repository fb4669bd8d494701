// Package amx multiplies matrices in the matrix unit that Intel's processors have since
// Sapphire Rapids: Advanced Matrix Extensions, in tiles of 16 rows of 64 bytes.
//
// The unit multiplies numbers in bfloat16, which have 8 significant bits, and adds up in
// float32. So factors are rounded, which is for what only has to be compared. A float32 is the
// sum of three such numbers, and six products of them would be exact; that was tried, and takes
// as long as vectors do once the unit has been busy for a while.
//
// # Files
//
//	doc.go          this file
//	task.go         Task: products of tiles
//	round.go        Round: float32 as bfloat16; AddRows
//	words.go        buffers
//	amx_amd64.go    calls of the assembly
//	amx_generic.go  other processors
//	asm_amd64.go    declarations of the assembly; generated
package amx

//go:generate go run ../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg amx
