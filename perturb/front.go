package perturb

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
)

// divide decides which tensors are shuffled, and how many pairs of the others
// are exchanged. Vectors are left alone: they are short, and a few of their
// elements moved are easily found.
func (h *hardening) divide(budget, spread float64) {
	total := budget * float64(h.weights.Len())
	order := h.front()
	front := int(total * (1 - spread))
	shuffled := map[string]bool{}
	quota := map[string]int{}
	for _, name := range order {
		size := h.size(name)
		if size > front {
			quota[name] = front / 2
			break
		}
		h.whole = append(h.whole, name)
		shuffled[name] = true
		front -= size
	}
	var roots float64
	for _, name := range order {
		if !shuffled[name] {
			roots += math.Sqrt(float64(h.size(name)))
		}
	}
	pairs := spread * total / 2
	for _, name := range order {
		if size := h.size(name); !shuffled[name] {
			n := int(pairs * math.Sqrt(float64(size)) / roots)
			quota[name] = min(quota[name]+min(n, size/8), size/2)
		}
	}
	h.quota = quota
}

// front returns the tensors of layers, in the order in which the graph first
// uses them; tables that rows are looked up in, and what is used in nested
// graphs only, come last.
func (h *hardening) front() []string {
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

func (h *hardening) size(name string) int {
	a, _ := h.weights.Array(name)
	return a.Len()
}

// shuffle gives every element of the tensors in h.whole the value of another.
//
// Which one must not be known to those who know this program. The random numbers
// come from a digest of the original weights: their order is what the shuffle
// hides.
func (h *hardening) shuffle() {
	digest := sha256.New()
	for _, name := range h.weights.Names() {
		a, _ := h.weights.Array(name)
		binary.Write(digest, binary.LittleEndian, a.Float32s())
	}
	rng := rand.New(rand.NewChaCha8([sha256.Size]byte(digest.Sum(nil))))
	for _, name := range h.whole {
		a, _ := h.weights.Array(name)
		w, init := a.Float32s(), h.model.Lookup(name)
		from := make([]int, len(w)) // where the value of an element comes from
		for i := range from {
			from[i] = i
		}
		for i := len(from) - 1; i > 0; i-- { // Sattolo: a single cycle, so that none stays
			j := rng.IntN(i)
			from[i], from[j] = from[j], from[i]
		}
		original := slices.Clone(w)
		for i, j := range from {
			w[i] = original[j]
			h.changed[site{name, i}] = true
			if old, bits := init.Bits(i), init.Bits(j); old != bits {
				h.result.Changes = append(h.result.Changes, Change{name, i, old, bits})
			}
		}
	}
}
