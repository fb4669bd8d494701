package ops

import "github.com/advparams/advparams/internal/kernel/strided"

// Products reports whether the operator is one product of matrices, x·y, and whether it
// transposes the second.
func (o *Op) Products() (transposed, ok bool) {
	k, ok := o.kernel.(*productKernel)
	return ok && k.product.TransB, ok && !k.product.TransA
}

// Normalises reports whether the operator divides rows by their deviation or their root mean
// square, and whether it subtracts their mean first.
func (o *Op) Normalises() (centred, ok bool) {
	return o.name == "LayerNormalization", o.name == "LayerNormalization" || o.name == "RMSNormalization"
}

// transposed returns the matrix of which y is the transposed one; nil for others.
func transposed(y *Value) *Value {
	k, ok := kernelOf[*viewKernel](y)
	if !ok || y.op.name != "Transpose" || y.Rank() != 2 || y.op.in[0].Rank() != 2 {
		return nil
	}
	x := y.op.in[0]
	want := strided.View{Shape: y.Shape, Stride: []int{1, x.Shape[1]}}
	if k.view.Offset != want.Offset || k.view.Stride[0] != want.Stride[0] || k.view.Stride[1] != want.Stride[1] {
		return nil
	}
	return x
}
