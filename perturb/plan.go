package perturb

import "github.com/advparams/advparams/onnxio"

// Change is a change of one parameter.
type Change struct {
	Tensor   string // the initializer's name
	Index    int    // of the element, in row-major order
	Old, New uint64 // the stored bits of the element, before and after
}

// Plan is the list of parameters to change, in the order in which they were chosen.
type Plan struct {
	Changes []Change
}

// Edits returns the plan as edits of the model's file.
func (p *Plan) Edits() []onnxio.Edit {
	edits := make([]onnxio.Edit, len(p.Changes))
	for i, c := range p.Changes {
		edits[i] = onnxio.Edit{Tensor: c.Tensor, Index: c.Index, Bits: c.New}
	}
	return edits
}

// PerTensor returns the number of changes by initializer, in the order in which
// the initializers were first chosen.
func (p *Plan) PerTensor() (names []string, changed map[string]int) {
	changed = map[string]int{}
	for _, c := range p.Changes {
		if changed[c.Tensor] == 0 {
			names = append(names, c.Tensor)
		}
		changed[c.Tensor]++
	}
	return names, changed
}
