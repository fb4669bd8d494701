package advparams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

// Samples that are made up are not like real ones, and a search can fit them. So the lock is
// judged on families of samples that the search has not seen, and where it fails the search
// goes on with some of them. Changes that act whatever the input come first.

// FamilyScore says how far a locked model agrees with its original on a family of samples
// that the search has not seen: they were made up, or are those of the search prepared in
// another way.
type FamilyScore struct {
	Family    string  `json:"family"`
	Samples   int     `json:"samples"`
	By        string  `json:"by"`        // "answers" or "values" (OutputAgreement)
	Agreement float64 `json:"agreement"` // 1: the same; 0: as far as chance goes
	Intact    bool    `json:"intact"`
}

// MadeUpError means that a model that was locked with samples that are made up, or that it
// was hardly right on, is still right on others. It wraps ErrTarget.
type MadeUpError struct {
	Model    string // the path of its file
	Families []FamilyScore
}

func (e *MadeUpError) Error() string {
	var names []string
	for _, f := range e.Families {
		if f.Intact {
			names = append(names, fmt.Sprintf("%s (%.0f %%)", f.Family, 100*f.Agreement))
		}
	}
	return fmt.Sprintf("%s: the lock holds on the samples of the search, but not on others: %s", e.Model, strings.Join(names, ", "))
}

// Unwrap returns ErrTarget.
func (e *MadeUpError) Unwrap() error { return ErrTarget }

const (
	judgeMadeUp    = 128  // samples of a family to judge with
	madeUpRounds   = 6    // of going on with samples that the lock does not hold on
	slack          = 0.02 // quality beyond that of a useless model on the samples of the search
	madeUpIntact   = 0.1  // agreement above which a lock does not hold
	variedAnswers  = 0.8  // share of the most frequent answer above which values are compared
	madeUpFraction = 4    // one in so many samples of the search is a field, another noise
)

// made makes up samples of one family. They have no labels yet.
func (d *Data) made(ctx context.Context, m *onnxio.Model, h *head, family synth.Family, n int, seed uint64, w *gradient.Workers, progress func(int)) (nd.Array, string, error) {
	inputs, err := synth.Samples(ctx, m, synth.Options{
		N: n, Family: family, Shape: d.Shape, Mean: d.Preprocess.Mean, Std: d.Preprocess.Std, Output: h.output, Seed: seed, Workers: w, Progress: progress,
	})
	if err != nil {
		return nd.Array{}, "", err
	}
	for name, a := range inputs {
		return a, name, nil
	}
	return nd.Array{}, "", errors.New("no samples were made")
}

// invent makes up n samples to search with, of several families. They have no labels yet.
func (d *Data) invent(ctx context.Context, m *onnxio.Model, h *head, n int, w *gradient.Workers, o observer) (*prepared, error) {
	if h.task == nil {
		h.task = task.Classification{}
	}
	progress := o.counter("making up samples", n)
	families, _ := synth.Families()
	parts := []int{n - 2*(n/madeUpFraction), n / madeUpFraction, n / madeUpFraction}
	if !h.task.Traits().Classes { // nothing to follow
		families, parts = families[1:], []int{n - n/2, n / 2}
	}
	var all []float32
	var shape []int
	var input string
	done := 0
	for i, family := range families {
		a, name, err := d.made(ctx, m, h, family, parts[i], d.seed(1), w, func(k int) {
			if progress != nil {
				progress(done + k)
			}
		})
		if err != nil {
			return nil, err
		}
		done += parts[i]
		all, shape, input = append(all, a.Float32s()...), a.Shape[1:], name
	}
	set, err := dataset.FromArrays(map[string]nd.Array{input: nd.Of(all, append([]int{n}, shape...)...)}, "made up from the model")
	if err != nil {
		return nil, err
	}
	o.notify(NoticeSamples, "no real data was seen: what the lock is worth on real data is not known until verify measures it")
	return &prepared{head: h, set: set, askOriginal: true}, nil
}

// unseen makes up samples to judge with, with the answers of the model.
func (o *ProtectOptions) unseen(ctx context.Context, m *onnxio.Model, p *prepared, family synth.Family, seed uint64, w *gradient.Workers) (*prepared, error) {
	a, name, err := o.Data.made(ctx, m, p.head, family, judgeMadeUp, seed, w, nil)
	if err != nil {
		return nil, err
	}
	set, err := dataset.FromArrays(map[string]nd.Array{name: a}, string(family))
	if err != nil {
		return nil, err
	}
	return p.head.asked(ctx, m, set, w)
}

// asked returns samples with the answers of the model. If nearly all answers are the same,
// the truth is all that the model computes instead.
func (h *head) asked(ctx context.Context, m *onnxio.Model, set *dataset.Set, w *gradient.Workers) (*prepared, error) {
	own := *h
	q := &prepared{head: &own, set: set, askOriginal: true}
	if err := q.answered(ctx, m, w, nil); err != nil {
		return nil, err
	}
	var err error
	if _, share := q.skewed(); q.task.Traits().Classes && share > variedAnswers {
		q.task = task.For(task.Outputs{}, q.look)
		err = q.answered(ctx, m, w, nil)
	}
	return q, err
}

// judge measures how far a model with changes agrees with its original.
func (p *prepared) judge(ctx context.Context, m *onnxio.Model, changes []perturb.Change, family string, w *gradient.Workers) (FamilyScore, error) {
	f := FamilyScore{Family: family, Samples: p.set.Len(), By: "values"}
	if p.task.Traits().Classes {
		f.By = "answers"
	}
	session, err := p.session(m, changes, p.set, w)
	if err != nil {
		return f, err
	}
	s, err := (&task.Evaluator{Task: p.task, Session: session}).Measure(ctx, p.set, nil)
	if err != nil {
		return f, err
	}
	if s.Chance < 1 {
		f.Agreement = max(0, (s.Quality-s.Chance)/(1-s.Chance))
	}
	f.Intact = f.Agreement > madeUpIntact && s.Quality > s.Useless()
	return f, nil
}

// holdOut judges a lock on families that the search has not seen, and goes on with those
// that it does not hold on. found gets the changes. The error is a *MadeUpError if the lock
// does not hold in the end.
func (o *ProtectOptions) holdOut(ctx context.Context, m *onnxio.Model, p *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) ([]FamilyScore, error) {
	see := observer{o.Progress, o.Notice}
	_, families := synth.Families()
	if !p.task.Traits().Classes {
		families = slices.DeleteFunc(families, func(f synth.Family) bool { return f == synth.DrawnDreams || f == synth.MixedDreams })
	}
	var list []FamilyScore
	for round := range madeUpRounds {
		list = list[:0]
		intact := false
		for i, family := range families {
			see.report("judging on other samples", i, len(families), string(family))
			q, err := o.unseen(ctx, m, p, family, o.Data.seed(1)+uint64(1000*(round+1)+i), w)
			if err != nil {
				return nil, err
			}
			f, err := o.judgeAndGoOn(ctx, m, q, string(family), round < madeUpRounds-1, found, allow, w)
			if err != nil {
				return nil, err
			}
			list, intact = append(list, f), intact || f.Intact
		}
		// Later changes may have given back some of what the first took.
		if err := p.remeasure(ctx, m, found, w); err != nil {
			return nil, err
		}
		if s := found.Locked; !intact && s.Quality > s.Useless()+slack && round < madeUpRounds-1 {
			intact = true
			if err := o.goOn(ctx, m, p, found, o.budget(), allow, w); err != nil {
				return nil, err
			}
		}
		if !intact {
			return list, nil
		}
	}
	if err := p.remeasure(ctx, m, found, w); err != nil {
		return nil, err
	}
	return list, &MadeUpError{m.Path(), list}
}

// judgeAndGoOn judges a lock on samples of a family and, if it does not hold there and that is
// wanted, goes on with them.
func (o *ProtectOptions) judgeAndGoOn(ctx context.Context, m *onnxio.Model, q *prepared, family string, goOn bool, found *perturb.Result, allow func(string) bool, w *gradient.Workers) (FamilyScore, error) {
	f, err := q.judge(ctx, m, found.Changes, family, w)
	if err == nil && f.Intact && goOn {
		err = o.goOn(ctx, m, q, found, o.budget(), allow, w)
	}
	return f, err
}

// goOn adds changes that lock a model on samples that it is still right on.
func (o *ProtectOptions) goOn(ctx context.Context, m *onnxio.Model, q *prepared, found *perturb.Result, budget int, allow func(string) bool, w *gradient.Workers) error {
	if len(found.Changes) >= budget {
		return nil
	}
	opt := o.searchOptions(q, allow, w)
	opt.Target, opt.Start, opt.MaxParams = 0, found.Changes, budget-len(found.Changes)
	more, err := perturb.Search(ctx, m, q.set, opt)
	if more != nil {
		found.GradientPasses, found.Evaluations = found.GradientPasses+more.GradientPasses, found.Evaluations+more.Evaluations
		found.Work += more.Work
	}
	if more != nil && errors.Is(err, ErrTarget) && more.Locked.Quality < more.Before.Quality/2 {
		err = nil // it has not come to the target, but halfway
	}
	if errors.Is(err, ErrTarget) || errors.As(err, new(*perturb.UselessError)) {
		return nil
	}
	if err == nil {
		found.Changes = append(found.Changes, more.Changes...)
	}
	return err
}

// level makes the numbers that a classifier computes say nothing, as far as the budget goes.
// Answers that are all of one class on samples that are made up may differ again on real
// ones. And what was guessed to be a classifier may be something else, of which the numbers
// count.
func (o *ProtectOptions) level(ctx context.Context, m *onnxio.Model, p *prepared, found *perturb.Result, allow func(string) bool, w *gradient.Workers) error {
	if !p.task.Traits().Classes {
		return nil
	}
	h := *p.head
	h.task = task.For(task.Outputs{}, h.look)
	q := &prepared{head: &h, set: p.set, askOriginal: true}
	if err := q.answered(ctx, m, w, nil); err != nil {
		return err
	}
	return o.goOn(ctx, m, q, found, min(o.budget(), len(found.Changes)+maxLevel), allow, w)
}

// maxLevel bounds the changes of level.
const maxLevel = 16

// defaultMaxParams is what ProtectOptions.MaxParams stands for if it is 0.
const defaultMaxParams = 128

// budget returns the largest number of parameters to change.
func (o *ProtectOptions) budget() int { return cmp.Or(o.MaxParams, defaultMaxParams) }

// general returns the initializers whose changes act whatever the input: those of the first
// layers, and the biases and normalisations of all but the last layer.
func general(m *onnxio.Model, allow func(string) bool) func(string) bool {
	chosen := map[string]bool{}
	layers := 0
	var last []string
	for _, n := range m.Proto().GetGraph().GetNode() {
		in := n.GetInput()
		switch n.GetOpType() {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			layers++
			last = in[min(1, len(in)):]
			for i, name := range last {
				if i > 0 || layers <= 2 {
					chosen[name] = true
				}
			}
		case "BatchNormalization", "InstanceNormalization", "LayerNormalization", "GroupNormalization":
			for _, name := range in[1:min(3, len(in))] {
				chosen[name] = true
			}
		}
	}
	if layers > 2 {
		for _, name := range last {
			delete(chosen, name)
		}
	}
	return func(name string) bool { return chosen[name] && allow(name) }
}
