package sealed

import (
	"math"
	"slices"

	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// largestGain is how much a layer may multiply the mean square of its input by, with
// weights at random.
const largestGain = 1

// dampings finds tensors that would make activations grow, and exponents to exchange
// for theirs when they are sealed (see seal.Tensor). Training keeps activations in range
// by signs, and by small weights where they are large: sealing does away with both. It
// looks at nothing but how many elements have which exponent.
func dampings(m *onnxio.Model, params []*onnxio.Parameter) map[*onnxio.Parameter][]byte {
	variances := map[string]*onnxio.Parameter{} // by the BatchNormalization they belong to
	for _, p := range params {
		for _, u := range p.Uses {
			if u.Operator == "BatchNormalization" && u.Input == 4 {
				variances[u.Node] = p
			}
		}
	}
	all := map[*onnxio.Parameter][]byte{}
	for _, p := range params {
		h := countExponents(m, p)
		if h == nil {
			continue
		}
		gain := float64(p.FanIn) * h.meanSquare()
		for _, u := range p.Uses {
			switch {
			case u.Operator == "BatchNormalization" && u.Input == 1:
				if v := variances[u.Node]; v != nil {
					if hv := countExponents(m, v); hv != nil {
						gain = max(gain, h.meanSquare()*hv.meanInverse())
					}
				}
			case u.Operator == "Mul" && p.FanIn == 0:
				gain = max(gain, h.meanSquare())
			}
		}
		if e := h.damp(gain); e != nil {
			all[p] = e
		}
	}
	return all
}

// exponents counts the elements of a float tensor by exponent field.
type exponents struct {
	count [256]int
	n     int // elements that were counted
	bias  int
	ones  int // the field of infinities
}

// layouts are the floats that are damped: where their exponent is.
var layouts = map[onnxpb.TensorProto_DataType]struct{ mantissa, exponent int }{
	onnxpb.TensorProto_FLOAT:   {23, 8},
	onnxpb.TensorProto_FLOAT16: {10, 5}, onnxpb.TensorProto_BFLOAT16: {7, 8},
}

// countedBlocks is how many blocks of a large tensor are counted, spread over all of it:
// a million elements say enough, and files that are larger than the memory are not read
// once more.
const countedBlocks = 256

// countExponents returns nil for what is no float or not in one piece.
func countExponents(m *onnxio.Model, p *onnxio.Parameter) *exponents {
	if p.Tensor == nil {
		return nil
	}
	l, ok := layouts[p.Tensor.DataType]
	ranges := p.Tensor.Ranges()
	if !ok || len(ranges) != 1 || !ranges[0].Adjacent() {
		return nil
	}
	r, file := ranges[0], m.Files()[ranges[0].File]
	h := &exponents{bias: 1<<(l.exponent-1) - 1, ones: 1<<l.exponent - 1}
	// Only the upper two bytes of an element are needed.
	shift := l.mantissa - 8*(r.Width-2)
	step := max(1, r.Count/seal.BlockLen/countedBlocks) * seal.BlockLen
	for first := int64(0); first < r.Count; first += step {
		n := min(seal.BlockLen, r.Count-first)
		data := file.Bytes(r.Offset+first*int64(r.Width), n*int64(r.Width))
		for at := r.Width - 2; at < len(data); at += r.Width {
			h.count[(int(data[at])|int(data[at+1])<<8)>>shift&h.ones]++
		}
		h.n += int(n)
		file.Release(r.Offset+first*int64(r.Width), min(step, r.Count-first)*int64(r.Width)) // the system maps more than was read
	}
	return h
}

// meanSquare is the mean square of the numbers, for mantissas at random.
func (h *exponents) meanSquare() float64 {
	sum := 0.0
	for e, n := range h.count[:h.ones] {
		if e > 0 && n > 0 {
			sum += float64(n) * math.Ldexp(7.0/3, 2*(e-h.bias))
		}
	}
	return sum / float64(max(1, h.n))
}

// meanInverse is the mean of the inverses, with what batch normalisations add to
// variances at least.
func (h *exponents) meanInverse() float64 {
	sum := 0.0
	for e, n := range h.count[:h.ones] {
		if n > 0 {
			sum += float64(n) / (math.Ldexp(1.5, max(e, 1)-h.bias) + 1e-5)
		}
	}
	return sum / float64(max(1, h.n))
}

// damp returns exponents that bring a gain down to the largest that is wanted, or as
// near to it as can be; nil if there is nothing to be done.
func (h *exponents) damp(gain float64) []byte {
	if !(gain > largestGain) || math.IsInf(gain, 0) {
		return nil
	}
	var best []byte
	size := h.meanSquare()
	want := size * largestGain / gain
	top := h.ones - 1
	for top > 0 && h.count[top] == 0 {
		top--
	}
	for shift := 1; shift < top && size > want; shift++ {
		to := h.lower(top, shift)
		changed := *h
		for e, t := range to {
			changed.count[t] = h.count[e+1]
		}
		if s := changed.meanSquare(); s < size {
			best, size = to, s
		}
	}
	return best
}

// lower returns exponents for 1 to top that are lower by a shift, or nearest to that:
// those of many elements choose first. Small exponents, which cannot be lowered, go
// where only few elements are.
func (h *exponents) lower(top, shift int) []byte {
	order := make([]int, top)
	for i := range order {
		order[i] = i + 1
	}
	slices.SortStableFunc(order, func(a, b int) int { return h.count[b] - h.count[a] })
	taken := make([]bool, top+1)
	to := make([]byte, top)
	for _, e := range order {
		t := max(1, e-shift)
		for t > 1 && taken[t] {
			t--
		}
		for taken[t] || t < 1 {
			t++
		}
		taken[t], to[e-1] = true, byte(t)
	}
	return to
}
