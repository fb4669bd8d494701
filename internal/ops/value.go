package ops

import (
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"gorgonia.org/gorgonia"
)

// Value is an edge of the graph. Its element type and shape are always known. Its
// elements are known only if they do not depend on an input or a weight.
type Value struct {
	DType nd.DType
	Shape []int
	// Elem is the type of the elements in the file, or 0 if that is unknown. It is
	// the range of quantised numbers.
	Elem onnxpb.TensorProto_DataType

	// Parts are the tensors of a sequence, which has neither type nor shape. It is
	// nil for a tensor.
	Parts []*Value

	// Empty is set for an optional value that holds nothing.
	Empty bool

	// Strings is the list of strings in which the elements are positions, or nil for a
	// value of numbers.
	Strings []string

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

// Op returns the operator that computes the value, or nil for a leaf.
func (v *Value) Op() *Op { return v.op }

// Inputs returns the inputs of the operator that computes the value.
func (v *Value) Inputs() []*Value { return v.in }

// Constant returns the elements of a value; ok is false unless they are known at
// compile time.
func (v *Value) Constant() (nd.Array, bool) {
	return nd.Array{Shape: v.Shape, Data: v.data}, v.data != nil
}

// Name returns the name of a leaf that is bound at run time.
func (v *Value) Name() string { return v.name }
