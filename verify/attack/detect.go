package attack

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// Detector rates a way to tell changed weights from others by looking at a locked model.
// The rating takes the original, which the attacker does not have. It says how much a
// search for the changes has to go by.
type Detector struct {
	Name string `json:"name"`
	// AUC is the probability that a changed weight (Report.WrongSigns: one of wrong sign)
	// is more suspicious than another one (area under the ROC curve): 0.5 tells nothing, 1 everything.
	AUC float64 `json:"auc"`
	// Precision is the share of changed weights among the n most suspicious ones,
	// where n is the number of changed weights.
	Precision float64 `json:"precision"`
}

// detectors return suspicions by tensor. Tensors that they say nothing about are left out.
var detectors = []struct {
	name  string
	score func(ctx context.Context, l *lab) (map[string][]float64, error)
}{
	{"|z| in the tensor", func(_ context.Context, l *lab) (map[string][]float64, error) {
		return l.scores(deviations), nil
	}},
	{"distance from neighbours", func(_ context.Context, l *lab) (map[string][]float64, error) {
		return l.scores(roughness), nil
	}},
	{"|gradient|", func(ctx context.Context, l *lab) (map[string][]float64, error) {
		return l.gradientScores(ctx, func(_, g float64) float64 { return math.Abs(g) })
	}},
	{"|gradient × weight|", func(ctx context.Context, l *lab) (map[string][]float64, error) {
		return l.gradientScores(ctx, func(w, g float64) float64 { return math.Abs(w * g) })
	}},
	{"silence of the unit", func(ctx context.Context, l *lab) (map[string][]float64, error) { return l.silences(ctx) }},
}

// detect rates the detectors on the locked weights. Where most weights were changed, all
// are suspicious. What is rated then is whether those with another sign than before can be
// told from the others: with the signs an attacker would have half of the model. wrong is
// the number of these, 0 if changed weights are rated. The list is nil if no weight was
// changed.
func (l *lab) detect(ctx context.Context) (list []Detector, wrong int, err error) {
	changed := map[site]bool{}
	changes := l.changes()
	for _, s := range changes {
		changed[s] = true
	}
	if len(changed) == 0 {
		return nil, 0, nil
	}
	if len(changed) > l.count(0.5) {
		clear(changed)
		for _, s := range changes {
			a, _ := l.opt.Original.Array(s.tensor)
			if a.Float32s()[s.index]*l.values(s.tensor)[s.index] < 0 {
				changed[s] = true
			}
		}
		wrong = len(changed)
	}
	for _, d := range detectors {
		scores, err := d.score(ctx, l)
		if err != nil {
			return nil, 0, err
		}
		var all []suspicion
		for _, name := range l.names {
			for i, s := range scores[name] {
				all = append(all, suspicion{s, changed[site{name, i}]})
			}
		}
		if auc, precision, ok := rate(all); ok {
			list = append(list, Detector{d.name, auc, precision})
		}
	}
	return list, wrong, nil
}

// suspicion is the score of a weight with the truth about it.
type suspicion struct {
	score   float64
	changed bool
}

// rate returns the area under the ROC curve and the precision. ok is false if all weights
// are changed ones, or none is.
func rate(all []suspicion) (auc, precision float64, ok bool) {
	slices.SortFunc(all, func(a, b suspicion) int { return cmp.Compare(a.score, b.score) })
	// The area is the mean share of unchanged weights below a changed one; equal
	// scores count half (Mann and Whitney).
	var below, changed, area float64
	for lo := 0; lo < len(all); {
		hi, same := lo, 0.0
		for ; hi < len(all) && cmp.Compare(all[hi].score, all[lo].score) == 0; hi++ {
			if all[hi].changed {
				same++
			}
		}
		others := float64(hi-lo) - same
		area += same * (below + others/2)
		below += others
		changed += same
		lo = hi
	}
	if below == 0 || changed == 0 {
		return 0, 0, false
	}
	hits := 0.0
	for _, s := range all[len(all)-int(changed):] {
		if s.changed {
			hits++
		}
	}
	return area / (below * changed), hits / changed, true
}

// scores applies a rule to the elements of every tensor. row is the length of its last
// axis.
func (l *lab) scores(rule func(x []float32, row int) []float64) map[string][]float64 {
	scores := map[string][]float64{}
	for _, name := range l.names {
		if a, _ := l.weights.Array(name); len(a.Shape) > 0 && a.Len() > 1 {
			scores[name] = rule(a.Float32s(), a.Shape[len(a.Shape)-1])
		}
	}
	return scores
}

// deviations returns how many standard deviations elements are from the mean.
func deviations(x []float32, _ int) []float64 {
	center, deviation := spread(x)
	z := make([]float64, len(x))
	for i, v := range x {
		if deviation > 0 {
			z[i] = math.Abs(float64(v)-center) / deviation
		}
	}
	return z
}

// roughness returns how far elements are from the median of themselves and
// those beside them, in standard deviations of the tensor.
func roughness(x []float32, row int) []float64 {
	_, deviation := spread(x)
	medians := rowMedians(x, row)
	d := make([]float64, len(x))
	for i, v := range x {
		if deviation > 0 {
			d[i] = math.Abs(float64(v-medians[i])) / deviation
		}
	}
	return d
}

// spread returns mean and standard deviation.
func spread(x []float32) (mean, deviation float64) {
	m := newMoments(1)
	for _, v := range x {
		m.take(0, v)
	}
	return m.of(0)
}

func (l *lab) gradientScores(ctx context.Context, score func(w, g float64) float64) (map[string][]float64, error) {
	grads, err := l.gradients(ctx)
	if err != nil {
		return nil, err
	}
	scores := map[string][]float64{}
	for name, g := range grads {
		for i, w := range l.values(name) {
			scores[name] = append(scores[name], score(float64(w), float64(g[i])))
		}
	}
	return scores, nil
}

// silences returns, for each weight of a unit, the share of samples that the unit's output
// is not positive for.
func (l *lab) silences(ctx context.Context) (map[string][]float64, error) {
	layers := l.normalisable()
	if len(layers) == 0 {
		return nil, nil
	}
	inputs, err := l.statisticsInputs(normaliseSamples)
	if err != nil {
		return nil, err
	}
	p, err := l.observe(l.model.Proto().GetGraph().GetNode(), outputsOf(layers), inputs[0])
	if err != nil {
		return nil, err
	}
	m, err := gather(ctx, p, inputs, layers, func(v float32) float32 {
		if v > 0 {
			return 0
		}
		return 1
	})
	if err != nil {
		return nil, err
	}
	scores := map[string][]float64{}
	for k, y := range layers {
		for i := range l.values(y.weight) {
			silence, _ := m[k].of(y.unitOf(i))
			scores[y.weight] = append(scores[y.weight], silence)
		}
	}
	return scores, nil
}
