package samples

import (
	"context"
	"fmt"
	"slices"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
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

// judgeMadeUp is the number of samples of a family to judge with, in all ranges together.
const judgeMadeUp = 128

// made makes up samples of one family, at most n, as far as work goes if that is not 0. They
// have no labels yet.
func (c *Calibration) made(ctx context.Context, h *Head, family synth.Family, within synth.Range, n int, work int64, seed uint64, progress func(int)) (map[string]nd.Array, error) {
	return synth.Samples(ctx, c.Model, synth.Options{
		N: n, Work: work, Family: family, Shape: c.Data.Shape, Mean: c.Data.Preprocess.Mean, Std: c.Data.Preprocess.Std, Range: within, Output: h.Output, Axes: h.Look.Axes, Seed: seed, Workers: c.Workers, Progress: progress,
	})
}

// count returns the number of samples that arrays have.
func count(inputs map[string]nd.Array) int {
	for _, a := range inputs {
		return a.Shape[0]
	}
	return 0
}

// invent makes up samples to search with, of several families: as many as were asked for, or a
// default number, less where these take much work. They have no labels yet.
func (c *Calibration) invent(ctx context.Context, h *Head) (*Prepared, error) {
	if err := c.tryOn(ctx, h); err != nil {
		return nil, err
	}
	n, work := c.Samples, int64(0)
	if n <= 0 {
		n, work = defaultMadeUp, searchWork/int64(len(h.Ranges))
	}
	progress := c.See.Counter("making up samples", n)
	families, _ := synth.Families(nil) // those to search with are the same for all shapes
	parts := []int{n - 2*(n/madeUpFraction), n / madeUpFraction, n / madeUpFraction}
	if !h.Task.Traits().Classes { // nothing to follow
		families, parts = families[1:], []int{n - n/2, n / 2}
	}
	var all []map[string]nd.Array
	done := 0
	for i, family := range families {
		for k, within := range h.Ranges {
			share := parts[i]*(k+1)/len(h.Ranges) - parts[i]*k/len(h.Ranges)
			if share == 0 {
				continue
			}
			some, err := c.made(ctx, h, family, within, share, work, c.Data.SeedOr(1)+uint64(k), func(k int) {
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
	c.See.Notify(feedback.NoticeSamples, "no real data was seen: what the lock is worth on real data is not known until verify measures it")
	return &Prepared{Head: h, Set: set, AskOriginal: true}, nil
}

// Unseen makes up samples to judge a lock with, of a family that it was not made with, with the
// answers of the model. costly reports whether more of them would have taken minutes.
func (c *Calibration) Unseen(ctx context.Context, h *Head, family synth.Family, within synth.Range, seed uint64) (q *Prepared, costly bool, err error) {
	n, work := judgeMadeUp/len(h.Ranges), judgeWork/int64(len(h.Ranges))
	if family != synth.DrawnDreams && family != synth.MixedDreams {
		work = 0 // they are looked at once
	}
	some, err := c.made(ctx, h, family, within, n, work, seed, nil)
	if err != nil {
		return nil, false, err
	}
	set, err := dataset.FromArrays(some, string(family))
	if err != nil {
		return nil, false, err
	}
	q, err = h.Asked(ctx, c.Model, set, c.Workers)
	return q, count(some) < n, err
}

// Together returns the samples of several sets that were made up for one model as one, without labels.
func Together(list []*Prepared) (*Prepared, error) {
	parts := make([]map[string]nd.Array, len(list))
	for i, p := range list {
		var err error
		if parts[i], err = p.Set.Batch(0, p.Set.Len()); err != nil {
			return nil, err
		}
	}
	set, err := dataset.FromArrays(joined(parts), "made up from the model")
	return &Prepared{Head: list[0].Head, Set: set, AskOriginal: true}, err
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
func (c *Calibration) tryOn(ctx context.Context, h *Head) (err error) {
	if h.Look.Axes, err = h.Look.Axes.With(c.Model, c.Data.Axes); err != nil {
		return err
	}
	if in := h.Look.Inputs; len(in) == 1 && c.Data.whole(h, in[0].Name, c.Data.Shape) {
		if h.Look.Axes, err = h.Look.Axes.With(c.Model, map[string]int{in[0].Name: gradient.NoAxis}); err != nil {
			return err
		}
	}
	some, err := c.made(ctx, h, synth.Noise, synth.Normal, tried, 0, c.Data.SeedOr(1), nil)
	if err != nil {
		return err
	}
	set, err := dataset.FromArrays(some, string(synth.Noise))
	if err != nil {
		return err
	}
	if err := h.settle(set, c.Workers); err != nil {
		return err
	}
	if h.Task == nil {
		h.Task = task.Classification{}
		guess, why, err := task.Guess(h.Look, nd.Array{}, true)
		switch {
		case h.Look.Classes() < 2:
			h.Task = task.For(task.Outputs{}, h.Look)
			h.why = fmt.Sprintf("the output has shape %v, which chooses no class of a sample", h.Look.Shape)
		case err == nil && guess.Name() == task.Outputs{}.Name():
			h.Task, h.why = guess, why
		}
	}
	h.Ranges, err = c.rangesOf(ctx, h, some[synth.Input(c.Model, h.Look.Axes)].Shape[1:])
	return err
}

// rangesOf returns the ranges in which samples are made up: what Mean and Std say, or where
// models are trained as a rule. Those in which all answers of the model are the same are left
// out, and less usual ones taken if no others are left.
func (c *Calibration) rangesOf(ctx context.Context, h *Head, shape []int) ([]synth.Range, error) {
	if len(c.Data.Preprocess.Mean) > 0 || len(c.Data.Preprocess.Std) > 0 {
		return []synth.Range{synth.Normal}, nil
	}
	usual, others := synth.Ranges(shape)
	if !h.Task.Traits().Classes { // there are no answers to be the same
		return usual, nil
	}
	for _, list := range [][]synth.Range{usual, others} {
		var varied []synth.Range
		for _, within := range list {
			vary, err := c.varies(ctx, h, within, shape)
			if err != nil {
				return nil, err
			}
			if vary {
				varied = append(varied, within)
			}
		}
		if len(varied) > 0 {
			return varied, nil
		}
	}
	return usual[:1], nil
}

// varies reports whether the answers of the model to samples of a shape in some range differ: to shapes or,
// of signals, to tones. A model of waves may answer all shapes alike.
func (c *Calibration) varies(ctx context.Context, h *Head, within synth.Range, shape []int) (bool, error) {
	_, judge := synth.Families(shape)
	for _, family := range []synth.Family{synth.Shapes, synth.Tones} {
		if !slices.Contains(judge, family) {
			continue
		}
		some, err := c.made(ctx, h, family, within, judgeMadeUp, 0, c.Data.SeedOr(1), nil)
		if err != nil {
			return false, err
		}
		set, err := dataset.FromArrays(some, string(within))
		if err != nil {
			return false, err
		}
		q := &Prepared{Head: h, Set: set, AskOriginal: true}
		if err := q.Answered(ctx, c.Model, c.Workers, nil); err != nil {
			return false, err
		}
		if _, share := q.skewed(); share < sameAnswers {
			return true, nil
		}
	}
	return false, nil
}

// sameAnswers is the share of one answer from which on samples say nothing about a model.
const sameAnswers = 0.95
