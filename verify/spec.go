package verify

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Spec says what samples a classifier takes: its inputs and, if the output with
// its answers declares a shape, its number of classes. No name means the first
// output. What else dataset.Open needs to know is for the caller to fill in.
func Spec(m *onnxio.Model, output string) (dataset.Spec, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return dataset.Spec{}, err
	}
	var spec dataset.Spec
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	outputs := m.Proto().GetGraph().GetOutput()
	if len(outputs) == 0 {
		return dataset.Spec{}, fmt.Errorf("%s: the model has no output", m.Path())
	}
	answers := outputs[0]
	for _, o := range outputs {
		if o.GetName() == output {
			answers = o
		}
	}
	spec.Classes = declaredClasses(answers)
	if spec.Classes == 1 {
		return dataset.Spec{}, fmt.Errorf("%s: %w", m.Path(), errOneClass())
	}
	return spec, nil
}

func errOneClass() error {
	return hint.With(errors.New("the output has one value a sample, but a classifier has one a class"),
		"a model that ends in a single sigmoid has to be exported with two outputs")
}

// declaredClasses returns the number of values a sample has in an output of the
// form [samples, classes], axes of length 1 aside; 0 when it is left open.
func declaredClasses(v *onnxpb.ValueInfoProto) int {
	dims := v.GetType().GetTensorType().GetShape().GetDim()
	if len(dims) < 2 {
		return 0
	}
	classes := 1
	for _, d := range dims[1:] {
		switch n := int(d.GetDimValue()); {
		case n <= 0, n > 1 && classes > 1:
			return 0
		default:
			classes *= n
		}
	}
	return classes
}
