package task

import (
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Language is the task of models that predict tokens: logits [N,T,V]. The truth
// is the token that belongs to each output, [N,T]. Positions with a negative token do not
// count. NextTokens makes the truth from a model's inputs.
//
// A language model is useless when it predicts no better than the frequencies of the
// tokens do: its likelihood is no higher than theirs, and it is right no more often than
// somebody who always says the most frequent token. Either alone is not enough: logits that
// are all a hundredth of what they were have a poor likelihood, and are still right.
type Language struct {
	// Ahead is as in Classification.
	Ahead int
}

// Name returns "language".
func (Language) Name() string { return "language" }

// Traits implements Task.
func (Language) Traits() Traits {
	return Traits{Quality: "quality", Logits: true, MeasureLogits: true, Together: 1, Calibration: fewSamples, NextTokens: true}
}

// everyAnswer is for EveryAnswer: the likeliest other answer does not count.
func (t Language) everyAnswer() Task {
	t.Ahead = 1
	return t
}

// Objective returns the soft accuracy over the tokens.
func (t Language) Objective(truth nd.Array, tau float64) gradient.Loss {
	return everywhere(truth, true, func(labels []int) gradient.Loss { return softAccuracy(labels, tau, t.Ahead) })
}

// Training returns the cross-entropy over the tokens.
func (Language) Training(truth nd.Array) gradient.Loss {
	return everywhere(truth, true, gradient.CrossEntropy)
}

// NewTally implements Task.
func (Language) NewTally() Tally { return &languageTally{positionTally{last: true}} }

// Answers returns the likeliest tokens, [N,T].
func (Language) Answers(outputs []nd.Array) (nd.Array, error) { return chosen(outputs, true) }

type languageTally struct{ positionTally }

// Score returns a score with the quality max(1 - H/H₀, (a - a₀)/(1 - a₀)). H is the
// cross-entropy per token and a the accuracy of the likeliest tokens, H₀ and a₀ are those of
// somebody who knows the frequencies of the tokens.
func (t *languageTally) Score() Score {
	if t.counts == nil || t.counts.N == 0 {
		return Score{}
	}
	score := t.counts.Language(t.nats)
	score.Rest = restOfMany(t.ranked, t.counts)
	return score
}

// Language returns the score of a language model whose cross-entropies add up to nats.
func (c *Counts) Language(nats float64) Score {
	unigram := entropy(c.Labelled)
	nats /= float64(max(c.N, 1))
	accuracy, constant := c.Accuracy(), c.blind()
	quality := 0.0
	if constant < 1 {
		quality = (accuracy - constant) / (1 - constant)
	}
	if unigram > 0 {
		quality = max(quality, 1-nats/unigram)
	}
	return Score{
		Quality: quality, Luck: luck,
		Metrics: []Metric{
			{Name: "perplexity", Value: math.Exp(nats), Useless: math.Exp(unigram), Lower: true},
			{Name: "accuracy", Value: accuracy, Useless: constant, Share: true},
		},
	}
}

// entropy returns the entropy in nats of a distribution given by counts.
func entropy(counts []int) float64 {
	total, h := 0, 0.0
	for _, n := range counts {
		total += n
	}
	for _, n := range counts {
		if n > 0 {
			p := float64(n) / float64(total)
			h -= p * math.Log(p)
		}
	}
	return h
}

// NextTokens returns the truth for a model that predicts each next token: its input of
// tokens, an array of integers [N,T], shifted to the left by one position. The last
// position does not count, nor do those whose next token is 0 in the input attention_mask
// or mask. The error is a *TokensError.
func NextTokens(inputs map[string]nd.Array) (nd.Array, error) {
	ids, err := tokens(inputs)
	if err != nil {
		return nd.Array{}, err
	}
	n, length := ids.Shape[0], ids.Shape[1]
	mask := floats(inputs["attention_mask"])
	if mask == nil {
		mask = floats(inputs["mask"])
	}
	if len(mask) != n*length {
		mask = nil
	}
	truth := nd.New(nd.Int64, n, length)
	for i := range truth.Int64s() {
		truth.Int64s()[i] = -1
		if next := i + 1; next%length != 0 && (mask == nil || mask[next] != 0) {
			truth.Int64s()[i] = ids.Int64s()[next]
		}
	}
	return truth, nil
}

// tokens returns the input with tokens: the one named input_ids, ids, tokens or input, or
// else the only one of integers [N,T] whose name is not that of a mask, type or position.
func tokens(inputs map[string]nd.Array) (nd.Array, error) {
	var found []string
	for name, a := range inputs {
		if a.DType() == nd.Int64 && len(a.Shape) == 2 {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	for _, name := range []string{"input_ids", "ids", "tokens", "input"} {
		if slices.Contains(found, name) {
			return inputs[name], nil
		}
	}
	found = slices.DeleteFunc(found, func(name string) bool {
		return strings.Contains(name, "mask") || strings.Contains(name, "type") || strings.Contains(name, "position")
	})
	switch len(found) {
	case 0:
		return nd.Array{}, &TokensError{}
	case 1:
		return inputs[found[0]], nil
	}
	return nd.Array{}, &TokensError{found}
}
