package task

import (
	"cmp"
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// box is a rectangle, in any unit.
type box struct{ x1, y1, x2, y2 float32 }

// overlap returns the area that two boxes share, as a share of what they cover together.
func (a box) overlap(b box) float32 {
	w := min(a.x2, b.x2) - max(a.x1, b.x1)
	h := min(a.y2, b.y2) - max(a.y1, b.y1)
	if !(w > 0 && h > 0) {
		return 0
	}
	both := w * h
	return both / (a.area() + b.area() - both)
}

func (a box) area() float32 { return (a.x2 - a.x1) * (a.y2 - a.y1) }

// inside returns the share of a box that lies in another.
func (a box) inside(b box) float32 {
	w := min(a.x2, b.x2) - max(a.x1, b.x1)
	h := min(a.y2, b.y2) - max(a.y1, b.y1)
	if !(w > 0 && h > 0) {
		return 0
	}
	return w * h / a.area()
}

// object is what the truth says of a sample, detection what a model finds.
type object struct {
	class int
	crowd bool // several objects, of which nobody knows how many
	box
}

type detection struct {
	class int
	score float32
	box
}

// found is the outputs of a detector for n samples.
type found struct {
	n, places, classes int
	raw                bool // scores are logits, not between 0 and 1
	coordinate         func(sample, place, k int) float32
	corners            bool // coordinates are corners, not centre and size
	part               func(sample, place, class int) (output, index int)
	values             [][]float32
	object             func(sample, place int) (output, index int) // nil without
	classOf            func(sample, place int) int                 // nil if each place has a score for every class
	paired             bool                                        // boxes and scores are outputs of their own
	background         Background                                  // scores have passed a Softmax over classes and this
}

// boxes returns the boxes of all places of a sample.
func (f *found) boxes(sample int) []box {
	out := make([]box, f.places)
	for a := range out {
		p, q := f.coordinate(sample, a, 0), f.coordinate(sample, a, 1)
		r, s := f.coordinate(sample, a, 2), f.coordinate(sample, a, 3)
		if f.corners {
			out[a] = box{p, q, r, s}
		} else {
			out[a] = box{p - r/2, q - s/2, p + r/2, q + s/2}
		}
	}
	return out
}

// classesAt returns the range of classes for which a place has a score: all, or its own.
func (f *found) classesAt(sample, place int) (first, end int) {
	if f.classOf == nil {
		return 0, f.classes
	}
	first = f.classOf(sample, place)
	return first, first + 1
}

// score returns a score, between 0 and 1 unless scores are logits.
func (f *found) score(sample, place, class int) float32 {
	output, i := f.part(sample, place, class)
	s := f.values[output][i]
	if f.object != nil {
		output, i := f.object(sample, place)
		s *= f.values[output][i]
	}
	return s
}

// probability returns a score between 0 and 1.
func (f *found) probability(sample, place, class int) float32 {
	s := f.score(sample, place, class)
	if f.raw {
		return float32(1 / (1 + math.Exp(-float64(s))))
	}
	return s
}

const nearEnds = 1e-4 // of probabilities to 0 and 1

func (f *found) logit(sample, place, class int) float64 {
	s := float64(f.score(sample, place, class))
	if f.raw {
		return s
	}
	s = min(max(s, 0), 1)
	return math.Log(s+nearEnds) - math.Log(1-s+nearEnds)
}

// addSeed adds a gradient by the logit of a score.
func (f *found) addSeed(seeds []nd.Array, sample, place, class int, g float64) {
	slope := 1.0
	if !f.raw {
		s := min(max(float64(f.score(sample, place, class)), 0), 1)
		slope = 1/(s+nearEnds) + 1/(1-s+nearEnds)
	}
	output, i := f.part(sample, place, class)
	if f.background != NoBackground { // ∂p/∂z = p (δ - p) for each logit z of the place
		p, first := f.values[output], 0
		if f.background == FirstBackground {
			first = -1
		}
		for c := range f.classes + 1 {
			_, k := f.part(sample, place, first+c)
			own := float32(0)
			if k == i {
				own = 1
			}
			seeds[output].Float32s()[k] += float32(g*slope) * p[i] * (own - p[k])
		}
		return
	}
	if f.object == nil {
		seeds[output].Float32s()[i] += float32(g * slope)
		return
	}
	other, k := f.object(sample, place)
	seeds[output].Float32s()[i] += float32(g*slope) * f.values[other][k]
	seeds[other].Float32s()[k] += float32(g*slope) * f.values[output][i]
}

// detections returns what is found in a sample with at least some score, the largest
// first, without duplicates: of boxes of a class that overlap much, the best counts.
func (f *found) detections(sample int, least float32) []detection {
	var list []detection
	boxes := f.boxes(sample)
	for a, b := range boxes {
		finite := b.x1-b.x1 == 0 && b.y1-b.y1 == 0 && b.x2-b.x2 == 0 && b.y2-b.y2 == 0
		if !finite {
			continue
		}
		for class, end := f.classesAt(sample, a); class < end; class++ {
			if s := f.probability(sample, a, class); s >= least {
				list = append(list, detection{class, s, b})
			}
		}
	}
	slices.SortStableFunc(list, func(a, b detection) int { return cmp.Compare(b.score, a.score) })
	list = list[:min(len(list), maxPlaces)]
	var kept []detection
	for _, d := range list {
		again := slices.ContainsFunc(kept, func(k detection) bool { return k.class == d.class && k.overlap(d.box) > duplicate })
		if !again {
			kept = append(kept, d)
		}
		if len(kept) == maxFound {
			break
		}
	}
	return kept
}
