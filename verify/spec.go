package verify

import (
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// Spec returns what dataset.Open has to know about a model: its inputs and, if the
// output with the answers has the shape of a classifier's, the number of classes. The
// caller fills in the other fields.
func Spec(look task.Outlook) dataset.Spec {
	var spec dataset.Spec
	for _, in := range look.Inputs {
		to := dataset.Input{Name: in.Name, Shape: look.Axes.Shape(in), DType: in.DType, Axis: look.Axes.Input(in.Name)}
		to.Zero = len(look.Inputs) > 1 && in.DType == nd.Float32 && len(in.Shape) > 0 &&
			(gradient.StateName.MatchString(in.Name) || slices.Contains(look.Starts, in.Name))
		spec.Inputs = append(spec.Inputs, to)
	}
	if n := look.Classes(); n > 1 {
		spec.Classes = n
	}
	return spec
}
