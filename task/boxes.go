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

// object is what the truth says of a sample, detection what a model finds.
type object struct {
	class int
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
}

// found reads outputs of one of the forms of Detection.
func (Detection) found(outputs []nd.Array) (*found, error) {
	var list []nd.Array
	var at []int
	for k, y := range outputs {
		if y.DType() == nd.Float32 && len(y.Shape) == 3 {
			list, at = append(list, y), append(at, k)
		}
	}
	f := &found{values: make([][]float32, len(outputs))}
	for k, y := range outputs {
		if y.DType() == nd.Float32 {
			f.values[k] = y.Float32s()
		}
	}
	switch {
	case len(list) == 1:
		f.single(list[0], at[0])
	case len(list) >= 2:
		for i, y := range list {
			for j, z := range list {
				if f.places == 0 && i != j && y.Shape[2] == 4 && (z.Shape[1] == y.Shape[1] || z.Shape[2] == y.Shape[1]) {
					f.pair(y, z, at[j])
				}
			}
		}
	}
	if none := len(list) == 1 && list[0].Shape[1] == 0; !none && f.places == 0 || f.classes < 1 {
		e := &DetectorError{}
		for _, y := range outputs {
			e.Shapes = append(e.Shapes, y.Shape)
		}
		return nil, e
	}
	return f, nil
}

// single reads one output with boxes and scores.
func (f *found) single(y nd.Array, at int) {
	x := y.Float32s()
	f.n = y.Shape[0]
	first := y.Shape[1] < y.Shape[2] // channels come first
	if y.Shape[2] == 6 && suppressed(x, false, f.n, y.Shape[1]) || y.Shape[2] == 7 && endToEnd(x, f.n*y.Shape[1]) {
		first = false
	}
	channels, places := y.Shape[2], y.Shape[1]
	if first {
		channels, places = y.Shape[1], y.Shape[2]
	}
	index := func(sample, place, c int) int {
		if first {
			return (sample*channels+c)*places + place
		}
		return (sample*places+place)*channels + c
	}
	f.coordinate = func(sample, place, k int) float32 { return x[index(sample, place, k)] }
	f.places = places
	if channels == 7 && !first && endToEnd(x, f.n*places) {
		f.corners = true
		f.coordinate = func(sample, place, k int) float32 { return x[index(sample, place, k+1)] }
		f.chosen(func(sample, place int) int { return int(x[index(sample, place, 5)]) })
		f.part = func(sample, place, _ int) (int, int) { return at, index(sample, place, 6) }
		return
	}
	if channels == 6 && suppressed(x, first, f.n, places) {
		f.corners = true
		f.chosen(func(sample, place int) int { return int(x[index(sample, place, 5)]) })
		f.part = func(sample, place, _ int) (int, int) { return at, index(sample, place, 4) }
		return
	}
	skip := 4
	if !first {
		skip = 5
		f.object = func(sample, place int) (int, int) { return at, index(sample, place, 4) }
	}
	f.classes = channels - skip
	f.part = func(sample, place, class int) (int, int) { return at, index(sample, place, skip+class) }
}

// chosen says that each place has one class, and counts the classes.
func (f *found) chosen(classOf func(sample, place int) int) {
	f.classOf, f.classes = classOf, 1
	for i := range f.n {
		for p := range f.places {
			f.classes = max(f.classes, classOf(i, p)+1)
		}
	}
}

// endToEnd reports whether the first and the sixth of seven columns have whole numbers, of
// images and classes, and the last has scores between 0 and 1.
func endToEnd(x []float32, rows int) bool {
	natural := func(v float32) bool { return v >= 0 && v < 1e5 && v == float32(math.Trunc(float64(v))) }
	for i := range rows {
		row := x[i*7 : i*7+7]
		if !natural(row[0]) || !natural(row[5]) || !(row[6] >= 0 && row[6] <= 1) {
			return false
		}
	}
	return true
}

// suppressed reports whether the last of six columns has classes: whole numbers that are
// not negative, of which one at least is not 0 or all scores lie between 0 and 1.
func suppressed(x []float32, first bool, n, places int) bool {
	for i := range n * places {
		k := i*6 + 5
		if first {
			k = (i/places*6+5)*places + i%places
		}
		if v := x[k]; v < 0 || v != float32(math.Trunc(float64(v))) || v > 1e5 {
			return false
		}
	}
	return true
}

// pair reads boxes [N,A,4] and scores [N,A,C] or [N,C,A].
func (f *found) pair(boxes, scores nd.Array, at int) {
	x, s := boxes.Float32s(), scores.Float32s()
	places := boxes.Shape[1]
	f.n, f.places = boxes.Shape[0], places
	f.coordinate = func(sample, place, k int) float32 { return x[(sample*places+place)*4+k] }
	f.classes = scores.Shape[2]
	f.part = func(sample, place, class int) (int, int) { return at, (sample*places+place)*scores.Shape[2] + class }
	if scores.Shape[1] != places {
		f.classes = scores.Shape[1]
		f.part = func(sample, place, class int) (int, int) { return at, (sample*scores.Shape[1]+class)*places + place }
	}
	for _, v := range s {
		f.raw = f.raw || v < 0 || v > 1
	}
	ordered := 0
	for i := range f.n * places {
		if b := x[i*4 : i*4+4]; b[2] >= b[0] && b[3] >= b[1] {
			ordered++
		}
	}
	f.corners = ordered*10 >= f.n*places*9
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
		for class := range f.classes {
			if f.classOf != nil {
				class = f.classOf(sample, a)
			}
			if s := f.probability(sample, a, class); s >= least {
				list = append(list, detection{class, s, b})
			}
			if f.classOf != nil {
				break
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

// objects returns the objects of each sample, in the units of the outputs.
func (d Detection) objects(truth nd.Array, f *found) ([][]object, error) {
	if truth.Data == nil {
		return nil, ErrNoLabels
	}
	if len(truth.Shape) != 3 || truth.Shape[2] != 5 && truth.Shape[2] != 6 || truth.Shape[0] > f.n {
		return nil, &ShapeError{Labels: truth.Shape, Output: []int{f.n, f.places, f.classes}}
	}
	y, width := floats(truth), truth.Shape[2]
	n, rows := truth.Shape[0], truth.Shape[1]
	pixels := false
	for i := 0; i < len(y); i += width {
		for _, v := range y[i+1 : i+5] {
			pixels = pixels || y[i] >= 0 && v > 1.5
		}
	}
	out := make([][]object, n)
	unit := f.unit()
	for i := range n {
		for k := range rows {
			row := y[(i*rows+k)*width:][:width]
			if row[0] < 0 {
				continue
			}
			o := object{class: int(row[0])}
			if o.class >= f.classes && f.classOf == nil {
				return nil, &LabelError{Sample: i, Label: row[0]}
			}
			switch w, h := float32(d.Width), float32(d.Height); {
			case width == 6:
				o.box = box{row[1], row[2], row[3], row[4]}
			case pixels:
				o.box = box{row[1], row[2], row[1] + row[3], row[2] + row[4]}
				if unit && w > 0 && h > 0 {
					o.box = box{o.x1 / w, o.y1 / h, o.x2 / w, o.y2 / h}
				}
			default:
				o.box = box{row[1] - row[3]/2, row[2] - row[4]/2, row[1] + row[3]/2, row[2] + row[4]/2}
				if !unit && w > 0 && h > 0 {
					o.box = box{o.x1 * w, o.y1 * h, o.x2 * w, o.y2 * h}
				}
			}
			out[i] = append(out[i], o)
		}
	}
	return out, nil
}

// unit reports whether coordinates are shares of the image, and not pixels.
func (f *found) unit() bool {
	for i := range f.n {
		for a := range f.places {
			if f.coordinate(i, a, 2) > 2 || f.coordinate(i, a, 0) > 2 {
				return false
			}
		}
	}
	return true
}

// averagePrecisions returns the mean over the classes of the average precision: precision
// at 101 recalls from 0 to 1, the largest at that recall or more (COCO).
func averagePrecisions(objects []labelled, list []scored, least float32) float64 {
	byClass := map[int][]labelled{}
	for _, o := range objects {
		byClass[o.class] = append(byClass[o.class], o)
	}
	detections := map[int][]scored{}
	for _, e := range list {
		detections[e.class] = append(detections[e.class], e)
	}
	sum := 0.0
	for class, wanted := range byClass {
		have := detections[class]
		slices.SortStableFunc(have, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
		taken := make([]bool, len(wanted))
		byImage := map[int][]int{}
		for k, o := range wanted {
			byImage[o.image] = append(byImage[o.image], k)
		}
		var precision, recall []float64
		hits := 0
		for i, e := range have {
			best, overlap := -1, least
			for _, k := range byImage[e.image] {
				if v := wanted[k].overlap(e.box); !taken[k] && v >= overlap {
					best, overlap = k, v
				}
			}
			if best >= 0 {
				taken[best] = true
				hits++
			}
			precision, recall = append(precision, float64(hits)/float64(i+1)), append(recall, float64(hits)/float64(len(wanted)))
		}
		for i := len(precision) - 2; i >= 0; i-- {
			precision[i] = max(precision[i], precision[i+1])
		}
		area := 0.0
		for k := range 101 {
			if i, _ := slices.BinarySearch(recall, float64(k)/100-1e-9); i < len(precision) {
				area += precision[i]
			}
		}
		sum += area / 101
	}
	return sum / float64(max(1, len(byClass)))
}
