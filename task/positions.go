package task

import (
	"errors"
	"fmt"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// positions is the layout of an output with a choice at every position:
// [samples, classes, place…], or [samples, place…, classes] if last is set. If single is
// set, there is one logit a position, for the second of two classes.
type positions struct {
	samples, classes int
	place            []int
	last, single     bool
}

// positionsOf returns the layout of an output of some shape, given the shape of the truth,
// [N, place…], whose axes of length 1 do not count. Without truth, the axis of classes is
// the last one if last is set, and the second otherwise.
func positionsOf(shape, truth []int, last bool) (positions, error) {
	if len(shape) < 2 {
		return positions{}, fmt.Errorf("the model's first output has shape %v, which has no positions", shape)
	}
	p := positions{samples: shape[0], classes: shape[1], place: shape[2:]}
	tail := positions{samples: shape[0], classes: shape[len(shape)-1], place: shape[1 : len(shape)-1], last: true}
	one := positions{samples: shape[0], classes: 1, place: shape[1:]}
	fits := func(q positions) bool {
		return len(truth) > 0 && slices.Equal(wide(q.place), wide(truth[1:]))
	}
	switch {
	case truth == nil && last, last && fits(tail):
		p = tail
	case truth == nil || fits(p):
	case fits(tail):
		p = tail
	case fits(one):
		p = one
	default:
		return p, &ShapeError{Labels: truth, Output: shape, Positions: true}
	}
	if p.single = p.classes == 1; p.single {
		p.classes, p.place, p.last = 2, one.place, false
	}
	return p, nil
}

// wide returns the axes that are longer than 1.
func wide(shape []int) []int {
	return slices.DeleteFunc(slices.Clone(shape), func(d int) bool { return d == 1 })
}

// rows returns the number of positions of all samples.
func (p positions) rows() int { return p.samples * nd.Size(p.place) }

// inPlace reports whether an output is laid out as [rows, classes] already.
func (p positions) inPlace() bool { return p.last || nd.Size(p.place) == 1 && !p.single }

// index returns the index of a logit in the output.
func (p positions) index(row, class int) int {
	n := nd.Size(p.place)
	if p.single {
		return row
	}
	return (row/n*p.classes+class)*n + row%n
}

// gather returns an output as [rows, classes], a copy unless inPlace.
func (p positions) gather(y []float32) []float32 {
	if p.inPlace() {
		return y
	}
	out := make([]float32, p.rows()*p.classes)
	for i := range out {
		switch row, class := i/p.classes, i%p.classes; {
		case !p.single:
			out[i] = y[p.index(row, class)]
		case class == 1:
			out[i] = y[row]
		}
	}
	return out
}

// scatter is the adjoint of gather.
func (p positions) scatter(rows, y []float32) {
	for i, v := range rows {
		switch row, class := i/p.classes, i%p.classes; {
		case !p.single:
			y[p.index(row, class)] = v
		case class == 1:
			y[row] = v
		}
	}
}

// void is the class of positions that do not count, as in Pascal VOC. Negative classes do
// not count either.
const void = 255

// placed returns labels for all positions, -1 for those that do not count.
func placed(truth nd.Array, classes int) ([]int, error) {
	labels, err := labelsOf(truth)
	if err != nil {
		return nil, err
	}
	for i, label := range labels {
		switch {
		case label < 0, label == void && classes <= void:
			labels[i] = -1
		case label >= classes:
			return nil, &LabelError{Sample: -1, Label: float32(label), Classes: classes}
		}
	}
	return labels, nil
}

// everywhere applies a loss for classifiers to every position.
func everywhere(truth nd.Array, last bool, loss func(labels []int) gradient.Loss) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		y, p, labels, err := read(outputs, truth, last)
		if err != nil {
			return 0, err
		}
		seed := seedOf(seeds)
		rows := []nd.Array{nd.Of(p.gather(y.Float32s()), p.rows(), p.classes)}
		var seedRows []nd.Array
		switch {
		case seed == nil:
		case p.inPlace():
			seedRows = []nd.Array{nd.Of(seed, p.rows(), p.classes)}
		default:
			seedRows = []nd.Array{nd.New(nd.Float32, p.rows(), p.classes)}
		}
		v, err := loss(filled(labels, p.rows()))(rows, seedRows)
		if seed != nil && !p.inPlace() && err == nil {
			p.scatter(seedRows[0].Float32s(), seed)
		}
		return v, err
	}
}

// read returns the first output with its layout, and the labels of its positions.
func read(outputs []nd.Array, truth nd.Array, last bool) (nd.Array, positions, []int, error) {
	y, err := first(outputs)
	if err != nil {
		return y, positions{}, nil, err
	}
	if truth.Data == nil {
		return y, positions{}, nil, ErrNoLabels
	}
	if len(truth.Shape) == 0 {
		return y, positions{}, nil, errors.New("labels are a single number")
	}
	p, err := positionsOf(y.Shape, truth.Shape, last)
	if err != nil {
		return y, p, nil, err
	}
	labels, err := placed(truth, p.classes)
	return y, p, labels, err
}

// positionTally tallies the choices at all positions.
type positionTally struct {
	choices
	last bool
}

// marginsPerBatch bounds the number of answers of a batch that are kept.
const marginsPerBatch = 1 << 14

func (t *positionTally) Add(outputs []nd.Array, truth nd.Array) error {
	y, p, labels, err := read(outputs, truth, t.last)
	if err != nil {
		return err
	}
	if t.counts == nil {
		t.counts = NewCounts(p.classes)
	}
	rows := p.gather(y.Float32s())
	every := len(labels)/marginsPerBatch + 1
	for i, label := range labels {
		if label < 0 {
			continue
		}
		logits := rows[i*p.classes : (i+1)*p.classes]
		t.counts.answer(logits, label)
		t.nats += crossEntropy(logits, label)
		if i%every == 0 {
			t.keep(logits, label)
		}
	}
	return nil
}

// chosen returns the class chosen at every position, [N, place…].
func chosen(outputs []nd.Array, last bool) (nd.Array, error) {
	y, err := first(outputs)
	if err != nil {
		return y, err
	}
	p, err := positionsOf(y.Shape, nil, last)
	if err != nil {
		return y, err
	}
	rows := p.gather(y.Float32s())
	out := nd.New(nd.Int64, append([]int{p.samples}, p.place...)...)
	for i := range out.Int64s() {
		out.Int64s()[i] = int64(gradient.ArgMax(rows[i*p.classes : (i+1)*p.classes]))
	}
	return out, nil
}
