package task

import (
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/nd"
)

// Guess returns the task that a model and the labels of its data look like, and says why
// in a few words. labels is the zero Array if there are none. byModel reports whether the
// model's own answers are to be the labels. Where no other task fits and no labels are to be
// compared with, the task is Outputs. The error is a *GuessError.
func Guess(o Outlook, labels nd.Array, byModel bool) (t Task, why string, err error) {
	if byModel {
		labels = nd.Array{}
	}
	t, why = guess(o, labels, byModel)
	if t == nil {
		return nil, "", &GuessError{Shape: o.Shape, Labels: labels.Shape}
	}
	return For(t, o), why, nil
}

func guess(o Outlook, labels nd.Array, byModel bool) (Task, string) {
	known := labels.Data != nil
	fractions := labels.DType() == nd.Float32 && !whole(labels.Float32s())
	several := known && nd.Size(labels.Shape[min(1, len(labels.Shape)):]) > 1
	shape := fmt.Sprintf("the output has shape %v", o.Shape)
	if o.Why != "" {
		shape += " and ends in " + o.Why
	}
	switch rank := o.rank(); {
	case fractions && len(labels.Shape) == 3 && labels.Shape[2] == 5 && (o.boxes() || o.Boxes != nil || rank >= 3):
		return Detection{}, "labels are boxes"
	case known && rank >= 3 && o.LastOp == "Sigmoid" && len(o.Shape) == 3 && o.alike(labels) && checkBits(labels) == nil:
		return MultiLabel{}, "each place of a sample has several labels"
	case known && o.picture() && o.alike(labels) && (fractions || o.channels() > 1):
		return Image{}, "the labels have the shape of the output, " + o.shapeText()
	case labels.DType() == nd.Int64 && len(labels.Shape) == 2 && o.steps() > 0 && o.steps() != labels.Shape[1] && !o.Tokens:
		return CTC{}, fmt.Sprintf("labels have %d characters at most, the output has %d steps", labels.Shape[1], o.steps())
	case !known && byModel && o.steps() > 0 && o.batchSecond && o.Axis == 2 && (o.Shape[2] < 0 || o.Shape[2] >= fewestCharacters) && !o.Tokens && o.Kind != KindFeatures:
		return CTC{}, shape + ", and had samples on axis 1, as CTC takes them"
	case o.tags() && (!known || several):
		return Tagging{}, fmt.Sprintf("%s, one of %d classes a token, of which there are %d", shape, o.Shape[2], o.Vocabulary)
	case !known && byModel && o.picture() && !o.choosing():
		return Image{}, fmt.Sprintf("the output has shape %s, which is %s", o.shapeText(), o.pictureText())
	case !known && byModel && o.suppressed && len(o.Shape) == 3 && (o.Shape[2] == 6 || o.Shape[2] == 7):
		return Detection{}, shape + ", behind a NonMaxSuppression"
	case !known && byModel && o.Boxes != nil:
		return Detection{}, fmt.Sprintf("the outputs %s are boxes and what is in them", strings.Join(o.Boxes, ", "))
	case !known && byModel && o.boxes():
		return Detection{}, shape + ", boxes and scores"
	case rank >= 3 && fractions, rank == 0 && fractions:
		return Regression{}, "the labels are fractions"
	case o.Kind == KindFeatures && rank == 2 && !fractions && !several: // labels say who is alike
		return Embedding{}, shape
	case !known && o.Kind == KindFeatures && rank > 2:
		return Outputs{}, shape
	case !known && byModel && rank == 3 && o.Tokens && o.Kind == KindUnknown && o.Vocabulary > 0 && o.Shape[2] != o.Vocabulary:
		return Outputs{}, fmt.Sprintf("%s, not one of %d tokens, and nothing in the graph says that it chooses among others", shape, o.Vocabulary)
	case rank == 3 && o.Tokens:
		return Language{}, shape + ", and the input has tokens"
	case rank >= 3 && several:
		return Segmentation{}, "there is a label for every position"
	case rank >= 3 && byModel && o.Axis > 0 && o.choosing():
		return Segmentation{}, fmt.Sprintf("%s; classes are on axis %d", shape, o.Axis)
	case rank == 2 && fractions:
		return Regression{}, "the labels are fractions"
	case rank == 2 && several && o.Classes() > 1 && !oneHot(labels), rank == 2 && several && o.LastOp == "Sigmoid":
		return MultiLabel{}, "each sample has several labels"
	case rank <= 2 && byModel && o.LastOp == "Sigmoid" && rank > 0:
		return Outputs{}, shape + ", behind a Sigmoid, and has no labels to compare with"
	case rank == 2 && byModel && o.rounded:
		return Outputs{}, shape + ", of numbers that are rounded"
	case rank >= 2 && byModel && o.several: // whoever has the best few does not miss the first
		return Outputs{}, shape + ", and has the best few"
	case rank == 2 && byModel && o.Kind == KindUnknown:
		return Outputs{}, shape + ", and nothing in the graph says that it chooses among classes"
	case rank == 2, rank == 0, rank >= 3 && known:
		return Classification{}, shape
	case rank == 1 && o.LastOp == "Sigmoid", rank == 1 && known && checkBits(labels) == nil:
		return Binary{}, "the output has one number a sample"
	case rank == 1 && known:
		return Regression{}, "the output has one number a sample"
	case !known:
		return Outputs{}, shape + ", which fits no other task"
	}
	return nil, ""
}

// fewestCharacters is the least number of classes of an output that is taken to be read as text:
// the four bases of DNA and a blank.
const fewestCharacters = 5

// Marks reports whether the numbers of the output are those of a Sigmoid, so that each says yes
// or no.
func (o Outlook) Marks() bool { return o.marking }

// channels returns the number of channels of an output that looks like images or signals.
func (o Outlook) channels() int {
	if len(o.Shape) < 2 {
		return 1
	}
	return planesOf(o.Shape).channels
}

// picture reports whether the output looks like images, [N,C,H,W] or [N,H,W,C], or like
// signals that a convolution makes, [N,C,T].
func (o Outlook) picture() bool {
	switch {
	case len(o.Shape) == 4:
		p := planesOf(o.Shape)
		return (p.high > 1 || p.high < 0) && (p.wide > 1 || p.wide < 0)
	case len(o.Shape) == 3:
		return o.Axis == 1 && strings.Contains(o.Why, "Conv") && o.Shape[2] != 1
	}
	return false
}

func (o Outlook) pictureText() string {
	if len(o.Shape) == 4 {
		return "images"
	}
	return "signals"
}

func (o Outlook) shapeText() string { return fmt.Sprint(o.Shape) }

// alike reports whether labels have the shape of the output, as far as that is declared.
func (o Outlook) alike(labels nd.Array) bool {
	if len(labels.Shape) != len(o.Shape) || len(o.Shape) == 0 {
		return false
	}
	for k := 1; k < len(o.Shape); k++ {
		if o.Shape[k] >= 0 && o.Shape[k] != labels.Shape[k] {
			return false
		}
	}
	return true
}

// steps returns the number of steps of an output [N,T,C] or [N,C,T] with a value for each
// class at every step; 0 if it has none, or if they are not known.
func (o Outlook) steps() int {
	if len(o.Shape) != 3 || o.Kind == KindUnknown && o.LastOp == "Concat" {
		return 0
	}
	if o.Axis == 1 {
		return max(o.Shape[2], 0)
	}
	return max(o.Shape[1], 0)
}

// tags reports whether the output has a value for each of some classes at every token, and
// these are no tokens.
func (o Outlook) tags() bool {
	return o.Tokens && len(o.Shape) == 3 && o.Shape[2] > 1 && o.Vocabulary > 0 && o.Shape[2] != o.Vocabulary &&
		(o.Kind == KindLinear || o.Kind == KindChoice) && o.Axis == 2 && o.Shape[2] < o.Vocabulary
}

// Fits reports whether an output can have the answers that labels are compared with, as
// far as its declared shape tells: of labels that are one class a sample, an output with a
// value for each class, or one value.
func (o Outlook) Fits(labels nd.Array) bool {
	ids, ok := labels.Data.([]int64)
	if !ok || labels.Len() != labels.Shape[0] || o.rank() < 2 {
		return true
	}
	return o.rank() == 2 && (o.Classes() == 0 || int64(o.Classes()) > slices.Max(ids))
}

// choosing reports whether an output with a value for each of several positions chooses
// among classes there, rather than making an image or marking what is there: a Softmax or ArgMax says so, or the
// number of channels without a Sigmoid.
func (o Outlook) choosing() bool {
	channels := o.Shape[o.Axis]
	return o.Kind == KindChoice || channels != 1 && channels != 3 && o.LastOp != "Sigmoid" && !o.marking
}

// For returns a task as it is for a model: where the graph says which axis has the
// classes, that one has them.
func For(t Task, o Outlook) Task {
	switch t := t.(type) {
	case Segmentation:
		t.Last = t.Last || o.Axis > 1 && o.Axis == len(o.Shape)-1
		return t
	case MultiLabel:
		t.Steps = t.Steps || o.Axis == 2 && len(o.Shape) == 3
		return t
	case Tagging:
		t.First = t.First || o.Axis == 1 && len(o.Shape) == 3
		return t
	case CTC:
		t.First = t.First || o.Axis == 1 && len(o.Shape) == 3
		return t
	case Outputs:
		t.Names = o.Outputs(t)
		return t
	case Detection:
		if w, h := o.imageSize(); w > 0 && h > 0 {
			t.Width, t.Height = w, h
		}
		return t
	}
	return t
}

// leastPlaces is the least number of places with a box that a detector has.
const leastPlaces = 32

// boxes reports whether the output looks like boxes and scores for many places of an image,
// joined: four coordinates and a score at least, which no axis of classes tells apart.
func (o Outlook) boxes() bool {
	if len(o.Shape) != 3 || o.Kind != KindUnknown || o.LastOp != "Concat" || o.Tokens || len(o.Inputs) == 0 || len(o.Inputs[0].Shape) != 4 {
		return false
	}
	few, many := min(o.Shape[1], o.Shape[2]), max(o.Shape[1], o.Shape[2])
	return few >= 5 && many >= leastPlaces && many > few
}

// imageSize returns the size of the images that the model takes; 0 if it is open.
func (o Outlook) imageSize() (width, height int) {
	if len(o.Inputs) == 0 || len(o.Inputs[0].Shape) != 4 {
		return 0, 0
	}
	return ImageSize(o.Inputs[0].Shape)
}

// ImageSize returns the size of images [N,C,H,W] or [N,H,W,C]; 0 where it is open.
func ImageSize(s []int) (width, height int) {
	if s[3] == 1 || s[3] == 3 {
		return max(s[2], 0), max(s[1], 0)
	}
	return max(s[3], 0), max(s[2], 0)
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
