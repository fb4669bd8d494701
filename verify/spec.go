package verify

import (
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// Spec says what samples a model takes: its inputs and, if the output with its
// answers declares the shape of a classifier's, the number of classes. No name
// means the first output. What else dataset.Open needs to know is for the caller
// to fill in.
func Spec(m *onnxio.Model, output string) (dataset.Spec, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return dataset.Spec{}, err
	}
	look, err := task.Look(m, output)
	if err != nil {
		return dataset.Spec{}, err
	}
	var spec dataset.Spec
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	if n := look.Classes(); n > 1 {
		spec.Classes = n
	}
	return spec, nil
}
