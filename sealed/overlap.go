package sealed

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/advparams/advparams/onnxio"
)

// Tensors may lie in external data files wherever they like, in the bytes of others too.
// Bytes that two weights of one kind use are sealed once. Bytes that something uses which
// is not sealed stay in clear.

// An OverlapError says that two parameters use some of the same bytes of an external
// data file in different ways. Such a model is not sealed: whatever the bytes become, they
// are no longer good numbers for both.
type OverlapError struct{ A, B string }

func (e *OverlapError) Error() string {
	return fmt.Sprintf("%q and %q use some of the same bytes in different ways", e.A, e.B)
}

// Hint says what to do.
func (e *OverlapError) Hint() string {
	return "save the model again so that each tensor has bytes of its own"
}

// span is where a parameter lies that stays in clear.
type span struct {
	name     string
	file     int
	from, to int64
}

// unsealed returns where parameters lie that are never sealed.
func unsealed(m *onnxio.Model) (spans []span) {
	for _, p := range m.Parameters() {
		if !p.Trained {
			spans = append(spans, bytesOf(p)...)
		}
	}
	return spans
}

// bytesOf returns where a parameter lies in external data files. In the model file,
// everything has its own bytes.
func bytesOf(p *onnxio.Parameter) (spans []span) {
	if p.Tensor == nil {
		return nil
	}
	for _, r := range p.Tensor.Ranges() {
		if r.File > 0 && r.Count > 0 {
			spans = append(spans, span{p.Name, r.File, r.Offset, r.Offset + (r.Count-1)*int64(r.Stride) + int64(r.Width)})
		}
	}
	return spans
}

// overlapping returns the name of what has bytes of ranges; "" if nothing has.
func overlapping(ranges []onnxio.SealedRange, spans []span) string {
	for _, r := range ranges {
		for _, s := range spans {
			if s.file == r.File && s.from < r.Offset+r.Length && r.Offset < s.to {
				return s.name
			}
		}
	}
	return ""
}

// order sorts the ranges, joins those that overlap, and numbers them.
func (p *Plan) order(files []*onnxio.File) error {
	slices.SortStableFunc(p.Ranges, func(a, b onnxio.SealedRange) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Offset, b.Offset))
	})
	var all []onnxio.SealedRange
	for _, r := range p.Ranges {
		if n := len(all); n > 0 && all[n-1].File == r.File && all[n-1].Offset+all[n-1].Length > r.Offset {
			if err := join(files, &all[n-1], &r); err != nil {
				return err
			}
			continue
		}
		all = append(all, r)
	}
	for i := range all {
		all[i].Tensor.Index = uint64(i)
	}
	p.Ranges = all
	return nil
}

// join makes one range of two that overlap, of which b does not begin before a. Their
// elements have to be of one kind and lie on one grid, and either all signs stay or none.
func join(files []*onnxio.File, a, b *onnxio.SealedRange) error {
	kind := a.Tensor.Kind
	length := max(a.Offset+a.Length, b.Offset+b.Length) - a.Offset
	if a.Varints || b.Varints || kind != b.Tensor.Kind || (b.Offset-a.Offset)%int64(kind.Width()) != 0 {
		return &OverlapError{a.Name, b.Name}
	}
	if a.Offset != b.Offset || a.Length != b.Length {
		signs := keepSigns(kind, files[a.File], a.Offset, length)
		if signs != a.Tensor.KeepSigns || signs != b.Tensor.KeepSigns {
			return &OverlapError{a.Name, b.Name}
		}
	}
	a.Length, a.Tensor.Count = length, length/int64(kind.Width())
	if len(b.Tensor.Exponents) > len(a.Tensor.Exponents) {
		a.Tensor.Exponents = b.Tensor.Exponents
	}
	return nil
}
