package ops

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
)

// onSequence holds nodes that take or return sequences.
func onSequence(op string, attrs map[string]any, inputs ...*Value) (out *Value, err error) {
	o, _ := Lookup("", op)
	c := &Call{Builder: NewBuilder(nil), Node: testNode{op: op, attrs: attrs}.proto(), Opset: 17, Inputs: inputs}
	c.Node.Input = slices.Repeat([]string{"x"}, len(inputs))
	err = Catch(func() { out = o.Build(c)[0] })
	return out, err
}

func TestSequences(t *testing.T) {
	b := NewBuilder(nil)
	at := func(i int64) *Value { return b.Const(nd.Scalar(i)) }
	x := b.Const(nd.Of([]int64{1, 2, 3, 4, 5, 6}, 3, 2))
	row := func(v ...int64) *Value { return b.Const(nd.Of(v, 1, len(v))) }
	list := sequenceOf([]*Value{row(1, 2), row(3, 4)})
	for _, c := range []struct {
		op     string
		attrs  map[string]any
		inputs []*Value
		want   string
	}{
		{"SequenceConstruct", nil, []*Value{row(7), x}, "[1 1][7] [3 2][1 2 3 4 5 6]"},
		{"SequenceEmpty", nil, nil, ""},
		{"SequenceInsert", nil, []*Value{list, row(9)}, "[1 2][1 2] [1 2][3 4] [1 1][9]"},
		{"SequenceInsert", nil, []*Value{list, row(9), at(0)}, "[1 1][9] [1 2][1 2] [1 2][3 4]"},
		{"SequenceInsert", nil, []*Value{list, row(9), at(-2)}, "[1 1][9] [1 2][1 2] [1 2][3 4]"},
		{"SequenceInsert", nil, []*Value{list, row(9), at(-1)}, "[1 2][1 2] [1 1][9] [1 2][3 4]"},
		{"SequenceInsert", nil, []*Value{list, row(9), at(2)}, "[1 2][1 2] [1 2][3 4] [1 1][9]"},
		{"SequenceInsert", nil, []*Value{list, row(9), at(3)}, "position 3 in a sequence of 2"},
		{"SequenceInsert", nil, []*Value{list, list}, "a sequence, not a tensor"},
		{"SequenceErase", nil, []*Value{list}, "[1 2][1 2]"},
		{"SequenceErase", nil, []*Value{list, at(0)}, "[1 2][3 4]"},
		{"SequenceErase", nil, []*Value{sequenceOf(nil), at(0)}, "position 0 in a sequence of 0"},
		{"SequenceAt", nil, []*Value{list, at(-1)}, "[1 2][3 4]"},
		{"SequenceAt", nil, []*Value{list, at(2)}, "position 2 in a sequence of 2"},
		{"SequenceAt", nil, []*Value{x, at(0)}, "input 0 is not a sequence"},
		{"SequenceLength", nil, []*Value{list}, "[][2]"},
		{"SplitToSequence", nil, []*Value{x}, "[1 2][1 2] [1 2][3 4] [1 2][5 6]"},
		{"SplitToSequence", map[string]any{"keepdims": 0, "axis": 1}, []*Value{x}, "[3][1 3 5] [3][2 4 6]"},
		{"SplitToSequence", nil, []*Value{x, at(2)}, "[2 2][1 2 3 4] [1 2][5 6]"},
		{"SplitToSequence", nil, []*Value{x, b.Ints(1, 2)}, "[1 2][1 2] [2 2][3 4 5 6]"},
		{"SplitToSequence", nil, []*Value{x, b.Ints(1, 1)}, "parts [1 1] of an axis of 3"},
		{"SplitToSequence", nil, []*Value{x, at(0)}, "parts of length 0"},
		{"ConcatFromSequence", nil, []*Value{list}, "[2 2][1 2 3 4]"},
		{"ConcatFromSequence", map[string]any{"axis": -1}, []*Value{list}, "[1 4][1 2 3 4]"},
		{"ConcatFromSequence", map[string]any{"axis": 1, "new_axis": 1}, []*Value{list}, "[1 2 2][1 2 3 4]"},
		{"ConcatFromSequence", nil, []*Value{sequenceOf(nil)}, "the sequence is empty"},
		{"ConcatFromSequence", nil, []*Value{sequenceOf([]*Value{row(1), at(1)})}, "shapes [1 1] and []"},
	} {
		out, err := onSequence(c.op, c.attrs, c.inputs...)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.op, err, c.want)
			}
			continue
		}
		parts := out.Parts
		if parts == nil {
			parts = []*Value{out}
		}
		var have []string
		for _, p := range parts {
			a, _ := p.Constant()
			have = append(have, fmt.Sprint(a.Shape, a.Data))
		}
		if got := strings.ReplaceAll(strings.Join(have, ","), "] [", "]["); strings.ReplaceAll(got, ",", " ") != c.want {
			t.Errorf("%s: %s, want %s", c.op, got, c.want)
		}
	}
}

// TestSequencesIn: all other operators refuse sequences and optional values. The compiler asks before
// it builds a node.
func TestSequencesIn(t *testing.T) {
	for _, name := range Names("") {
		if want := (strings.Contains(name, "Sequence") || strings.HasPrefix(name, "Optional")) && name != "ReverseSequence" || slices.Contains([]string{"Identity", "If", "Loop"}, name); SequencesIn(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
