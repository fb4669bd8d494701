// Package winograd convolves with 3×3 kernels of stride 1 by Winograd's algorithms, which
// need fewer multiplications. transform.go explains them.
//
// # Files
//
//	doc.go               this file
//	transform.go         the transforms, and where they come from
//	winograd_amd64.go    their assembly
//	winograd_arm64.go    the same for arm64
//	winograd_generic.go  other processors
//	channel_tiles.go     method: F(2×2) and F(4×4), channels in the lanes; tiling of images
//	source.go            images for it, channels last
//	tile_lanes.go        method: F(2×2), tiles in the lanes
//	tile_lanes_unit.go   the computation of a unit of tiles
//	tile_rows.go         method: F(2) along rows, tiles of a row in the lanes
//	lanes.go             the assembly for tiles in the lanes, and what both methods share
//	weights.go           weights: F(4×4), channels in the lanes
//	weights_rows.go      weights: F(2) along rows
//	asm_amd64.go         declarations of the assembly; generated
//	asm_arm64.go         the same for arm64
package winograd
