package gradient

import (
	"fmt"
	"strings"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Input describes one input of a model.
type Input struct {
	Name  string
	Elem  onnxpb.TensorProto_DataType
	DType nd.DType // of the array to provide
	Shape []int    // -1 for an open size; nil for an open rank
	Dims  []string // symbolic names of open dimensions, "" for others
}

func (in Input) String() string {
	dims := make([]string, len(in.Shape))
	for i, d := range in.Shape {
		dims[i] = fmt.Sprint(d)
		if d < 0 {
			dims[i] = "?"
			if in.Dims[i] != "" {
				dims[i] = in.Dims[i]
			}
		}
	}
	return fmt.Sprintf("%s %s[%s]", in.Name, in.DType, strings.Join(dims, ","))
}

// Inputs returns the inputs that a caller has to provide. Initializers that are
// listed among the inputs, as IR version 3 demanded, are left out.
func Inputs(m *onnxio.Model) ([]Input, error) {
	var list []Input
	for _, v := range m.Proto().GetGraph().GetInput() {
		if m.Lookup(v.GetName()) != nil {
			continue
		}
		in, err := inputOf(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.Path(), err)
		}
		list = append(list, in)
	}
	return list, nil
}

func inputOf(v *onnxpb.ValueInfoProto) (Input, error) {
	in := Input{Name: v.GetName()}
	t := v.GetType().GetTensorType()
	if t == nil { // an optional value is given as what it holds
		t = v.GetType().GetOptionalType().GetElemType().GetTensorType()
	}
	if t == nil {
		return in, &InputTypeError{Input: in.Name}
	}
	in.Elem = onnxpb.TensorProto_DataType(t.GetElemType())
	var ok bool
	if in.DType, ok = ops.DTypeOf(in.Elem); !ok {
		return in, &InputTypeError{in.Name, in.Elem}
	}
	if t.Shape == nil {
		return in, nil
	}
	in.Shape = make([]int, len(t.Shape.GetDim()))
	in.Dims = make([]string, len(in.Shape))
	for i, d := range t.Shape.GetDim() {
		in.Shape[i] = -1
		if v, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && v.DimValue >= 0 {
			in.Shape[i] = int(v.DimValue)
		}
		in.Dims[i] = d.GetDimParam()
	}
	return in, nil
}

// Batched returns the declared shape with n for the first axis if that is open, and
// 1 for the other open axes.
func (in Input) Batched(n int) []int {
	shape := make([]int, len(in.Shape))
	for i, d := range in.Shape {
		switch {
		case d >= 0:
			shape[i] = d
		case i == 0:
			shape[i] = n
		default:
			shape[i] = 1
		}
	}
	return shape
}

// Takes reports whether an array of this shape is a single argument of the model, not a list of
// samples: it has the declared shape, and the first axis does not have the name of a batch.
func (in Input) Takes(shape []int) bool {
	return len(in.Shape) > 0 && in.accepts(shape) && (len(in.Dims) == 0 || !batchName.MatchString(in.Dims[0]))
}

// accepts reports whether a concrete shape agrees with the declared one.
func (in Input) accepts(shape []int) bool {
	if in.Shape == nil {
		return true
	}
	ok := len(shape) == len(in.Shape)
	for i := 0; ok && i < len(shape); i++ {
		ok = in.Shape[i] < 0 || in.Shape[i] == shape[i]
	}
	return ok
}
