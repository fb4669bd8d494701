package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
)

// sequence: SequenceConstruct, SequenceEmpty, SequenceInsert, SequenceErase,
// SequenceAt, SequenceLength, SplitToSequence, ConcatFromSequence (all opset 11).
// TorchScript writes them for lists of tensors. A sequence exists only at compile
// time, as a list of values. Its length and the positions in it must be known then.

// SequencesIn reports whether an operator accepts sequences and optional values as inputs.
func SequencesIn(op string) bool {
	_, list := sequences[op]
	_, option := optionals[op]
	return list || option || op == "Identity" || op == "Loop" || op == "If"
}

// sequenceOf makes a sequence, which may be empty.
func sequenceOf(parts []*Value) *Value {
	if parts == nil {
		parts = []*Value{}
	}
	return &Value{Parts: parts}
}

// isTensor reports whether a value is neither a sequence nor empty.
func (v *Value) isTensor() bool { return v.Parts == nil && !v.Empty }

// kind names what a value is that is no tensor.
func (v *Value) kind() string {
	if v.Empty {
		return "an empty optional value"
	}
	return "a sequence"
}

// parts returns the tensors of input i, a sequence.
func (c *Call) parts(i int) []*Value {
	v := c.Input(i)
	if v.Parts == nil {
		c.fail("input %d is not a sequence", i)
	}
	return v.Parts
}

// tensor returns input i, and ends the build if it is none.
func (c *Call) tensor(i int) *Value {
	v := c.Input(i)
	if !v.isTensor() {
		c.fail("input %d is %s, not a tensor", i, v.kind())
	}
	return v
}

// place returns the position that input i names in a sequence of n tensors. It may be n,
// behind all of them, if behind is set.
func (c *Call) place(i, n int, behind bool) int {
	p := c.settled(c.single(i, nd.Int64), "position in a sequence").Int64s()[0]
	if p < 0 {
		p += int64(n)
	}
	if p < 0 || p > int64(n) || p == int64(n) && !behind {
		c.fail("position %d in a sequence of %d", p, n)
	}
	return int(p)
}

func buildSequenceConstruct(c *Call) []*Value {
	parts := make([]*Value, c.NumInputs())
	for i := range parts {
		parts[i] = c.tensor(i)
	}
	return []*Value{sequenceOf(parts)}
}

func buildSequenceInsert(c *Call) []*Value {
	parts, at := c.parts(0), len(c.parts(0))
	if c.Optional(2) != nil {
		at = c.place(2, len(parts), true) // before the tensor that is there
	}
	return []*Value{sequenceOf(slices.Insert(slices.Clone(parts), at, c.tensor(1)))}
}

func buildSequenceErase(c *Call) []*Value {
	parts, at := c.parts(0), len(c.parts(0))-1
	if c.Optional(1) != nil || at < 0 {
		at = c.place(1, len(parts), false)
	}
	return []*Value{sequenceOf(slices.Delete(slices.Clone(parts), at, at+1))}
}

func buildSequenceAt(c *Call) []*Value {
	parts := c.parts(0)
	return []*Value{parts[c.place(1, len(parts), false)]}
}

// buildSplitToSequence splits into parts of one length, of given lengths, or of one
// element each, which lose the axis unless keepdims is set.
func buildSplitToSequence(c *Call) []*Value {
	x := c.tensor(0)
	axis := c.Axis(c.Int("axis", 0), x.Rank())
	n := x.Shape[axis]
	if c.Optional(1) == nil && !c.Bool("keepdims", true) {
		return []*Value{sequenceOf(c.unstack(x, axis))}
	}
	lengths := []int{1}
	scalar := true
	if c.Optional(1) != nil {
		lengths, scalar = c.KnownInts(1), c.tensor(1).Rank() == 0
	}
	if scalar {
		if lengths[0] < 1 {
			c.fail("parts of length %d", lengths[0])
		}
		size := lengths[0]
		lengths = nil
		for left := n; left > 0; left -= size {
			lengths = append(lengths, min(left, size))
		}
	}
	return []*Value{sequenceOf(c.split(x, axis, lengths))}
}

func buildConcatFromSequence(c *Call) []*Value {
	parts, added := slices.Clone(c.parts(0)), 0
	if len(parts) == 0 {
		c.fail("the sequence is empty")
	}
	if c.Bool("new_axis", false) {
		added = 1
	}
	first := parts[0]
	axis := c.Axis(c.Int("axis", 0), first.Rank()+added)
	for i, x := range parts {
		if x.Rank() != first.Rank() {
			c.fail("shapes %v and %v", first.Shape, x.Shape)
		}
		if added > 0 {
			parts[i] = c.unsqueeze(x, []int{axis})
		}
	}
	return []*Value{c.Concat(axis, parts...)}
}

var sequences = family{
	"SequenceConstruct":  {11, buildSequenceConstruct},
	"SequenceEmpty":      {11, func(*Call) []*Value { return []*Value{sequenceOf(nil)} }},
	"SequenceInsert":     {11, buildSequenceInsert},
	"SequenceErase":      {11, buildSequenceErase},
	"SequenceAt":         {11, buildSequenceAt},
	"SequenceLength":     {11, func(c *Call) []*Value { return []*Value{c.Const(nd.Scalar(int64(len(c.parts(0)))))} }},
	"SplitToSequence":    {11, buildSplitToSequence},
	"ConcatFromSequence": {11, buildConcatFromSequence},
}
