package ops

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/advparams/advparams/nd"
	"github.com/chewxy/hm"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// An Op is a gorgonia.SDOp, a symbolically differentiable operator: one
// implementation serves all operators.
var _ gorgonia.SDOp = (*Op)(nil)

// Arity returns the number of inputs. It, Type and InferShape describe the operator
// to Gorgonia's type system. The type is concrete, because all types and shapes are
// known when the operator is made.
func (o *Op) Arity() int { return len(o.in) }

// Type returns the function type.
func (o *Op) Type() hm.Type {
	t := make([]hm.Type, 0, len(o.in)+1)
	for _, v := range o.in {
		t = append(t, typeOf(v))
	}
	return hm.NewFnType(append(t, typeOf(o.out))...)
}

// InferShape returns the output's shape.
func (o *Op) InferShape(...gorgonia.DimSizer) (tensor.Shape, error) {
	return tensor.Shape(o.out.Shape), nil
}

// DiffWRT reports for each of n inputs whether it has a gradient.
func (o *Op) DiffWRT(n int) []bool {
	wrt := make([]bool, n)
	if o.diff == nil {
		return wrt
	}
	for i, v := range o.in {
		wrt[i] = v.DType == nd.Float32
	}
	for _, i := range o.noGrad {
		wrt[i] = false
	}
	return wrt
}

// SymDiff returns the nodes of the gradients with respect to the inputs.
func (o *Op) SymDiff(_ gorgonia.Nodes, _, grad *gorgonia.Node) (nodes gorgonia.Nodes, err error) {
	err = Catch(func() {
		gy, err := o.b.Value(grad)
		if err != nil {
			fail("%w", err)
		}
		wrt := o.DiffWRT(len(o.in))
		for i, g := range o.diff(o.out, gy) {
			switch {
			case !wrt[i]:
				nodes = append(nodes, nil)
			case g == nil:
				nodes = append(nodes, o.b.Node(o.b.Full(0, o.in[i].Shape...)))
			default:
				nodes = append(nodes, o.b.Node(g))
			}
		}
	})
	return nodes, err
}

// Do runs the operator on Gorgonia's values. Gorgonia's machines call it.
func (o *Op) Do(values ...gorgonia.Value) (gorgonia.Value, error) {
	in := make([]nd.Array, len(values))
	for i, v := range values {
		in[i] = arrayOf(v, o.in[i].Shape)
	}
	if err := o.Check(in); err != nil {
		return nil, err
	}
	return GorgoniaValue(o.compute(nil, in)), nil
}

// ReturnsPtr is false. It and the next methods tell Gorgonia's machines that the
// operator allocates its output and changes nothing else.
func (o *Op) ReturnsPtr() bool { return false }

// CallsExtern is false: the operator uses no cgo.
func (o *Op) CallsExtern() bool { return false }

// OverwritesInput is -1: the operator overwrites no input.
func (o *Op) OverwritesInput() int { return -1 }

// WriteHash writes the operator's identity. Gorgonia merges nodes of equal hash,
// and a hash has only 32 bits. Every operator therefore has an identity of its own.
func (o *Op) WriteHash(h hash.Hash) {
	fmt.Fprintf(h, "advparams.%d", o.id)
}

// Hashcode returns the hash of WriteHash.
func (o *Op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

func (o *Op) String() string { return fmt.Sprintf("%s.%d", o.name, o.id) }

func dtypeOf(t nd.DType) tensor.Dtype {
	switch t {
	case nd.Int64:
		return tensor.Int64
	case nd.Bool:
		return tensor.Bool
	default:
		return tensor.Float32
	}
}

func typeOf(v *Value) hm.Type {
	if len(v.Shape) == 0 {
		return dtypeOf(v.DType)
	}
	return gorgonia.TensorType{Dims: len(v.Shape), Of: dtypeOf(v.DType)}
}

func arrayOf(v gorgonia.Value, shape []int) nd.Array {
	switch d := v.Data().(type) {
	case float32:
		return nd.Array{Shape: shape, Data: []float32{d}}
	case int64:
		return nd.Array{Shape: shape, Data: []int64{d}}
	case bool:
		return nd.Array{Shape: shape, Data: []bool{d}}
	default:
		return nd.Array{Shape: shape, Data: d}
	}
}

// GorgoniaValue returns an array as a value of Gorgonia's, with the same memory
// unless it is a scalar.
func GorgoniaValue(a nd.Array) gorgonia.Value {
	if len(a.Shape) > 0 {
		return tensor.New(tensor.WithShape(a.Shape...), tensor.WithBacking(a.Data))
	}
	switch d := a.Data.(type) {
	case []int64:
		return gorgonia.NewI64(d[0])
	case []bool:
		return gorgonia.NewB(d[0])
	default:
		return gorgonia.NewF32(a.Float32s()[0])
	}
}
