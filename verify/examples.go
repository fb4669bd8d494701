package verify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// mostExamples is the number of samples that a report shows.
const mostExamples = 8

// chooseExamples returns samples to show: the first of each class, or the first ones where
// there are no classes.
func (r *Runs) chooseExamples() []int {
	var list []int
	if labels := r.Set.Labels(); labels != nil {
		seen := map[int]bool{}
		for i, label := range labels {
			if !seen[label] && len(list) < mostExamples {
				seen[label] = true
				list = append(list, i)
			}
		}
	}
	for i := 0; i < r.Set.Len() && len(list) < mostExamples; i++ {
		if !slices.Contains(list, i) {
			list = append(list, i)
		}
	}
	slices.Sort(list)
	return list
}

// examples runs both versions on some samples. Samples that cannot be run one by one, such
// as those of a sequence, give none.
func (r *Runs) examples(ctx context.Context) ([]Example, error) {
	rows := r.chooseExamples()
	set := r.Set.Subset(rows)
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		return nil, err
	}
	var answers [2]nd.Array
	for k, session := range []*gradient.Session{r.Original, r.Locked} {
		a, err := (&task.Evaluator{Task: r.Task, Session: session}).Answers(ctx, set, nil)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil || len(a.Shape) == 0 || a.Shape[0] != set.Len() {
			return nil, nil
		}
		answers[k] = a
	}
	truth := set.Truth(0, set.Len())
	list := make([]Example, len(rows))
	for i := range list {
		e := &list[i]
		e.Sample = rows[i]
		e.View = r.view(inputs, i)
		r.compare(e, truth, answers, i)
	}
	return list, nil
}

// compare adds what both versions answer to sample i.
func (r *Runs) compare(e *Example, truth nd.Array, answers [2]nd.Array, i int) {
	number := func(v float64) *float64 { return &v }
	switch r.Task.(type) {
	case task.Detection:
		e.By = "objects"
		var n [2]int
		for k, a := range answers {
			e.View.Boxes[k] = boxes(row(a, a.Data.([]float32), i), e.View)
			n[k] = len(e.View.Boxes[k])
		}
		e.Original, e.Locked = number(float64(n[0])), float64(n[1])
		return
	case task.Embedding, task.Outputs:
		e.By = "likeness"
		e.Original, e.Locked = number(1), likeness(apart(answers[0], i), apart(answers[1], i))
		return
	}
	before, after := floatsOf(answers[0], i), floatsOf(answers[1], i)
	var label []float64
	if truth.Data != nil {
		label = floatsOf(truth, i)
	}
	if len(before) == 1 && len(label) <= 1 {
		if e.By = "value"; classesOf(answers[0]) != nil {
			e.By = "class"
		}
		if len(label) == 1 {
			e.Label = &label[0]
		}
		e.Original, e.Locked = &before[0], after[0]
		return
	}
	if classesOf(answers[0]) == nil { // several numbers
		e.By = "likeness"
		e.Original, e.Locked = number(1), likeness(apart(answers[0], i), apart(answers[1], i))
		if _, made := r.Task.(task.Image); made {
			for k, a := range answers {
				var made View
				r.viewFloats(&made, a, row(a, a.Data.([]float32), i))
				e.View.Pictures[k], e.View.Lines[k] = made.Picture, made.Series
			}
		}
		return
	}
	e.By = "right"
	agree := agreement
	if _, read := r.Task.(task.CTC); read {
		agree = textAgreement
	}
	e.Original, e.Locked = number(agree(before, label)), agree(after, label)
	for k, a := range answers {
		ids, _ := a.Data.([]int64)
		switch {
		case ids != nil && len(a.Shape) == 3 && e.View.Picture != nil:
			e.View.Masks[k] = mask(row(a, ids, i), a.Shape[2])
		case ids != nil && len(a.Shape) == 2:
			e.View.Answered[k] = r.text(answered(row(a, ids, i), label))
		}
	}
}

// floatsOf returns the elements of sample i.
func floatsOf(a nd.Array, i int) []float64 {
	var out []float64
	switch x := a.Data.(type) {
	case []float32:
		for _, v := range row(a, x, i) {
			out = append(out, float64(v))
		}
	case []int64:
		for _, v := range row(a, x, i) {
			out = append(out, float64(v))
		}
	case []bool:
		for _, v := range row(a, x, i) {
			n := 0.0
			if v {
				n = 1
			}
			out = append(out, n)
		}
	}
	return out
}

// apart returns how the elements of sample i differ from their means over the samples: outputs
// that are much the same for all of them say little, however alike two models make them. Of
// one or two samples it returns the elements.
func apart(a nd.Array, i int) []float64 {
	x := floatsOf(a, i)
	n := a.Shape[0]
	if n < 3 {
		return x
	}
	for k := range n {
		for j, v := range floatsOf(a, k) {
			x[j] -= v / float64(n)
		}
	}
	return x
}

// agreement returns the share of labels, those below 0 left out, that answers equal.
func agreement(answers, labels []float64) float64 {
	right, n := 0, 0
	for i, label := range labels {
		if label < 0 || i >= len(answers) {
			continue
		}
		n++
		if answers[i] == label {
			right++
		}
	}
	return float64(right) / float64(max(n, 1))
}

// textAgreement returns what is left of a text when the characters that have to be put in, taken
// out or replaced are counted off. Characters below 0 are none.
func textAgreement(answer, label []float64) float64 {
	none := func(c float64) bool { return c < 0 }
	answer, label = slices.DeleteFunc(slices.Clone(answer), none), slices.DeleteFunc(slices.Clone(label), none)
	return max(0, 1-float64(task.Distance(answer, label))/float64(max(len(label), 1)))
}

// likeness returns the cosine of two vectors; 0 if one has no direction.
func likeness(x, y []float64) float64 {
	var xy, xx, yy float64
	for i := range min(len(x), len(y)) {
		xy, xx, yy = xy+x[i]*y[i], xx+x[i]*x[i], yy+y[i]*y[i]
	}
	c := xy / math.Sqrt(xx*yy)
	if math.IsNaN(c) || math.IsInf(c, 0) {
		return 0
	}
	return min(1, max(-1, c))
}

// answered returns the answers at places that have a label. Where labels do not go with places,
// it leaves out what is no answer.
func answered(ids []int64, label []float64) []int64 {
	var list []int64
	for i, id := range ids {
		if id >= 0 && (len(label) != len(ids) || label[i] >= 0) {
			list = append(list, id)
		}
	}
	return list
}

// unpadded returns tokens without the padding at their end.
func unpadded(ids []int64) []int64 {
	n := len(ids)
	for n > 1 && ids[n-1] <= 0 {
		n--
	}
	return ids[:n]
}

// text writes tokens with the vocabulary, or as numbers without one.
func (r *Runs) text(ids []int64) string {
	const most = 40
	var b strings.Builder
	n := len(ids)
	for i, id := range ids[:min(n, most)] {
		token := fmt.Sprint(id)
		switch {
		case id < 0:
			token = "·"
		case int(id) < len(r.Vocabulary):
			token = r.Vocabulary[id]
		}
		piece, joined := strings.CutPrefix(token, "##")
		if piece, space := strings.CutPrefix(piece, "▁"); space {
			token, joined = piece, false
		} else {
			token = piece
		}
		token = strings.TrimPrefix(token, "Ġ")
		if i > 0 && !joined {
			b.WriteByte(' ')
		}
		b.WriteString(token)
	}
	if n > most {
		b.WriteString(" …")
	}
	return b.String()
}
