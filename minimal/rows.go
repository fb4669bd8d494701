package minimal

import (
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/perturb"
)

// chosenRows returns in how many rows of tables changes are, and how many rows these tables have, if
// all changes are in tables of which the input chooses rows by their numbers: embeddings of users,
// goods or tokens, and not in all of their rows. A sample without these numbers does not meet any of
// the changes.
func chosenRows(m *onnxio.Model, changes []perturb.Change) (changed, of int, ok bool) {
	tables := byNumber(m)
	seen := map[string]map[int]bool{}
	for _, c := range changes {
		w := m.Weight(c.Tensor)
		if !slices.Contains(tables, c.Tensor) || w == nil || len(w.Dims) == 0 || w.Dims[0] == 0 {
			return 0, 0, false
		}
		width := 1
		for _, n := range w.Dims[1:] {
			width *= n
		}
		if seen[c.Tensor] == nil {
			seen[c.Tensor] = map[int]bool{}
			of += w.Dims[0]
		}
		seen[c.Tensor][c.Index/max(width, 1)] = true
	}
	for _, rows := range seen {
		changed += len(rows)
	}
	return changed, of, changed > 0 && changed < of
}

// byNumber returns the tables of which a Gather, and nothing else, takes rows by numbers that come
// from an input of the model.
func byNumber(m *onnxio.Model) (tables []string) {
	g := m.Proto().GetGraph()
	maker, uses := gradient.Makers(g), map[string]int{}
	for _, n := range g.GetNode() {
		for _, name := range n.GetInput() {
			uses[name]++
		}
	}
	inputs := map[string]bool{}
	for _, in := range g.GetInput() {
		inputs[in.GetName()] = m.Weight(in.GetName()) == nil
	}
	for _, n := range g.GetNode() {
		in := n.GetInput()
		rows := !slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "axis" && a.GetI() != 0 })
		if n.GetOpType() != "Gather" || len(in) < 2 || uses[in[0]] > 1 || !rows || m.Weight(in[0]) == nil {
			continue
		}
		value := in[1]
		for range len(g.GetNode()) {
			n := maker[value]
			if n == nil || !slices.Contains(movesNumbers, n.GetOpType()) {
				break
			}
			value = gradient.FirstInput(n)
		}
		if inputs[value] {
			tables = append(tables, in[0])
		}
	}
	return tables
}

// movesNumbers are the operators between an input and a table that choose or move numbers, or shift
// them.
var movesNumbers = []string{"Identity", "Cast", "Slice", "Squeeze", "Unsqueeze", "Reshape", "Flatten", "Transpose", "Gather", "Split", "Clip", "Add", "Sub"}
