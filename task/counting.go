package task

import (
	"math"

	"github.com/advparams/advparams/nd"
)

// Scores are of Softmax over the classes and no object, or of a Sigmoid for each class, and
// models count classes from 0, behind a background, or by the numbers of a data set. Nothing
// in a file says which; what the original model finds does.

// Settle finds the class of the scores that stands for no object: most places have none. It is
// the largest at most of them, as a logit above 0 or of probabilities whose sum is 1.
func (d Detection) Settle(_ nd.Array, outputs []nd.Array) (settled Task, why string, err error) {
	d.Background = NoBackground
	f, err := d.found(outputs)
	if err != nil || !f.paired || f.classes < 2 {
		return d, "", err
	}
	first, last, all := 0, 0, 0
	for i := range f.n {
		for a := range f.places {
			best, sum := 0, 0.0
			for c := range f.classes {
				s := f.score(i, a, c)
				sum += float64(s)
				if s > f.score(i, a, best) {
					best = c
				}
			}
			all++
			switch {
			case f.raw && f.score(i, a, best) <= 0, !f.raw && math.Abs(sum-1) > 1e-2:
			case best == 0:
				first++
			case best == f.classes-1:
				last++
			}
		}
	}
	switch {
	case 2*first > all:
		d.Background = FirstBackground
		return d, "class 0 of the scores stands for no object", nil
	case 2*last > all:
		d.Background = LastBackground
		return d, "the last class of the scores stands for no object", nil
	}
	return d, "", nil
}

// Choices returns the ways in which the model may count the classes of the truth, the usual
// one first. It is a *LabelError if it has too few classes for any.
func (d Detection) Choices(truth nd.Array, outputs []nd.Array) ([]Choice, error) {
	f, err := d.found(outputs)
	if err != nil || truth.Data == nil || len(truth.Shape) != 3 || truth.Shape[2] != 5 {
		return nil, err
	}
	y := floats(truth)
	var list []Choice
	var failed error
	for _, way := range []struct {
		counting Counting
		why      string
	}{
		{FromZero, ""},
		{FromOne, "the model counts the classes of the labels from 1"},
		{ByID, "the model counts the classes of the labels by their numbers in the data set"},
	} {
		if way.counting == ByID && d.IDs == nil {
			continue
		}
		own := d
		own.Counting = way.counting
		wrong := -1
		for i := 0; i < len(y) && f.classOf == nil && wrong < 0; i += 5 {
			if y[i] >= 0 && own.class(int(y[i])) >= f.classes {
				wrong = i
			}
		}
		switch {
		case wrong < 0:
			list = append(list, Choice{own, way.why})
		case failed == nil:
			failed = &LabelError{Sample: wrong / 5 / truth.Shape[1], Label: y[wrong], Classes: f.classes}
		}
	}
	if len(list) == 0 {
		return nil, failed
	}
	return list, nil
}
