package dataset

import (
	"fmt"

	"github.com/advparams/advparams/nd"
)

// ClassesError means that labels are no classes: one integer, or in a table one name,
// a sample.
type ClassesError struct {
	// Shape and DType are those of an array of labels.
	Shape []int
	DType nd.DType
	// Text is the label of a table; "" where labels are an array.
	Text string
}

func (e *ClassesError) Error() string {
	switch {
	case e.Text != "":
		return fmt.Sprintf("%q in the label column is not a class", e.Text)
	case len(e.Shape) == 1 || len(e.Shape) == 2 && e.Shape[1] == 1:
		return fmt.Sprintf("labels are %v, but classes are integers", e.DType)
	}
	return fmt.Sprintf("labels have shape %v, but classes are one integer a sample", e.Shape)
}

// Hint says what classes look like.
func (e *ClassesError) Hint() string {
	if e.Text != "" {
		return "classes are integers or names"
	}
	return "for one-hot labels store their argmax"
}
