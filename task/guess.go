package task

import (
	"github.com/advparams/advparams/nd"
)

// Guess returns the task that a model and the labels of its data look like. labels is the
// zero Array if there are none. byModel reports whether the model's own answers are to be
// the labels. The error is a *GuessError.
func Guess(o Outlook, labels nd.Array, byModel bool) (Task, error) {
	if byModel {
		labels = nd.Array{}
	}
	known := labels.Data != nil
	fractions := labels.DType() == nd.Float32 && !whole(labels.Float32s())
	several := known && nd.Size(labels.Shape[min(1, len(labels.Shape)):]) > 1
	switch rank := o.rank(); {
	case rank >= 3 && fractions, rank == 0 && fractions:
		return Regression{}, nil
	case rank == 3 && o.Tokens:
		return Language{}, nil
	case rank >= 3 && (several || byModel):
		return Segmentation{}, nil
	case rank == 2 && fractions:
		return Regression{}, nil
	case rank == 2 && several && o.Classes() > 1 && !oneHot(labels), rank == 2 && several && o.LastOp == "Sigmoid":
		return MultiLabel{}, nil
	case rank == 2 && byModel && o.LastOp == "Sigmoid":
		return MultiLabel{}, nil
	case rank == 2, rank == 0, rank >= 3 && known:
		return Classification{}, nil
	case rank == 1 && o.LastOp == "Sigmoid", rank == 1 && known && checkBits(labels) == nil:
		return Binary{}, nil
	case rank == 1 && known:
		return Regression{}, nil
	}
	return nil, &GuessError{Shape: o.Shape, Labels: labels.Shape}
}

func whole(x []float32) bool {
	for _, v := range x {
		if float32(int64(v)) != v {
			return false
		}
	}
	return true
}

// oneHot reports whether every row of a matrix has a single 1 and otherwise zeros, which
// is another way to write classes.
func oneHot(labels nd.Array) bool {
	x := floats(labels)
	width := nd.Size(labels.Shape[1:])
	for lo := 0; lo < len(x); lo += width {
		sum := float32(0)
		for _, v := range x[lo : lo+width] {
			if v != 0 && v != 1 {
				return false
			}
			sum += v
		}
		if sum != 1 {
			return false
		}
	}
	return true
}
