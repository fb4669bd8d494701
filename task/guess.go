package task

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Outlook is what a model's graph says of the output with the answers.
type Outlook struct {
	Shape  []int  // -1 where it is left open; nil when it is not declared
	LastOp string // the operator that computes it, reshaping left out
	Tokens bool   // the model takes integers
}

// Look reads the graph of a model for an output; no name means the first.
func Look(m *onnxio.Model, output string) (Outlook, error) {
	g := m.Proto().GetGraph()
	if len(g.GetOutput()) == 0 {
		return Outlook{}, fmt.Errorf("%s: the model has no output", m.Path())
	}
	out := g.GetOutput()[0]
	for _, v := range g.GetOutput() {
		if v.GetName() == output {
			out = v
		}
	}
	o := Outlook{LastOp: lastOp(g, out.GetName())}
	if shape := out.GetType().GetTensorType().GetShape(); shape != nil {
		o.Shape = []int{}
		for _, d := range shape.GetDim() {
			n := -1
			if v, ok := d.GetValue().(*onnxpb.TensorShapeProto_Dimension_DimValue); ok && v.DimValue > 0 {
				n = int(v.DimValue)
			}
			o.Shape = append(o.Shape, n)
		}
	}
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return o, err
	}
	for _, in := range inputs {
		o.Tokens = o.Tokens || in.DType == nd.Int64 && (in.Shape == nil || len(in.Shape) == 2)
	}
	return o, nil
}

// lastOp returns the operator behind a value, without those that only reshape.
func lastOp(g *onnxpb.GraphProto, value string) string {
	maker := map[string]*onnxpb.NodeProto{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			maker[name] = n
		}
	}
	for range len(g.GetNode()) {
		n := maker[value]
		if n == nil {
			return ""
		}
		switch n.GetOpType() {
		case "Identity", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Cast":
			if len(n.GetInput()) > 0 {
				value = n.GetInput()[0]
				continue
			}
		}
		return n.GetOpType()
	}
	return ""
}

// Classes is the number of values a sample has in an output of the form
// [samples, classes], axes of length 1 aside; 0 when it is left open or the output
// has another form, and 1 for [samples].
func (o Outlook) Classes() int {
	if len(o.Shape) == 0 {
		return 0
	}
	classes := 1
	for _, n := range o.Shape[1:] {
		switch {
		case n < 0, n > 1 && classes > 1:
			return 0
		default:
			classes *= n
		}
	}
	return classes
}

// rank is the number of axes, those of length 1 behind the first left out; 0 when
// it is not known.
func (o Outlook) rank() int {
	if len(o.Shape) == 0 {
		return 0
	}
	rank := 1
	for _, n := range o.Shape[1:] {
		if n != 1 {
			rank++
		}
	}
	return rank
}

// Guess returns the task that a model and the labels of its data look like: the
// zero Array if there are none. byModel says that the model's own answers are
// to be the labels.
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
	return nil, hint.With(errors.New("what the model is for cannot be told from its outputs"),
		"say so with --task; for models without labels that is --task embedding, or --labels model with another task")
}

func whole(x []float32) bool {
	for _, v := range x {
		if float32(int64(v)) != v {
			return false
		}
	}
	return true
}

// oneHot reports whether every row of a matrix has a single 1 and zeros: classes
// written in another way.
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
