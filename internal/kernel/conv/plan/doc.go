// Package plan has what the methods of convolution share: the checked convolution with its
// sizes, the correlation that the forward direction and the gradient of the input are, and
// the layouts of images.
//
// # Files
//
//	doc.go          this file
//	conv.go         Conv: a checked convolution, and what happens to finished elements
//	correlation.go  Correlation: forward and backward as one
//	frame.go        Frame: an image with a border of zeros
//	row_layout.go   RowLayout: an image laid out for vectors of positions
//	gate.go         Gate and Clamp: activations and their gradients
//	kept.go         Kept: weights in the form that a method needs
//	parts.go        the gradient of the weights as a sum over parts of the batch
package plan
