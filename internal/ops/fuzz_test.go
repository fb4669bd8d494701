package ops

import (
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// indexing are the operators that FuzzIndexing builds.
var indexing = join(comparisons, choices, integers, gathers, scatters, searches, masks, cumulative, selections, pads, spatial, resizes, einsums)

// FuzzIndexing builds nodes with arbitrary inputs and attributes. Whatever is wrong
// with them has to be an error and not a panic. Inputs are constants, so that nodes
// that are accepted are also computed.
func FuzzIndexing(f *testing.F) {
	names := slices.Sorted(maps.Keys(indexing))
	for i := range names {
		f.Add([]byte{byte(i), 17, 3, 2, 1, 2, 0, 1, 2, 3, 4, 5, 1, 1, 2, 0, 1})
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		g := genome(data)
		n := testNode{op: names[g.next(len(names))], opset: 7 + g.next(20), attrs: map[string]any{}}
		for range g.next(5) {
			if g.next(8) == 0 {
				n.inputs = append(n.inputs, nil)
			} else {
				n.inputs = append(n.inputs, g.array())
			}
		}
		for range g.next(4) {
			switch name := fuzzedAttrs[g.next(len(fuzzedAttrs))]; name[0] {
			case '#':
				n.attrs[name[1:]] = g.small()
			case '.':
				n.attrs[name[1:]] = float64(g.small()) / 2
			case '*':
				list := make([]int, g.next(5))
				for i := range list {
					list[i] = g.small()
				}
				n.attrs[name[1:]] = list
			default:
				n.attrs[name] = fuzzedStrings[g.next(len(fuzzedStrings))]
			}
		}
		_, _, _ = n.build(NewBuilder(nil))
	})
}

// fuzzedAttrs are names of attributes: # integer, . float, * integers, else text.
var fuzzedAttrs = []string{
	"#axis", "#batch_dims", "#blocksize", "#keepdims", "#select_last_index", "#k", "#largest", "#upper", "#exclusive", "#reverse",
	"#fmod", "#dtype", "#time_axis", "#batch_axis", "#sorted", "#antialias", "#exclude_outside", ".min", ".max", ".value", ".cubic_coeff_a",
	"*pads", "*axes", "mode", "reduction", "equation", "coordinate_transformation_mode", "nearest_mode", "keep_aspect_ratio_policy", "direction",
}

var fuzzedStrings = []string{
	"", "constant", "edge", "reflect", "wrap", "nearest", "linear", "cubic", "DCR", "CRD", "none", "add", "mul", "max", "min", "LEFT", "RIGHT",
	"ij,jk->ik", "ii->i", "...i,...i", "i,j->ij", "ij->", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
	"tf_crop_and_resize", "floor", "ceil", "round_prefer_ceil", "not_larger", "not_smaller",
}

// genome turns bytes into choices.
type genome []byte

// next returns a number in [0, n), 0 when the bytes are used up.
func (g *genome) next(n int) int {
	if len(*g) == 0 {
		return 0
	}
	c := int((*g)[0])
	*g = (*g)[1:]
	return c % n
}

// small returns an integer that is often near 0 and sometimes enormous.
func (g *genome) small() int {
	switch c := g.next(256); {
	case c < 8:
		return math.MaxInt/2 + c
	case c < 16:
		return math.MinInt/2 - c
	default:
		return c%11 - 5
	}
}

// array returns an array of up to three short axes.
func (g *genome) array() nd.Array {
	shape := make([]int, g.next(4))
	for i := range shape {
		shape[i] = g.next(4)
	}
	a := nd.New([]nd.DType{nd.Int64, nd.Float32, nd.Bool}[g.next(3)], shape...)
	switch d := a.Data.(type) {
	case []int64:
		for i := range d {
			d[i] = int64(g.small())
		}
	case []float32:
		for i := range d {
			d[i] = float32(g.small()) / 2
		}
	case []bool:
		for i := range d {
			d[i] = g.next(2) == 1
		}
	}
	return a
}
