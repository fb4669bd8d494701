// Package conv computes convolutions over one to three spatial axes, forward and backward.
//
// Where is what? [Conv] has the functions to call. methods.go chooses the method for the
// forward convolution and for the gradient of the input, methods_weights.go that for the
// gradient of the weights. The methods are in the packages below this one:
//
//	plan       what they share: the checked convolution, and the correlation that it and
//	           its adjoint are
//	direct     sums of products without a detour; for every convolution there is one
//	winograd   3×3 kernels with fewer multiplications
//	depthwise  a kernel for each channel
//
// The forward convolution and the gradient of the input are both correlations
// ([plan.Correlation]), and have their methods in common. Those of the gradient of the
// weights are in files whose names begin with weights.
//
// # Files
//
//	doc.go              this file
//	conv.go             Conv: Forward, GradInput, GradWeight
//	types.go            Gate and Clamp
//	methods.go          the choice of a method, forward and for the gradient of the input
//	methods_weights.go  the choice of a method for the gradient of the weights
//	gate.go             activations and their gradients, applied by a method or after it
//	dense.go            method: kernels as large as the image, by matrix products
//	tiles.go            method: products in the matrix unit, of rounded factors
//	columns.go          method: the gradient of the input as products that are added up
//	bias.go             the gradient of the bias
//	plan/               the checked convolution
//	direct/             direct methods
//	winograd/           Winograd's algorithm
//	depthwise/          depthwise convolutions
package conv
