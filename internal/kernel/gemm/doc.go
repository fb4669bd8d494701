// Package gemm multiplies matrices.
//
// # Files
//
//	doc.go    this file
//	gemm.go   Gemm, Product and Batch: the products to call
//	block.go  General: packing and blocking
//	swap.go   products computed transposed
//	tiles.go  products in the matrix unit
//	kept.go   a packed factor that is kept for the next product
package gemm
