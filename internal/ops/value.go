package ops

import (
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"gorgonia.org/gorgonia"
)

// Value is what flows along an edge of the graph. Its element type and shape
// are always known; its elements only if it does not depend on an input or on
// a weight.
type Value struct {
	DType nd.DType
	Shape []int
	// Elem is the type that the elements have in the file, 0 where it is not
	// known: quantised numbers are limited by it.
	Elem onnxpb.TensorProto_DataType

	// Parts are the tensors of a sequence, which has neither type nor shape; nil
	// for a tensor.
	Parts []*Value

	data any // the elements, if known while compiling
	node *gorgonia.Node
	op   *Op // nil for a leaf
	in   []*Value
	name string // of a leaf that is bound at run time
}

// Rank returns the number of axes.
func (v *Value) Rank() int { return len(v.Shape) }

// Len returns the number of elements.
func (v *Value) Len() int { return nd.Size(v.Shape) }

// Op returns the operator that computes the value, nil for a leaf.
func (v *Value) Op() *Op { return v.op }

// Inputs returns the inputs of the operator that computes the value.
func (v *Value) Inputs() []*Value { return v.in }

// Constant returns the elements of a value that is known while compiling.
func (v *Value) Constant() (nd.Array, bool) {
	return nd.Array{Shape: v.Shape, Data: v.data}, v.data != nil
}

// Name returns the name of a leaf that is bound at run time.
func (v *Value) Name() string { return v.name }
