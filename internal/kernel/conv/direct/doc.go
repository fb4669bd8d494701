// Package direct has the methods of convolution that sum products without a detour and
// without im2col: they read the image in place, in a frame or rearranged.
//
// Methods of correlations differ in what the lanes of a vector are: positions of one
// image, positions of many images, or channels. Those of the gradient of the weights are in
// files named weights.
//
// # Files
//
//	doc.go                 this file
//	channels.go            method: channels of the result in the lanes; any stride
//	positions.go           method: positions in the lanes; stride 1
//	rows.go                method: positions of rows in the lanes; few channels or taps
//	rows_panels.go         its panels of large maps, which are copied
//	tall.go                method: 1×1 kernels, few channels in the result
//	quads.go               method: 1×1 kernels, maps of four positions
//	images.go              method: a position of many images in the lanes; small maps
//	tiles.go               method: products of tiles in the matrix unit; stride 1
//	few_images.go          running a method that takes a few images at a time
//	weights_transposed.go  weights: gy transposed, output channels in the lanes; any convolution
//	weights_rows.go        weights: positions of rows in the lanes
//	weights_images.go      weights: input channels in the lanes; small maps
//	weights_collected.go   weights of 1×1 kernels: positions collected; small maps
//	weights_runs.go        weights of 1×1 kernels: gy in place
package direct
