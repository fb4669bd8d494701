package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
)

// found reads outputs of one of the forms of Detection.
func (d Detection) found(outputs []nd.Array) (*found, error) {
	var list []nd.Array
	var at []int
	f := &found{values: make([][]float32, len(outputs))}
	for k, y := range outputs {
		if y.DType() != nd.Float32 {
			continue
		}
		f.values[k] = y.Float32s()
		if len(y.Shape) == 3 {
			list, at = append(list, y), append(at, k)
		}
	}
	none := len(list) == 1 && list[0].Shape[1] == 0
	switch {
	case f.triple(outputs):
		none = f.places == 0
	case len(list) == 1:
		f.single(list[0], at[0], masks(outputs))
	case len(list) >= 2:
		for i, y := range list {
			for j, z := range list {
				if f.places == 0 && i != j && y.Shape[2] == 4 && (z.Shape[1] == y.Shape[1] || z.Shape[2] == y.Shape[1]) {
					f.pair(y, z, at[j], d.Background)
				}
			}
		}
	}
	if !none && f.places == 0 || f.classes < 1 {
		e := &DetectorError{}
		for _, y := range outputs {
			e.Shapes = append(e.Shapes, y.Shape)
		}
		return nil, e
	}
	return f, nil
}

// triple reads boxes [N,A,4], labels [N,A] and scores [N,A], and reports whether outputs have
// them. Labels are integers, or whole numbers of which some exceed 1.
func (f *found) triple(outputs []nd.Array) bool {
	boxes, labels, scores := -1, -1, -1
	for k, y := range outputs {
		if y.DType() == nd.Float32 && len(y.Shape) == 3 && y.Shape[2] == 4 && boxes < 0 {
			boxes = k
		}
	}
	if boxes < 0 {
		return false
	}
	shape := outputs[boxes].Shape[:2]
	for k, y := range outputs {
		switch {
		case !slices.Equal(y.Shape, shape):
		case y.DType() == nd.Int64 && labels < 0:
			labels = k
		case y.DType() == nd.Float32 && scores < 0:
			scores = k
		case y.DType() == nd.Float32 && labels < 0: // which of the two has classes?
			if labels = k; shares(y.Float32s()) && !shares(outputs[scores].Float32s()) {
				labels, scores = scores, k
			}
		}
	}
	if labels < 0 || scores < 0 {
		return false
	}
	x, c := f.values[boxes], floats(outputs[labels])
	f.n, f.places, f.corners = shape[0], shape[1], true
	index := func(sample, place int) int { return sample*f.places + place }
	f.coordinate = func(sample, place, k int) float32 { return x[index(sample, place)*4+k] }
	f.part = func(sample, place, _ int) (int, int) { return scores, index(sample, place) }
	f.chosen(func(sample, place int) int { return max(0, int(c[index(sample, place)])) })
	return true
}

// shares reports whether all numbers are between 0 and 1.
func shares(x []float32) bool {
	return !slices.ContainsFunc(x, func(v float32) bool { return !(v >= 0 && v <= 1) })
}

// masks returns the number of channels of an output [N,K,H,W] beside the boxes. Masks of objects are
// sums of these, and the last K numbers of each place say how much there is of each (YOLO-seg): they
// are no scores. 0 means that there is none.
func masks(outputs []nd.Array) int {
	for _, y := range outputs {
		if y.DType() == nd.Float32 && len(y.Shape) == 4 {
			return y.Shape[1]
		}
	}
	return 0
}

// single reads one output with boxes and scores, and with coefficients of so many masks.
func (f *found) single(y nd.Array, at, masks int) {
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
	if masks < f.classes {
		f.classes -= masks
	}
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
func (f *found) pair(boxes, scores nd.Array, at int, background Background) {
	x := boxes.Float32s()
	places := boxes.Shape[1]
	f.n, f.places = boxes.Shape[0], places
	f.coordinate = func(sample, place, k int) float32 { return x[(sample*places+place)*4+k] }
	f.classes = scores.Shape[2]
	f.part = func(sample, place, class int) (int, int) { return at, (sample*places+place)*scores.Shape[2] + class }
	if scores.Shape[1] != places {
		f.classes = scores.Shape[1]
		f.part = func(sample, place, class int) (int, int) { return at, (sample*scores.Shape[1]+class)*places + place }
	}
	f.paired, f.raw = true, !shares(scores.Float32s())
	if background != NoBackground {
		f.exclude(at, background)
	}
	ordered := 0
	for i := range f.n * places {
		if b := x[i*4 : i*4+4]; b[2] >= b[0] && b[3] >= b[1] {
			ordered++
		}
	}
	f.corners = ordered*10 >= f.n*places*9
}

// exclude leaves out the class that stands for no object. Logits become probabilities among
// all classes.
func (f *found) exclude(at int, background Background) {
	part, classes := f.part, f.classes
	if f.raw {
		p := slices.Clone(f.values[at])
		for i := range f.n {
			for a := range f.places {
				f.softmax(p, i, a, part, classes)
			}
		}
		f.values[at], f.raw, f.background = p, false, background
	}
	f.classes--
	if background == FirstBackground {
		f.part = func(sample, place, class int) (int, int) { return part(sample, place, class+1) }
	}
}

// softmax replaces the logits of a place by probabilities.
func (f *found) softmax(p []float32, sample, place int, part func(sample, place, class int) (output, index int), classes int) {
	most, sum := math.Inf(-1), 0.0
	for c := range classes {
		_, k := part(sample, place, c)
		most = max(most, float64(p[k]))
	}
	for c := range classes {
		_, k := part(sample, place, c)
		sum += math.Exp(float64(p[k]) - most)
	}
	for c := range classes {
		_, k := part(sample, place, c)
		p[k] = float32(math.Exp(float64(p[k])-most) / sum)
	}
}
