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
}

// at returns the position of the weight from a feature to a class.
func (l *lastLayer) at(class, feature int) int {
	if l.head.Transposed {
		return class*l.width + feature
	}
	return feature*l.classes + class
}

// maxCollapseClasses bounds the number of classes that are tried, most likely first.
const maxCollapseClasses = 32

// preferred is the number of classes that are tried on all samples.
const preferred = 3

// lastAlone returns the shortest list of changes of the last layer that brings the
// accuracy to the target. It returns nil if there is none of at most limit changes. The
// calibration samples tell for which classes it is worth trying.
func (s *search) lastAlone(limit int) []candidate {
	l := s.lastLayer()
	if l == nil {
		return nil
	}
	type attempt struct{ class, changes int }
	var attempts []attempt
	few, most := l.first(s.calibration().n), limit
	for _, class := range l.likely(maxCollapseClasses) {
		if list := s.collapseTo(few, class, most); list != nil {
			attempts = append(attempts, attempt{class, len(list)})
			most = min(most, len(list)+1)
		}
	}
	slices.SortStableFunc(attempts, func(a, b attempt) int { return cmp.Compare(a.changes, b.changes) })
	var shortest []candidate
	for _, a := range attempts[:min(len(attempts), preferred)] {
		if list := s.collapseTo(l, a.class, limit); list != nil {
			shortest, limit = list, len(list)-1
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

// add appends the features of n samples.
func (l *lastLayer) add(x nd.Array, n int) {
	l.width = x.Shape[len(x.Shape)-1]
	if len(x.Shape) == 2 && x.Shape[0] >= n {
		l.features = append(l.features, x.Float32s()[:n*l.width]...)
	}
}

// lastLayer returns the last layer with its present weights; nil if it may not be changed
// or is not linear.
func (s *search) lastLayer() *lastLayer {
	l := s.last
	if l == nil {
		return nil
	}
	if _, allowed := s.bounds[l.head.Weight]; !allowed {
		return nil
	}
	l.weights, _ = s.weights.Array(l.head.Weight)
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

// collapseTo changes weights of one class until the model gives that answer often enough.
// The gap of a sample is the largest other logit minus that of the class. Each step takes
// the change that leaves the least sum of max(0, gap) over the samples that are still
// answered rightly. collapseTo returns nil if limit changes are not enough.
func (s *search) collapseTo(l *lastLayer, class, limit int) []candidate {
	labels := s.samples.Labels()[:l.n]
	gap := make([]float32, l.n)
	fallback := make([]int, l.n) // answers where the gap is positive
	for i := range l.n {
		row := l.logits[i*l.classes : (i+1)*l.classes]
		rival := -1
		for k, z := range row {
			if k != class && (rival < 0 || z > row[rival]) {
				rival = k
			}
		}
		fallback[i], gap[i] = rival, row[rival]-row[class]
	}
	var list []candidate
	used := map[site]bool{}
	for {
		right := l.stillRight(labels, gap, fallback, class)
		if s.atTarget(l, labels, gap, fallback, class) {
			return list
		}
		if len(list) >= limit {
			return nil
		}
		var best stepped
		least, bestFeature := l.hinge(gap, right, -1, 0), -1
		for j := -1; j < l.width; j++ {
			for _, c := range s.ends(l, class, j) {
				if used[c.site] {
					continue
				}
				if h := l.hinge(gap, right, j, c.step); h < least {
					least, best, bestFeature = h, c, j
				}
			}
		}
		if best.step == 0 {
			return nil // no change helps
		}
		used[best.site] = true
		list = append(list, best.candidate)
		for i := range gap {
			gap[i] -= best.step * l.feature(i, bestFeature)
		}
	}
}

// feature returns feature j of a sample. Feature -1 is the constant 1 of the bias.
func (l *lastLayer) feature(sample, j int) float32 {
	if j < 0 {
		return 1
	}
	return l.features[sample*l.width+j]
}

// stepped is a candidate with the difference between its new and its old value.
type stepped struct {
	candidate
	step float32
}

// ends returns changes of one parameter of a class to both ends of its range: the weight
// from feature j, or the bias if j is -1.
func (s *search) ends(l *lastLayer, class, j int) []stepped {
	at := site{l.head.Weight, 0}
	if j < 0 {
		at = site{l.head.Bias, class}
	} else {
		at.index = l.at(class, j)
	}
	r, ok := s.bounds[at.tensor]
	if !ok {
		return nil
	}
	a, _ := s.weights.Array(at.tensor)
	w := a.Float32s()[at.index]
	return []stepped{
		{candidate{site: at, bound: r.high}, r.high.value - w},
		{candidate{site: at, bound: r.low}, r.low.value - w},
	}
}

// stillRight returns the samples of other classes that are answered rightly.
func (l *lastLayer) stillRight(labels []int, gap []float32, fallback []int, class int) []int {
	var right []int
	for i, g := range gap {
		if labels[i] != class && g > 0 && fallback[i] == labels[i] {
			right = append(right, i)
		}
	}
	return right
}

// hinge is the sum of max(0, gap) over samples when feature j's weight moves.
func (l *lastLayer) hinge(gap []float32, samples []int, j int, step float32) float64 {
	sum := 0.0
	for _, i := range samples {
		if g := gap[i] - step*l.feature(i, j); g > 0 {
			sum += float64(g)
		}
	}
	return sum
}

// atTarget reports whether the accuracy that follows from the gaps is at the target: on
// all samples, and on those outside the calibration samples (see confirm).
func (s *search) atTarget(l *lastLayer, labels []int, gap []float32, fallback []int, class int) bool {
	all, held := task.NewCounts(l.classes), task.NewCounts(l.classes)
	for i, g := range gap {
		answer := class
		if g > 0 {
			answer = fallback[i]
		}
		all.Add(answer, labels[i])
		if i >= s.calibration().n {
			held.Add(answer, labels[i])
		}
	}
	return s.useless(all) && (held.N < heldOut || s.useless(held))
}

// useless reports whether answers are at the target.
func (s *search) useless(c *task.Counts) bool {
	return c.Accuracy() <= s.targetFor(c.Classified(task.NewHalves()))
}
