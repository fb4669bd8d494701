package ops

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Call is a node of an ONNX graph while it is built: its attributes and the values
// of its inputs. A method that finds a mistake ends the build of the node (see
// Catch).
type Call struct {
	*Builder
	Node   *onnxpb.NodeProto
	Opset  int      // version of the node's operator set
	Model  int      // version of that set in the model, of a node of a function; 0 elsewhere
	Inputs []*Value // nil where an optional input is left out
	// Tensor decodes a tensor attribute.
	Tensor func(*onnxpb.TensorProto) (nd.Array, error)
	// Sparse returns a sparse tensor attribute with all its elements.
	Sparse func(*onnxpb.SparseTensorProto) (*Value, error)
	// Param returns a tensor attribute as a weight; nil if it is none, or Param is nil.
	Param func(*onnxpb.TensorProto) *Value
	// Graph builds a graph attribute (a branch or a loop body) with the given
	// inputs and returns its outputs. Values of the enclosing graph are visible.
	Graph func(g *onnxpb.GraphProto, inputs []*Value) ([]*Value, error)
}

// NumInputs returns the number of inputs, including those that are left out.
func (c *Call) NumInputs() int { return len(c.Inputs) }

// NumOutputs returns the number of outputs that the node names.
func (c *Call) NumOutputs() int { return len(c.Node.GetOutput()) }

// Wants reports whether output i is used.
func (c *Call) Wants(i int) bool {
	return i < c.NumOutputs() && c.Node.GetOutput()[i] != ""
}

// Input returns input i. It ends the build if the input is left out.
func (c *Call) Input(i int) *Value {
	v := c.Optional(i)
	if v == nil {
		c.fail("input %d is missing", i)
	}
	return v
}

// Optional returns input i, or nil if it is left out.
func (c *Call) Optional(i int) *Value {
	if i < len(c.Inputs) {
		return c.Inputs[i]
	}
	return nil
}

// Float returns input i. It ends the build if the input is left out or not of a
// floating-point type.
func (c *Call) Float(i int) *Value {
	v := c.Input(i)
	if v.DType != nd.Float32 {
		c.fail("input %d is of type %v, not a floating-point type", i, v.DType)
	}
	return v
}

// From reports whether the node's operator set is of some version or newer. It ends the
// build of a node of a function if the model's own version of the set says something else:
// by ONNX the function's version counts, onnxruntime computes with the model's.
func (c *Call) From(version int) bool {
	is := c.Opset >= version
	if c.Model > 0 && is != (c.Model >= version) {
		c.fail("the function has operator set %d and the model %d, with which onnxruntime computes; the operator differs in them", c.Opset, c.Model)
	}
	return is
}

func (c *Call) fail(format string, args ...any) { fail("%s", fmt.Sprintf(format, args...)) }

// attr returns an attribute after checking its type, or nil.
func (c *Call) attr(name string, t onnxpb.AttributeProto_AttributeType) *onnxpb.AttributeProto {
	for _, a := range c.Node.GetAttribute() {
		if a.GetName() != name {
			continue
		}
		// Type was optional before IR version 3.
		if a.GetType() != t && a.Type != nil {
			c.fail("attribute %q is of type %v, not %v", name, a.GetType(), t)
		}
		return a
	}
	return nil
}

// Has reports whether the node has the attribute.
func (c *Call) Has(name string) bool {
	return slices.ContainsFunc(c.Node.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == name })
}

// Int returns an integer attribute.
func (c *Call) Int(name string, otherwise int) int {
	if a := c.attr(name, onnxpb.AttributeProto_INT); a != nil {
		return int(a.GetI())
	}
	return otherwise
}

// Bool returns an integer attribute that is a flag.
func (c *Call) Bool(name string, otherwise bool) bool {
	if a := c.attr(name, onnxpb.AttributeProto_INT); a != nil {
		return a.GetI() != 0
	}
	return otherwise
}

// Float32 returns a float attribute.
func (c *Call) Float32(name string, otherwise float32) float32 {
	if a := c.attr(name, onnxpb.AttributeProto_FLOAT); a != nil {
		return a.GetF()
	}
	return otherwise
}

// String returns a string attribute.
func (c *Call) String(name, otherwise string) string {
	if a := c.attr(name, onnxpb.AttributeProto_STRING); a != nil {
		return string(a.GetS())
	}
	return otherwise
}

// IntsAttr returns an attribute that is a list of integers, or nil.
func (c *Call) IntsAttr(name string) []int {
	a := c.attr(name, onnxpb.AttributeProto_INTS)
	if a == nil {
		return nil
	}
	v := make([]int, len(a.GetInts()))
	for i, x := range a.GetInts() {
		v[i] = int(x)
	}
	return v
}

// FloatsAttr returns an attribute that is a list of floats, or nil.
func (c *Call) FloatsAttr(name string) []float32 {
	if a := c.attr(name, onnxpb.AttributeProto_FLOATS); a != nil {
		return a.GetFloats()
	}
	return nil
}

// StringsAttr returns an attribute that is a list of strings, or nil.
func (c *Call) StringsAttr(name string) []string {
	a := c.attr(name, onnxpb.AttributeProto_STRINGS)
	if a == nil {
		return nil
	}
	v := make([]string, len(a.GetStrings()))
	for i, s := range a.GetStrings() {
		v[i] = string(s)
	}
	return v
}

// KnownInts returns the elements of integer input i. It ends the build if they are
// not known at compile time: a shape depends on them.
func (c *Call) KnownInts(i int) []int {
	v := c.Input(i)
	if v.DType != nd.Int64 {
		c.fail("input %d is of type %v, not an integer type", i, v.DType)
	}
	a := c.known(i)
	out := make([]int, v.Len())
	for k, x := range a.Int64s() {
		out[k] = int(x)
	}
	return out
}

// KnownFloats is KnownInts for floating-point numbers.
func (c *Call) KnownFloats(i int) []float32 {
	c.Float(i)
	return c.known(i).Float32s()
}

func (c *Call) known(i int) nd.Array {
	a, ok := c.Known(c.Input(i))
	if !ok {
		unsupported("input %d (%q) depends on the model's inputs but decides a shape", i, c.Node.GetInput()[i])
	}
	return a
}

// IntsInputOrAttr returns integers that older operator sets take as an attribute
// and newer ones as an input, such as the axes of Squeeze; nil if they are left
// out.
func (c *Call) IntsInputOrAttr(i int, name string) []int {
	if c.Optional(i) != nil {
		return c.KnownInts(i)
	}
	return c.IntsAttr(name)
}

// Axis returns axis a of rank n. A negative axis counts from the end.
func (c *Call) Axis(a, n int) int {
	k := a
	if k < 0 {
		k += n
	}
	if k < 0 || k >= n {
		c.fail("axis %d of a value of rank %d", a, n)
	}
	return k
}

// Axes applies Axis to a list and sorts it. A duplicate ends the build.
func (c *Call) Axes(axes []int, n int) []int {
	out := make([]int, len(axes))
	for i, a := range axes {
		out[i] = c.Axis(a, n)
	}
	slices.Sort(out)
	if len(slices.Compact(slices.Clone(out))) != len(out) {
		c.fail("axes %v name one axis twice", axes)
	}
	return out
}
