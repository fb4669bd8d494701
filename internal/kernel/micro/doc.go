// Package micro has the microkernels: small products whose sums stay in registers, the
// inner loops of matrix products and convolutions. Each is a task, a struct with a Run
// method, with assembly where that pays and a version in Go where one is needed.
//
// # Files
//
//	doc.go            this file
//	micro.go          the microkernels of each instruction set
//	micro_amd64.go    those in assembly
//	micro_arm64.go    those for arm64
//	micro_generic.go  other processors
//	tile.go           Tile: a product with tables of offsets, and its portable version
//	tile_asm.go       its assembly
//	tile_amd64.go     the microkernels of amd64
//	tile_arm64.go     the microkernels of arm64
//	strip.go          Strip: a strip of rows of a matrix product
//	strip_asm.go      its assembly
//	strip_amd64.go    the microkernels of amd64
//	strip_arm64.go    the microkernels of arm64
//	direct.go         DirectTile: few weights against many vectors anywhere
//	direct_asm.go     its assembly
//	direct_amd64.go   the microkernels of amd64
//	direct_arm64.go   the microkernels of arm64
//	dots.go           DotTile: products of vectors that are summed at the end
//	dots_asm.go       its assembly
//	dots_amd64.go     the microkernels of amd64
//	dots_arm64.go     the microkernels of arm64
//	runs.go           RunTile: a product with a matrix that lies in runs
//	runs_asm.go       its assembly
//	runs_amd64.go     the microkernels of amd64
//	runs_arm64.go     the microkernels of arm64
//	tall.go           TallTile: all rows of a product in registers
//	tall_asm.go       its assembly
//	tall_amd64.go     the microkernels of amd64
//	tall_arm64.go     the microkernels of arm64
//	matrix.go         Matrix: a view of a matrix, and packing it
//	asm_amd64.go      declarations of the assembly; generated
//	asm_arm64.go      the same for arm64
package micro
