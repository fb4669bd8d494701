package perturb

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// mirror returns the value that elements of a tensor are reflected about. It is zero, so
// that a reflection changes the sign, unless all elements lie on one side of zero, as
// those of unsigned types do. Then it is the middle of their range.
func (b bounds) mirror() float32 {
	if b.low.value < 0 && b.high.value > 0 {
		return 0
	}
	return b.low.value/2 + b.high.value/2
}

// shrink scales the distance from the middle for elements whose mirror image would lie
// outside the range. It keeps them off the very end, where another element lies already.
const shrink = 0.97

// reflected returns an element's mirror image. If that lies outside the tensor's range,
// its distance from the middle is scaled by the ratio of the two sides of the range, and
// by shrink. ok is false if the element would not change.
func (h *hardening) reflected(name string, i int) (bits uint64, value float32, ok bool) {
	a, _ := h.weights.Array(name)
	init, r := h.model.Weight(name), h.bounds[name]
	middle, w := r.mirror(), a.Float32s()[i]
	to := 2*middle - w
	if to < r.low.value {
		to = middle - (w-middle)*shrink*(middle-r.low.value)/(r.high.value-middle)
	} else if to > r.high.value {
		to = middle + (middle-w)*shrink*(r.high.value-middle)/(middle-r.low.value)
	}
	bits, err := init.Encode(to)
	value = init.Decode(bits)
	return bits, value, err == nil && finite(value) && value >= r.low.value && value <= r.high.value && value != w
}

// reflect replaces an element by its mirror image.
func (h *hardening) reflect(name string, i int) {
	bits, value, _ := h.reflected(name, i)
	a, _ := h.weights.Array(name)
	a.Float32s()[i] = value
	h.done[name][i] = true
	h.result.Changes = append(h.result.Changes, Change{name, i, h.model.Weight(name).Bits(i), bits})
}

// reflectable returns the elements of a tensor that have a mirror image and have not been
// changed, those farthest from the mirror first.
func (h *hardening) reflectable(name string) []int {
	a, _ := h.weights.Array(name)
	w, middle := a.Float32s(), h.bounds[name].mirror()
	var list []int
	for i := range w {
		if _, _, ok := h.reflected(name, i); ok && !h.done[name][i] {
			list = append(list, i)
		}
	}
	far := func(i int) float64 { return math.Abs(float64(w[i]) - float64(middle)) }
	slices.SortStableFunc(list, func(i, j int) int { return cmp.Compare(far(j), far(i)) })
	return list
}

// doubt is the number of weights for each reflected one, in a layer that the budget is
// not enough for. With more of them, the locked value is a better guess at the original;
// with fewer, every large weight is suspicious.
const doubt = 4

// front reflects n weights of the first layers: every second weight of the layers that n
// is enough for, and some of the largest weights of the next layer.
//
// Somebody who knows this program must not be able to tell which ones. The random numbers
// are therefore seeded with a digest of the original weights, whose signs are the secret.
func (h *hardening) front(n int) {
	rng := h.random()
	for _, name := range h.layers() {
		list := h.reflectable(name)
		count := len(list) / 2
		if count > n {
			count, list = n, list[:min(doubt*n, len(list))]
		} else {
			h.quota[name] = 0 // half of it is changed already
		}
		rng.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		list = list[:count]
		slices.Sort(list)
		for _, i := range list {
			h.reflect(name, i)
		}
		if n -= count; n <= 0 {
			return
		}
	}
}

// random returns random numbers that depend on the original weights.
func (h *hardening) random() *rand.Rand {
	digest := sha256.New()
	for _, name := range h.weights.Names() {
		a, _ := h.weights.Array(name)
		binary.Write(digest, binary.LittleEndian, a.Float32s())
	}
	return rand.New(rand.NewChaCha8([sha256.Size]byte(digest.Sum(nil))))
}

// layers returns the weights of layers in the order in which the graph first uses them.
// Embedding tables, and weights that only nested graphs use, come last. Vectors are left
// out: they are short, so that a few changed elements are easily found.
func (h *hardening) layers() []string {
	var order, last []string
	seen := map[string]bool{}
	take := func(list *[]string, name string) {
		if _, ok := h.bounds[name]; ok && !seen[name] {
			if a, _ := h.weights.Array(name); len(a.Shape) > 1 {
				*list = append(*list, name)
				seen[name] = true
			}
		}
	}
	for _, n := range h.model.Proto().GetGraph().GetNode() {
		for i, in := range n.GetInput() {
			if n.GetOpType() == "Gather" && i == 0 {
				take(&last, in)
			} else {
				take(&order, in)
			}
		}
	}
	for _, name := range h.weights.Names() {
		take(&last, name)
	}
	return append(order, last...)
}
