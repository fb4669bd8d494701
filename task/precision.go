package task

import (
	"cmp"
	"slices"

	"github.com/advparams/advparams/nd"
)

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
			pixels = pixels || y[i] != -1 && v > 1.5
		}
	}
	out := make([][]object, n)
	unit := f.unit()
	for i := range n {
		for k := range rows {
			row := y[(i*rows+k)*width:][:width]
			o := object{class: int(row[0])}
			if row[0] <= -2 {
				o.class, o.crowd = -2-o.class, true
			}
			if o.class < 0 {
				continue
			}
			if width == 5 {
				o.class = d.class(o.class)
			}
			if o.class >= f.classes && f.classOf == nil {
				return nil, &LabelError{Sample: i, Label: float32(o.class)}
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
// at 101 recalls from 0 to 1, the largest at that recall or more (COCO). Crowds are no
// objects to be found, and what lies in one is no mistake.
func averagePrecisions(objects []labelled, list []scored, least float32) float64 {
	byClass := map[int][]labelled{}
	for _, o := range objects {
		byClass[o.class] = append(byClass[o.class], o)
	}
	detections := map[int][]scored{}
	for _, e := range list {
		detections[e.class] = append(detections[e.class], e)
	}
	sum, counted := 0.0, 0
	for class, wanted := range byClass {
		have := detections[class]
		slices.SortStableFunc(have, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
		taken := make([]bool, len(wanted))
		byImage, number := map[int][]int{}, 0
		for k, o := range wanted {
			byImage[o.image] = append(byImage[o.image], k)
			if !o.crowd {
				number++
			}
		}
		if number == 0 {
			continue
		}
		counted++
		var precision, recall []float64
		hits, tried := 0, 0
		for _, e := range have {
			best, overlap, crowded := -1, least, false
			for _, k := range byImage[e.image] {
				o := wanted[k]
				if o.crowd {
					crowded = crowded || e.inside(o.box) >= least
				} else if v := o.overlap(e.box); !taken[k] && v >= overlap {
					best, overlap = k, v
				}
			}
			if best < 0 && crowded {
				continue
			}
			tried++
			if best >= 0 {
				taken[best] = true
				hits++
			}
			precision, recall = append(precision, float64(hits)/float64(tried)), append(recall, float64(hits)/float64(number))
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
	return sum / float64(max(1, counted))
}
