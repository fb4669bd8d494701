package gradient

import (
	"maps"
	"slices"

	"github.com/advparams/advparams/nd"
)

// Reading is an operator that reads a weight, with the values that it had in the last run.
// They are valid until the next one.
type Reading struct {
	Weight string
	// Operator is its ONNX name, and Arg which of its inputs the weight is. A matrix product
	// is a Gemm, also where the model has a MatMul.
	Operator string
	Arg      int
	// In are the inputs, Out is the output.
	In  []nd.Array
	Out nd.Array
	// Sum is what Out is added to other values of its size to make, as in a residual
	// connection. It is Out if something else is done with it.
	Sum nd.Array
	// Transposed says that a product multiplies with the transposed weight.
	Transposed bool
	// Normalises says that the operator divides rows by their size, and Centred that it
	// subtracts their mean before.
	Normalises, Centred bool
}

// Readings returns where the program reads weights, in the order in which it computes. The
// program must have been compiled with Keep, and have run.
func (p *Program) Readings() ([]Reading, error) {
	if !p.keep {
		return nil, errNotKept
	}
	weights := maps.Clone(p.params)
	readers := make([][]int, len(p.slots))
	for i, s := range p.steps[:p.forward] {
		for _, k := range s.in {
			readers[k] = append(readers[k], i)
		}
	}
	var list []Reading
	for _, s := range p.steps[:p.forward] {
		if s.op.Alias() {
			if name, ok := weights[s.in[0]]; ok {
				weights[s.out] = name
			}
			continue
		}
		for arg, k := range s.in {
			name, ok := weights[k]
			if !ok {
				continue
			}
			r := Reading{Weight: name, Operator: s.op.Name(), Arg: arg, Out: p.slots[s.out], Sum: p.slots[p.sum(s.out, readers)]}
			for _, k := range s.in {
				r.In = append(r.In, p.slots[k])
			}
			r.Transposed, _ = s.op.Products()
			r.Centred, r.Normalises = s.op.Normalises()
			list = append(list, r)
		}
	}
	return list, nil
}

// sum returns the slot of the sum that a value goes into; that of the value if there is none.
func (p *Program) sum(slot int, readers [][]int) int {
	for at := slot; len(readers[at]) == 1; {
		s := &p.steps[readers[at][0]]
		out := p.slots[s.out]
		switch {
		case s.op.Alias():
		case s.op.Name() != "Add" || out.Len() != p.slots[slot].Len() || !slices.Equal(tail(out), tail(p.slots[slot])):
			return slot
		case p.slots[s.in[0]].Len() == p.slots[s.in[1]].Len():
			return s.out
		}
		at = s.out
	}
	return slot
}

// tail returns the length of the last axis.
func tail(a nd.Array) []int { return a.Shape[max(0, len(a.Shape)-1):] }
