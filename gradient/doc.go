// Package gradient computes a model's outputs and the gradient of a loss with
// respect to every weight.
//
// The model is decoded by onnx-go into a backend of this package, which builds
// a Gorgonia expression graph for concrete input shapes out of the operators of
// package ops; gorgonia.Grad differentiates it. A Program is the sorted graph
// with its buffers; it implements gorgonia.VM.
package gradient
