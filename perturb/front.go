package perturb

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/advparams/advparams/internal/swaps"
)

// part is a tensor that is shuffled, or a random part of one.
type part struct {
	tensor string
	count  int // elements
}

// divide decides which tensors are shuffled, and how many pairs of the others
// are exchanged. Vectors are left alone: they are short, and a few of their
// elements moved are easily found.
func (h *hardening) divide(budget, spread float64) {
	total := budget * float64(h.weights.Len())
	order := h.front()
	pairs := min(spread*total/2, float64(len(order)*hardenedRounds*swaps.Most/2)) // with room for choice
	front := int(total - 2*pairs)
	if spread == 1 {
		front = 0
	}
	shuffled := map[string]bool{}
	quota := map[string]int{}
	for _, name := range order {
		size := h.size(name)
		if size > front {
			if quota[name] = front / 2; quota[name] > hardenedRounds*swaps.Most { // more than can be chosen
				h.parts, quota[name] = append(h.parts, part{name, front}), 0
			}
			break
		}
		h.parts = append(h.parts, part{name, size})
		shuffled[name] = true
		front -= size
	}
	var roots float64
	for _, name := range order {
		if !shuffled[name] {
			roots += math.Sqrt(float64(h.size(name)))
		}
	}
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

// shuffle gives every element of h.parts the value of another one.
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
	for _, p := range h.parts {
		places := h.choose(p, rng)
		from := slices.Clone(places)         // where the values come from
		for i := len(from) - 1; i > 0; i-- { // Sattolo: a single cycle, so that none stays
			j := rng.IntN(i)
			from[i], from[j] = from[j], from[i]
		}
		a, _ := h.weights.Array(p.tensor)
		w, init := a.Float32s(), h.model.Lookup(p.tensor)
		original := slices.Clone(w)
		for k, i := range places {
			j := from[k]
			w[i] = original[j]
			if old, bits := init.Bits(i), init.Bits(j); old != bits {
				h.result.Changes = append(h.result.Changes, Change{p.tensor, i, old, bits})
			}
		}
	}
}

// choose returns the elements of a part in ascending order. Those of a tensor
// that swaps are chosen from as well are noted as changed.
func (h *hardening) choose(p part, rng *rand.Rand) []int {
	size := h.size(p.tensor)
	places := make([]int, size)
	for i := range places {
		places[i] = i
	}
	if p.count == size {
		return places
	}
	rng.Shuffle(size, func(i, j int) { places[i], places[j] = places[j], places[i] })
	places = places[:p.count]
	slices.Sort(places)
	for _, i := range places {
		h.changed[site{p.tensor, i}] = true
	}
	return places
}
