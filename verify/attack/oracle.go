package attack

import (
	"context"
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// An attacker who may ask the original trains a copy on its answers (knockoff nets; Orekondy
// et al., arXiv 1812.02766). No lock of a file keeps anybody from that, so it is a yardstick:
// its control, which starts from nothing, is a part of the zero line. Of classifiers the
// answers are the probabilities of all classes, of others what the task takes for answers.

// fromAnswers is the attack with the answers of the original.
func fromAnswers(l *lab) []variant {
	if l.opt.Oracle == nil {
		return nil
	}
	list := []variant{{name: "all weights, on the original's answers", tune: everything, answers: true}}
	if len(l.foldable()) > 0 {
		v := l.withNorms("batch normalisations put in, on the original's answers", nil)
		v.answers = true
		list = append(list, v)
	}
	return list
}

// whole answers with the logits of all classes in place of the largest.
type whole struct{ task.Task }

func (whole) Answers(outputs []nd.Array) (nd.Array, error) {
	logits, n, classes, err := gradient.Logits(outputs)
	if err != nil {
		return nd.Array{}, err
	}
	out := nd.New(nd.Float32, n, classes)
	copy(out.Float32s(), logits)
	return out, nil
}

// ask has the original answer the training samples, once.
func (l *lab) ask(ctx context.Context) error {
	if l.answered != nil {
		return nil
	}
	m := l.opt.Oracle
	look, err := task.Look(m, l.opt.Output)
	if err != nil {
		return err
	}
	weights, err := gradient.LoadWeights(m)
	if err != nil {
		return err
	}
	kind := l.opt.Task
	if kind.Traits().Classes {
		kind = whole{kind}
	}
	cfg := gradient.Config{Weights: weights, Workers: l.opt.Workers, Logits: kind.Traits().Logits, Raw: kind.Traits().Raw, Outputs: look.Outputs(kind), Axes: l.opt.Outlook.Axes}
	session, err := gradient.NewSession(m, cfg, task.Batch(look, l.train.Truth(0, 1), evalBatch))
	if err != nil {
		return err
	}
	answers, err := (&task.Evaluator{Task: kind, Session: session}).Answers(ctx, l.train, nil)
	if err == nil {
		l.answered = l.train.WithTruth(answers)
	}
	return err
}

// imitation returns the cross-entropy of a classifier's outputs with the probabilities that
// the original's logits [n, classes] stand for.
func imitation(original nd.Array) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		logits, _, classes, err := gradient.Logits(outputs)
		if err != nil {
			return 0, err
		}
		gradient.ClearSeeds(seeds)
		n, loss := original.Shape[0], 0.0
		if original.Shape[1] != classes {
			return 0, &OracleError{classes, original.Shape[1]}
		}
		for i := range n {
			row := logits[i*classes : (i+1)*classes]
			wanted := probabilities(original.Float32s()[i*classes : (i+1)*classes])
			for k, p := range probabilities(row) {
				loss -= wanted[k] * math.Log(max(p, math.SmallestNonzeroFloat64)) / float64(n)
				if seeds[0].Data != nil {
					seeds[0].Float32s()[i*classes+k] = float32((p - wanted[k]) / float64(n))
				}
			}
		}
		return loss, nil
	}
}

func probabilities(logits []float32) []float64 {
	top, sum := logits[0], 0.0
	for _, v := range logits {
		top = max(top, v)
	}
	p := make([]float64, len(logits))
	for k, v := range logits {
		p[k] = math.Exp(float64(v - top))
		sum += p[k]
	}
	for k := range p {
		p[k] /= sum
	}
	return p
}
