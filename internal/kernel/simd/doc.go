// Package simd has what runs in vectors: the instruction sets of the processor and the
// sizes of its caches, elementwise functions on slices, and copies of rows and matrices.
// It is what the other kernels are built on.
//
// # Files
//
//	doc.go            this file
//	isa.go            instruction sets: which is in use, what it has code for
//	isa_amd64.go      AVX-512 and AVX2
//	tiles_linux.go    asking for the matrix unit
//	tiles_other.go    systems that are not asked
//	isa_arm64.go      NEON
//	isa_generic.go    other processors
//	cache.go          sizes of caches, which decide about blocking
//	cache_amd64.go    asking the processor
//	cache_generic.go  a guess for others
//	functions.go      the elementwise functions, of the instruction set in use
//	vector.go         their portable versions
//	vector_asm.go     their assembly
//	vector_amd64.go   tables of that for AVX-512 and AVX2
//	vector_arm64.go   the table of that for NEON
//	scalar.go         exp, log, erf … of one number
//	copy.go           copying, spacing out and filling rows
//	transpose.go      transposition
//	quads.go          transposition of matrices of quads
//	row_sums.go       sums of rows
//	pause.go          waiting in a loop
//	pause_generic.go  other processors
//	subnormals.go     what is too small for a sum of products
//	subnormals_amd64.go  the register that says so
//	subnormals_generic.go  other processors
//	asm_amd64.go      declarations of the assembly; generated
//	asm_arm64.go      the same for arm64
package simd
