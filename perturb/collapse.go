package perturb

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// The last layer of a classifier can be made to prefer one class for every input. A few
// of that class's weights, those from features that are strong on most samples, move to
// the end of their range. To find them takes the features of all samples, but no gradient
// and no other run of the model.

// lastLayer is the model's last layer with its inputs (features) for all samples.
type lastLayer struct {
	head     gradient.Head
	features []float32 // [n, width]
	logits   []float32 // [n, classes]
	weights  nd.Array
	bias     []float32
	n, width int
	classes  int
	labels   []int     // of tokens; nil where each sample has one
	best     [][2]int  // the classes with the two largest logits, by sample
	spread   []float64 // the logarithms of the sums of exp(logit), of tokens
}

// at returns the position of the weight from a feature to a class.
func (l *lastLayer) at(class, feature int) int {
	if l.head.Transposed {
		return class*l.width + feature
	}
	return feature*l.classes + class
}

// Of the classes with the largest mean logits, hopeful ones are tried: those that a few
// changes bring furthest.
const (
	likeliest = 32
	hopeful   = 8
	probing   = 3 // changes
)

// preferred is the number of classes that are tried on all samples.
const preferred = 3

// lastAlone returns the shortest list of changes of the last layer that brings the
// accuracy to the target. It returns nil if there is none of at most limit changes. The
// calibration samples tell for which classes it is worth trying.
func (s *search) lastAlone(limit int) []candidate {
	l := s.lastLayer(s.last)
	if l == nil {
		return nil
	}
	few := l
	if l.labels == nil {
		few = l.first(s.calibration().n)
	}
	var probes, attempts []*preference
	for _, class := range l.likely(likeliest) {
		p := s.prefer(few, class)
		p.choose(probing)
		probes = append(probes, p)
	}
	slices.SortStableFunc(probes, func(a, b *preference) int { return cmp.Compare(a.rest(stepped{}), b.rest(stepped{})) })
	most := limit
	for _, p := range probes[:min(len(probes), hopeful)] {
		if p = s.prefer(few, p.class); p.greedy(most) {
			attempts, most = append(attempts, p), min(most, len(p.list)+1)
		}
	}
	slices.SortStableFunc(attempts, func(a, b *preference) int { return cmp.Compare(len(a.list), len(b.list)) })
	var classes []int
	var shortest []candidate
	for _, a := range attempts[:min(len(attempts), preferred)] {
		classes = append(classes, a.class)
		if p := s.prefer(l, a.class); p.greedy(limit) {
			shortest, limit = p.candidates(), len(p.list)-1
		}
	}
	for improved := shortest != nil; improved; {
		improved = false
		for _, class := range classes {
			if p := s.prefer(l, class); limit > 0 && p.reaches(limit) {
				shortest, limit, improved = p.candidates(), limit-1, true
			}
		}
	}
	return shortest
}

// first returns the layer with the first n samples only.
func (l *lastLayer) first(n int) *lastLayer {
	few := *l
	few.n = min(n, l.n)
	few.features, few.logits = l.features[:few.n*l.width], l.logits[:few.n*l.classes]
	return &few
}

// add appends the features of some of all samples.
func (l *lastLayer) add(e task.Evaluation, all int) {
	x := e.Outputs[len(e.Outputs)-1]
	l.width = x.Shape[len(x.Shape)-1]
	switch {
	case len(x.Shape) == 2 && len(e.Truth.Shape) == 1 && x.Shape[0] >= e.N:
		l.features = append(l.features, x.Float32s()[:e.N*l.width]...)
	case len(x.Shape) == 3:
		l.addTokens(e, all)
	}
}

// lastLayer completes a layer with its weights and logits; nil if it may not be changed or
// there is none.
func (s *search) lastLayer(l *lastLayer) *lastLayer {
	if l == nil {
		return nil
	}
	if _, allowed := s.bounds[l.head.Weight]; !allowed {
		return nil
	}
	l.weights, _ = s.weights.Array(l.head.Weight)
	if l.labels != nil {
		return l.tokens()
	}
	l.classes = l.weights.Len() / l.width
	if l.classes < 2 {
		return nil
	}
	l.bias = make([]float32, l.classes)
	if b, ok := s.weights.Array(l.head.Bias); ok && b.Len() == l.classes {
		copy(l.bias, b.Float32s())
	}
	l.logits = make([]float32, l.n*l.classes)
	w := l.weights.Float32s()
	for i := range l.n {
		for c := range l.classes {
			z := l.bias[c]
			for j, f := range l.features[i*l.width : (i+1)*l.width] {
				z += f * w[l.at(c, j)]
			}
			l.logits[i*l.classes+c] = z
		}
	}
	return l
}

// likely returns the k classes with the largest mean logit.
func (l *lastLayer) likely(k int) []int {
	sum := make([]float64, l.classes)
	order := make([]int, l.classes)
	for i, z := range l.logits {
		sum[i%l.classes] += float64(z)
	}
	for c := range order {
		order[c] = c
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sum[b], sum[a]) })
	return order[:min(k, l.classes)]
}
