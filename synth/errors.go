package synth

import (
	"fmt"

	"github.com/advparams/advparams/gradient"
)

// InputsError means that samples cannot be made up for a model: it does not have one
// input of floats.
type InputsError struct {
	Model  string // the path of its file
	Inputs []gradient.Input
}

func (e *InputsError) Error() string {
	return fmt.Sprintf("%s: samples can be made up for models with one input of floats; this one has %v", e.Model, e.Inputs)
}

// ShapeError means that a model leaves the shape of its input open and Options.Shape
// does not give it.
type ShapeError struct {
	Model string // the path of its file
	Input gradient.Input
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s: the model leaves the shape of its input open: %v", e.Model, e.Input)
}
