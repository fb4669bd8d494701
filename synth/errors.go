package synth

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/gradient"
)

// InputsError means that samples cannot be made up for a model: it has no input of floats, or leaves
// the shapes of several inputs open.
type InputsError struct {
	Model  string // the path of its file
	Inputs []gradient.Input
}

func (e *InputsError) Error() string {
	return fmt.Sprintf("%s: samples can be made up for models with an input of floats, and others of which all sizes are known; this one has %v", e.Model, e.Inputs)
}

// ShapeError means that a model leaves the shape of its input open and Options.Shape
// does not give it.
type ShapeError struct {
	Model  string // the path of its file
	Input  gradient.Input
	Sample []string // the sizes of a sample, as names where they are open; nil if nothing is known
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s: the model leaves the shape of its input open: %v", e.Model, e.Input)
}

// Example returns what the shape has to look like, in words.
func (e *ShapeError) Example() string {
	var open []string
	for _, size := range e.Sample {
		if _, err := strconv.Atoi(size); err != nil && !slices.Contains(open, size) {
			open = append(open, size)
		}
	}
	if open == nil {
		return "3,224,224"
	}
	return strings.Join(e.Sample, ",") + " with a number for " + strings.Join(open, " and ")
}

// MemoryError means that the samples asked for do not fit into memory.
type MemoryError struct {
	N     int
	Shape []int   // of one sample
	Bytes float64 // that the samples take
	Limit int64   // bytes that they may take
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%d samples of shape %v take %.3g MB, at most %d are allowed", e.N, e.Shape, e.Bytes/(1<<20), e.Limit>>20)
}

// Is reports whether target is gradient.ErrLimit.
func (e *MemoryError) Is(target error) bool { return target == gradient.ErrLimit }

// Hint says what to do.
func (e *MemoryError) Hint() string { return "ask for fewer samples" }
