package advparams

import (
	"context"
	"fmt"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/synth"
	"github.com/advparams/advparams/task"
)

const madeUpFraction = 4 // one in so many samples of the search is a field, another noise

// The multiply-adds that may be spent on samples which follow the gradient, to search with and
// to judge with, of one family each time. The first take a core some minutes, and a large
// network has fewer samples: forty gradients of a ResNet-18 are 2e11.
const (
	searchWork = 2e13
	judgeWork  = 1e13
)

// made makes up samples of one family, at most n, as far as work goes if that is not 0. They
// have no labels yet.
func (d *Data) made(ctx context.Context, m *onnxio.Model, h *head, family synth.Family, within synth.Range, n int, work int64, seed uint64, w *gradient.Workers, progress func(int)) (map[string]nd.Array, error) {
	return synth.Samples(ctx, m, synth.Options{
		N: n, Work: work, Family: family, Shape: d.Shape, Mean: d.Preprocess.Mean, Std: d.Preprocess.Std, Range: within, Output: h.output, Axes: h.look.Axes, Seed: seed, Workers: w, Progress: progress,
	})
}

// count returns the number of samples that arrays have.
func count(inputs map[string]nd.Array) int {
	for _, a := range inputs {
		return a.Shape[0]
	}
	return 0
}

// invent makes up samples to search with, of several families: n, or a default number, less where
// these take much work. They have no labels yet.
func (d *Data) invent(ctx context.Context, m *onnxio.Model, h *head, n int, w *gradient.Workers, o observer) (*prepared, error) {
	if err := d.tryOn(ctx, m, h, w); err != nil {
		return nil, err
	}
	work := int64(0)
	if n <= 0 {
		n, work = defaultMadeUp, searchWork/int64(len(h.ranges))
	}
	progress := o.counter("making up samples", n)
	families, _ := synth.Families()
	parts := []int{n - 2*(n/madeUpFraction), n / madeUpFraction, n / madeUpFraction}
	if !h.task.Traits().Classes { // nothing to follow
		families, parts = families[1:], []int{n - n/2, n / 2}
	}
	var all []map[string]nd.Array
	done := 0
	for i, family := range families {
		for k, within := range h.ranges {
			share := parts[i]*(k+1)/len(h.ranges) - parts[i]*k/len(h.ranges)
			if share == 0 {
				continue
			}
			some, err := d.made(ctx, m, h, family, within, share, work, d.seed(1)+uint64(k), w, func(k int) {
				if progress != nil {
					progress(done + k)
				}
			})
			if err != nil {
				return nil, err
			}
			done, all = done+count(some), append(all, some)
		}
		if i == 0 && done < parts[0] { // others are to be in proportion
			for j := range parts[1:] {
				parts[1+j] = parts[1+j] * done / parts[0]
			}
		}
	}
	set, err := dataset.FromArrays(joined(all), "made up from the model")
	if err != nil {
		return nil, err
	}
	o.notify(NoticeSamples, "no real data was seen: what the lock is worth on real data is not known until verify measures it")
	return &prepared{head: h, set: set, askOriginal: true}, nil
}

// joined returns the samples of all parts.
func joined(parts []map[string]nd.Array) map[string]nd.Array {
	all := map[string]nd.Array{}
	for name, first := range parts[0] {
		whole := nd.New(first.DType(), append([]int{0}, first.Shape[1:]...)...)
		for _, part := range parts {
			a := part[name]
			whole.Shape[0] += a.Shape[0]
			switch x := a.Data.(type) {
			case []float32:
				whole.Data = append(whole.Float32s(), x...)
			case []int64:
				whole.Data = append(whole.Int64s(), x...)
			case []bool:
				whole.Data = append(whole.Bools(), x...)
			}
		}
		all[name] = whole
	}
	return all
}

// tried is the number of samples that show what a model's shapes do not say.
const tried = 8

// tryOn finds out on noise which axes count samples, and what the model is for: what does not
// choose among classes is compared by its outputs.
func (d *Data) tryOn(ctx context.Context, m *onnxio.Model, h *head, w *gradient.Workers) (err error) {
	if h.look.Axes, err = h.look.Axes.With(m, d.Axes); err != nil {
		return err
	}
	if in := h.look.Inputs; len(in) == 1 && d.whole(h, in[0].Name, d.Shape) {
		if h.look.Axes, err = h.look.Axes.With(m, map[string]int{in[0].Name: NoAxis}); err != nil {
			return err
		}
	}
	some, err := d.made(ctx, m, h, synth.Noise, synth.Normal, tried, 0, d.seed(1), w, nil)
	if err != nil {
		return err
	}
	set, err := dataset.FromArrays(some, string(synth.Noise))
	if err != nil {
		return err
	}
	if err := h.settle(set, w); err != nil {
		return err
	}
	if h.task == nil {
		h.task = task.Classification{}
		guess, why, err := task.Guess(h.look, nd.Array{}, true)
		switch {
		case h.look.Classes() < 2:
			h.task = task.For(task.Outputs{}, h.look)
			h.why = fmt.Sprintf("the output has shape %v, which chooses no class of a sample", h.look.Shape)
		case err == nil && guess.Name() == task.Outputs{}.Name():
			h.task, h.why = guess, why
		}
	}
	h.ranges, err = d.rangesOf(ctx, m, h, some[synth.Input(m, h.look.Axes)].Shape[1:], w)
	return err
}

// rangesOf returns the ranges in which samples are made up: what Mean and Std say, or where
// models are trained as a rule. Those in which all answers of the model are the same are left
// out, and less usual ones taken if no others are left.
func (d *Data) rangesOf(ctx context.Context, m *onnxio.Model, h *head, shape []int, w *gradient.Workers) ([]synth.Range, error) {
	if len(d.Preprocess.Mean) > 0 || len(d.Preprocess.Std) > 0 {
		return []synth.Range{synth.Normal}, nil
	}
	usual, others := synth.Ranges(shape)
	if !h.task.Traits().Classes { // there are no answers to be the same
		return usual, nil
	}
	for _, list := range [][]synth.Range{usual, others} {
		var varied []synth.Range
		for _, within := range list {
			some, err := d.made(ctx, m, h, synth.Shapes, within, judgeMadeUp, 0, d.seed(1), w, nil)
			if err != nil {
				return nil, err
			}
			set, err := dataset.FromArrays(some, string(within))
			if err != nil {
				return nil, err
			}
			q := &prepared{head: h, set: set, askOriginal: true}
			if err := q.answered(ctx, m, w, nil); err != nil {
				return nil, err
			}
			if _, share := q.skewed(); share < sameAnswers {
				varied = append(varied, within)
			}
		}
		if len(varied) > 0 {
			return varied, nil
		}
	}
	return usual[:1], nil
}

// sameAnswers is the share of one answer from which on samples say nothing about a model.
const sameAnswers = 0.95
