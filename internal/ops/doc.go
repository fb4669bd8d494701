// Package ops holds the ONNX operators: for each its shape rule, its forward
// computation and its gradient, written as Gorgonia operators that can be
// differentiated symbolically.
//
// The operators of an ONNX family live in one file. A family is a table from
// operator name to a build function, which receives a Call (the node, its
// attributes and its input values) and returns the output values. Build
// functions are written with the methods of Builder (Add, MatMul, Reshape …),
// and so are gradients: what a build function emits is differentiable because
// everything it is made of is.
//
// A value whose inputs are all known while compiling is computed at once, by
// the same code that would run later. Shape arithmetic, which is nearly half of
// the nodes that PyTorch's exporters write, disappears in this way.
package ops
