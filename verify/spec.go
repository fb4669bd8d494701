package verify

import (
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/task"
)

// Spec returns what dataset.Open has to know about a model: its inputs and, if the
// output with the answers has the shape of a classifier's, the number of classes. The
// caller fills in the other fields.
func Spec(look task.Outlook) dataset.Spec {
	var spec dataset.Spec
	for _, in := range look.Inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	if n := look.Classes(); n > 1 {
		spec.Classes = n
	}
	return spec
}
