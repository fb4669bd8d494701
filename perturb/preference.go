package perturb

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/task"
)

// preference is the last layer with changes that make it prefer one class. The gap of a
// sample is the largest other logit minus that of the class: where it is not positive, the
// class is the answer.
type preference struct {
	search *search
	layer  *lastLayer
	class  int
	labels []int
	rival  []int       // the answers where the gap is positive
	gap    []float32   // with the changes of list
	right  []int       // samples of other classes whose rival is the label
	column [][]float32 // features of these, by feature
	moves  []stepped   // all that there are
	list   []stepped
}

// stepped is a candidate with the difference between its new and its old value.
type stepped struct {
	candidate
	feature int // whose weight it is; -1 for the bias
	step    float32
}

// prefer returns the layer without any change.
func (s *search) prefer(l *lastLayer, class int) *preference {
	p := &preference{search: s, layer: l, class: class, labels: l.labels, gap: make([]float32, l.n), rival: make([]int, l.n)}
	if p.labels == nil {
		p.labels = s.samples.Labels()[:l.n]
	}
	for i := range l.n {
		row := l.logits[i*l.classes : (i+1)*l.classes]
		rival := l.rival(i, class)
		p.rival[i], p.gap[i] = rival, row[rival]-row[class]
		if rival == p.labels[i] {
			p.right = append(p.right, i)
		}
	}
	all := make([]float32, l.width*len(p.right))
	for j := -1; j < l.width; j++ {
		p.moves = append(p.moves, s.ends(l, class, j)...)
		if j < 0 {
			continue
		}
		column := all[j*len(p.right) : (j+1)*len(p.right)]
		for k, i := range p.right {
			column[k] = l.feature(i, j)
		}
		p.column = append(p.column, column)
	}
	return p
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
		{candidate{site: at, bound: r.high}, j, r.high.value - w},
		{candidate{site: at, bound: r.low}, j, r.low.value - w},
	}
}

// greedy adds one change after the other until the accuracy is at the target. It reports
// whether limit changes are enough.
func (p *preference) greedy(limit int) bool {
	for !p.atTarget() {
		if len(p.list) >= limit || !p.add() {
			return false
		}
	}
	return true
}

// reaches chooses k changes, exchanges them as long as that lowers rest, and reports
// whether the accuracy is at the target.
func (p *preference) reaches(k int) bool {
	p.choose(k)
	p.exchange()
	return p.atTarget()
}

// choose adds k changes, or as many as lower rest.
func (p *preference) choose(k int) {
	for range k {
		if !p.add() {
			return
		}
	}
}

// add adds the change that leaves the least rest. It reports whether there is one.
func (p *preference) add() bool {
	best, least := -1, p.rest(stepped{})
	for _, i := range p.hopeful() {
		if r := p.rest(p.moves[i]); r < least {
			least, best = r, i
		}
	}
	if best >= 0 {
		p.move(p.moves[best], 1)
		p.list = append(p.list, p.moves[best])
	}
	return best >= 0
}

// Of the moves of a wide layer, those are compared on all samples which leave the least on a part
// of them: on every eighth of many samples.
const (
	shortlistedMoves = 24
	partly           = 8
	manyRight        = 64 * partly
)

// hopeful returns the moves that are worth trying on all samples, by index.
func (p *preference) hopeful() (list []int) {
	for i, m := range p.moves {
		if !p.used(m.site) {
			list = append(list, i)
		}
	}
	if len(p.right) < manyRight || len(list) <= shortlistedMoves {
		return list
	}
	rest := make([]float64, len(p.moves))
	for _, i := range list {
		rest[i] = p.restOf(p.moves[i], partly)
	}
	slices.SortStableFunc(list, func(i, j int) int { return cmp.Compare(rest[i], rest[j]) })
	return list[:shortlistedMoves]
}

// exchange replaces changes, one at a time, for as long as that lowers rest. What does not is taken
// back: where add looks at a part of the samples first, it may miss the change that was there, and
// worse ones in its place would lead round in a circle.
func (p *preference) exchange() {
	lowest := p.rest(stepped{})
	for failed := 0; failed < len(p.list); {
		old := p.list[0]
		p.move(old, -1)
		p.list = p.list[1:]
		if p.add() {
			if rest := p.rest(stepped{}); rest < lowest-rounding*float64(len(p.right)) {
				lowest, failed = rest, 0
				continue
			}
			last := len(p.list) - 1
			p.move(p.list[last], -1)
			p.list = p.list[:last]
		}
		p.move(old, 1)
		p.list = append(p.list, old)
		failed++
	}
}

// rounding is what rest may differ by for a sample that changes were made for and taken back.
const rounding = 1e-5

// move makes a change, or undoes it if sign is -1.
func (p *preference) move(m stepped, sign float32) {
	for i := range p.gap {
		p.gap[i] -= sign * m.step * p.layer.feature(i, m.feature)
	}
}

func (p *preference) used(at site) bool {
	for _, m := range p.list {
		if m.site == at {
			return true
		}
	}
	return false
}

// sharpness is the number of times that rest is steeper than the search's objective: which
// features are strong on a sample is known exactly.
const sharpness = 8

// rest is the soft number of samples of other classes that are answered rightly after
// another change: that of positive gaps, with slopes on both sides.
func (p *preference) rest(m stepped) float64 { return p.restOf(m, 1) }

// restOf is rest for every stride-th of these samples.
func (p *preference) restOf(m stepped, stride int) float64 {
	tau := float32(p.search.tau / sharpness)
	sum := float32(0)
	soft := func(g float32) float32 { return g / (max(g, -g) + tau) }
	if m.feature < 0 || m.step == 0 {
		for k := 0; k < len(p.right); k += stride {
			sum += soft(p.gap[p.right[k]] - m.step)
		}
		return float64(sum)
	}
	column := p.column[m.feature]
	for k := 0; k < len(p.right); k += stride {
		sum += soft(p.gap[p.right[k]] - m.step*column[k])
	}
	return float64(sum)
}

// feature returns feature j of a sample. Feature -1 is the constant 1 of the bias.
func (l *lastLayer) feature(sample, j int) float32 {
	if j < 0 {
		return 1
	}
	return l.features[sample*l.width+j]
}

// candidates returns the changes.
func (p *preference) candidates() (list []candidate) {
	for _, m := range p.list {
		list = append(list, m.candidate)
	}
	return list
}

// atTarget reports whether the accuracy that follows from the gaps is at the target: on
// all samples, and on those outside the calibration samples (see confirm).
func (p *preference) atTarget() bool {
	if p.layer.labels != nil {
		return p.tokensAtTarget()
	}
	all, held := task.NewCounts(p.layer.classes), task.NewCounts(p.layer.classes)
	for i, g := range p.gap {
		answer := p.class
		if g > 0 {
			answer = p.rival[i]
		}
		all.Add(answer, p.labels[i])
		if i >= p.search.calibration().n {
			held.Add(answer, p.labels[i])
		}
	}
	return p.search.useless(all) && (held.N < p.search.heldOut() || p.search.useless(held))
}

// useless reports whether answers are at the target.
func (s *search) useless(c *task.Counts) bool {
	return c.Accuracy() <= s.targetFor(c.Classified(task.NewHalves()))
}
