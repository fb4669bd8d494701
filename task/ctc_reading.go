package task

import (
	"math"
	"slices"
)

// reading is what a model reads of a sample, step by step: the likeliest character, and by how
// much the blank is likelier.
type reading struct {
	characters []int32
	margins    []float32
	others     [][mostWithout]said // the next likeliest characters
}

// said is a character of a step, and by how much the blank is likelier; the character is -1 where
// there is no other.
type said struct {
	character int32
	margin    float32
}

func (s *steps) reading(sample int) reading {
	var r reading
	row := make([]float32, s.classes)
	for k := sample * s.t; k < (sample+1)*s.t; k++ {
		class, margin := s.character(k)
		r.characters, r.margins = append(r.characters, int32(class)), append(r.margins, margin)
		copy(row, s.row(k))
		row[s.blank] = float32(math.Inf(-1))
		var next [mostWithout]said
		best := rankedOf(row, s.blank).best
		for i, c := range best[1:] {
			next[i] = said{c, 0}
			if c >= 0 {
				next[i].margin = s.row(k)[s.blank] - row[c]
			}
		}
		r.others = append(r.others, next)
	}
	return r
}

// without returns the reading with some characters left out.
func (r reading) without(characters []int) reading {
	out := reading{slices.Clone(r.characters), slices.Clone(r.margins), nil}
	left := func(c int32) bool { return !slices.Contains(characters, int(c)) }
	for k, c := range r.characters {
		if left(c) {
			continue
		}
		out.characters[k], out.margins[k] = -1, float32(math.Inf(1)) // the blank
		if i := slices.IndexFunc(r.others[k][:], func(s said) bool { return left(s.character) }); i >= 0 && r.others[k][i].character >= 0 {
			out.characters[k], out.margins[k] = r.others[k][i].character, r.others[k][i].margin
		}
	}
	return out
}

// text returns the text with the blank lowered by a shift. Of equals the blank wins if its
// class is lower, which does not matter.
func (r reading) text(shift float32) (text []int) {
	last := int32(-1)
	for k, class := range r.characters {
		if !(r.margins[k] < shift) {
			last = -1
			continue
		}
		if class != last {
			text = append(text, int(class))
		}
		last = class
	}
	return text
}
