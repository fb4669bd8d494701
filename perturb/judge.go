package perturb

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// judge measures the accuracy on all samples.
type judge struct {
	session *gradient.Session
	samples Samples
	margins []float64 // absolute, of the model as it came
}

// judgeBatch is the number of samples computed at a time.
const judgeBatch = 256

func newJudge(m *onnxio.Model, cfg gradient.Config, samples Samples) (*judge, error) {
	session, err := gradient.NewSession(m, cfg, judgeBatch)
	if err != nil {
		return nil, err
	}
	return &judge{session: session, samples: samples}, nil
}

// measure runs the model on all samples.
func (j *judge) measure() (tally, error) {
	labels := j.samples.Labels()
	var t tally
	first := j.margins == nil
	err := j.session.Forward(j.samples, func(lo, n int, outputs []nd.Array) error {
		logits, _, classes, err := gradient.Logits(outputs)
		if err != nil {
			return err
		}
		if t.answered == nil {
			t = newTally(classes)
		}
		for i := range n {
			row, label := logits[i*classes:(i+1)*classes], labels[lo+i]
			t.add(gradient.ArgMax(row), label)
			if first {
				j.margins = append(j.margins, math.Abs(margin(row, label)))
			}
		}
		return nil
	})
	return t, err
}

// tally counts answers and labels.
type tally struct {
	answered, labelled []int
	right, n           int
}

func newTally(classes int) tally {
	return tally{answered: make([]int, classes), labelled: make([]int, classes)}
}

func (t *tally) add(answer, label int) {
	t.n++
	t.answered[answer]++
	if label < len(t.labelled) {
		t.labelled[label]++
	}
	if answer == label {
		t.right++
	}
}

func (t *tally) accuracy() float64 { return float64(t.right) / float64(max(t.n, 1)) }

// chance is the accuracy of giving the same answers as often, but blindly:
// Σ_k P(answer = k)·P(label = k).
func (t *tally) chance() float64 {
	sum := 0.0
	for k := range t.answered {
		sum += float64(t.answered[k]) * float64(t.labelled[k])
	}
	return sum / max(1, float64(t.n)*float64(t.n))
}

// margin is the logit of a class minus the largest other.
func margin(logits []float32, class int) float64 {
	rival := math.Inf(-1)
	for k, v := range logits {
		if k != class {
			rival = max(rival, float64(v))
		}
	}
	if class >= len(logits) {
		return math.Inf(-1)
	}
	return float64(logits[class]) - rival
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if len(x) == 0 {
		return 0
	}
	return x[len(x)/2]
}

// padded extends labels to the size of a fixed batch with labels that do not count.
func padded(labels []int, s *gradient.Session) []int {
	size, fixed := s.BatchSize()
	if !fixed || len(labels) >= size {
		return labels
	}
	return append(slices.Clone(labels), slices.Repeat([]int{-1}, size-len(labels))...)
}
