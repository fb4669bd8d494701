package ops

import (
	"strings"
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestGatherGradients(t *testing.T) {
	matrix := func(rows, columns int, v ...int64) nd.Array { return nd.Of(v, rows, columns) }
	for _, n := range []testNode{
		{op: "Gather", inputs: []any{[]int{4, 3}, ints(3, 0, -1)}},
		{op: "Gather", name: "inner axis, 2-D indices", attrs: map[string]any{"axis": -2}, inputs: []any{[]int{2, 4, 3}, matrix(2, 2, 1, 1, -4, 3)}},
		{op: "Gather", name: "scalar index", attrs: map[string]any{"axis": 1}, inputs: []any{[]int{2, 3}, nd.Scalar[int64](-1)}},
		{op: "GatherElements", attrs: map[string]any{"axis": 1}, inputs: []any{[]int{3, 4}, matrix(2, 3, 0, -1, 0, 2, 2, 1)}},
		{op: "GatherElements", name: "first axis", inputs: []any{[]int{2, 3}, matrix(3, 2, 0, 1, 1, -1, 0, 0)}},
		{op: "GatherND", inputs: []any{[]int{3, 4, 2}, matrix(3, 2, 0, 1, -1, 3, 0, 1)}},
		{op: "GatherND", name: "whole tuples", inputs: []any{[]int{3, 4}, matrix(2, 2, 0, 1, -1, 3)}},
		{op: "GatherND", name: "batch", attrs: map[string]any{"batch_dims": 1}, inputs: []any{[]int{2, 4, 3}, nd.Of([]int64{1, 1, -1, 0}, 2, 2, 1)}},
		{op: "ReverseSequence", inputs: []any{[]int{4, 2, 3}, ints(3, 0)}},
		{op: "ReverseSequence", name: "batch first", attrs: map[string]any{"batch_axis": 0, "time_axis": 1}, inputs: []any{[]int{2, 4}, ints(4, 2)}},
		{op: "ScatterElements", attrs: map[string]any{"axis": 1}, inputs: []any{[]int{2, 5}, matrix(2, 2, 0, -1, 3, 1), []int{2, 2}}},
		{op: "ScatterElements", name: "add", attrs: map[string]any{"reduction": "add"}, inputs: []any{[]int{3, 2}, matrix(3, 1, 0, 0, 2), []int{3, 1}}},
		{op: "ScatterElements", name: "mul", attrs: map[string]any{"reduction": "mul"}, inputs: []any{[]int{3, 2}, matrix(3, 1, 0, 0, 2), []int{3, 1}}},
		{op: "ScatterElements", name: "max", opset: 18, attrs: map[string]any{"reduction": "max"}, inputs: []any{[]int{3, 2}, matrix(3, 1, 0, 0, 2), []int{3, 1}}},
		{op: "ScatterND", inputs: []any{[]int{4, 3}, matrix(2, 1, 2, 0), []int{2, 3}}},
		{op: "ScatterND", name: "add", attrs: map[string]any{"reduction": "add"}, inputs: []any{[]int{4, 3}, matrix(3, 1, 2, 0, 2), []int{3, 3}}},
		{op: "ScatterND", name: "mul", attrs: map[string]any{"reduction": "mul"}, inputs: []any{[]int{4, 3}, matrix(3, 1, 2, 0, 2), []int{3, 3}}},
		{op: "ScatterND", name: "min", opset: 18, attrs: map[string]any{"reduction": "min"}, inputs: []any{[]int{2, 2}, matrix(3, 2, 0, 1, 1, 1, 0, 1), []int{3}}},
		{op: "TopK", inputs: []any{[]int{2, 6, 2}, ints(3)}, attrs: map[string]any{"axis": 1}},
		{op: "TopK", name: "smallest", inputs: []any{[]int{6}, ints(2)}, attrs: map[string]any{"largest": 0}},
		{op: "OneHot", inputs: []any{ints(1, -1, 7, 0), nd.Scalar[int64](3), []int{2}}},
		{op: "Trilu", inputs: []any{[]int{2, 3, 4}}},
		{op: "CumSum", inputs: []any{[]int{2, 4, 3}, nd.Scalar[int64](1)}},
		{op: "CumSum", name: "exclusive", attrs: map[string]any{"exclusive": 1}, inputs: []any{[]int{2, 4}, nd.Scalar[int64](-1)}},
		{op: "CumSum", name: "reverse", attrs: map[string]any{"reverse": 1}, inputs: []any{[]int{3, 2}, nd.Scalar[int64](0)}},
		{op: "CumSum", name: "both", attrs: map[string]any{"reverse": 1, "exclusive": 1}, inputs: []any{[]int{5}, nd.Scalar[int64](0)}},
		{op: "Compress", attrs: map[string]any{"axis": 1}, inputs: []any{[]int{2, 3}, bools(true, false, true)}},
	} {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

func TestGatherValues(t *testing.T) {
	matrix := nd.Of([]int64{1, 2, 3, 4, 5, 6}, 2, 3)
	checkValues(t, []valueTest{
		{testNode{op: "Gather", inputs: []any{matrix, ints(-1, 0)}}, nd.Of([]int64{4, 5, 6, 1, 2, 3}, 2, 3)},
		{testNode{op: "Gather", name: "bool", inputs: []any{bools(true, false), nd.Scalar[int64](1)}}, nd.Scalar(false)},
		{testNode{op: "Gather", name: "nothing", inputs: []any{matrix, ints()}}, nd.Of([]int64{}, 0, 3)},
		{testNode{op: "GatherElements", attrs: map[string]any{"axis": 1}, inputs: []any{matrix, nd.Of([]int64{-1, 0}, 2, 1)}}, nd.Of([]int64{3, 4}, 2, 1)},
		{testNode{op: "GatherND", attrs: map[string]any{"batch_dims": 1}, inputs: []any{matrix, nd.Of([]int64{1, 2}, 2, 1)}}, ints(2, 6)},
		{testNode{op: "ScatterElements", inputs: []any{ints(1, 2, 3), ints(1, -1), ints(7, 8)}}, ints(1, 7, 8)},
		{testNode{op: "Scatter", opset: 9, inputs: []any{bools(false, false), ints(1), bools(true)}}, bools(false, true)},
		{testNode{op: "ScatterND", attrs: map[string]any{"reduction": "max"}, opset: 18, inputs: []any{matrix, nd.Of([]int64{0, 0}, 2, 1), nd.Of([]int64{0, 9, 0, 2, 1, 4}, 2, 3)}},
			nd.Of([]int64{2, 9, 4, 4, 5, 6}, 2, 3)},
		{testNode{op: "ScatterND", name: "min", attrs: map[string]any{"reduction": "min"}, opset: 18, inputs: []any{ints(4, 5), nd.Of([]int64{1}, 1, 1), ints(3)}}, ints(4, 3)},
		{testNode{op: "ScatterND", name: "mul", attrs: map[string]any{"reduction": "mul"}, inputs: []any{ints(4, 5), nd.Of([]int64{1, 1}, 2, 1), ints(3, 2)}}, ints(4, 30)},
		{testNode{op: "ScatterND", name: "add", attrs: map[string]any{"reduction": "add"}, inputs: []any{ints(4, 5), nd.Of([]int64{1, 1}, 2, 1), ints(3, 2)}}, ints(4, 10)},
		{testNode{op: "ReverseSequence", inputs: []any{nd.Of([]int64{1, 2, 3, 4, 5, 6}, 3, 2), ints(2, 3)}}, nd.Of([]int64{3, 6, 1, 4, 5, 2}, 3, 2)},
		{testNode{op: "ArgMax", inputs: []any{nd.Of([]float32{1, 5, 3, 5}, 2, 2)}}, nd.Of([]int64{1, 0}, 1, 2)},
		{testNode{op: "ArgMax", name: "last, no keepdims", attrs: map[string]any{"axis": 1, "keepdims": 0, "select_last_index": 1}, inputs: []any{nd.Of([]int64{1, 1, 3, 2}, 2, 2)}}, ints(1, 0)},
		{testNode{op: "ArgMin", attrs: map[string]any{"axis": -1}, inputs: []any{nd.Of([]float32{1, 1, 3, 2}, 2, 2)}}, nd.Of([]int64{0, 1}, 2, 1)},
		{testNode{op: "TopK", inputs: []any{floats(2, 7, 7, 1), ints(3)}}, floats(7, 7, 2)},
		{testNode{op: "TopK", name: "indices", output: 1, inputs: []any{floats(2, 7, 7, 1), ints(3)}}, ints(1, 2, 0)},
		{testNode{op: "TopK", name: "smallest indices", output: 1, attrs: map[string]any{"largest": 0, "axis": 0}, inputs: []any{nd.Of([]int64{3, 1, 2, 1}, 2, 2), ints(1)}}, nd.Of([]int64{1, 0}, 1, 2)},
		{testNode{op: "TopK", name: "opset 1", opset: 9, attrs: map[string]any{"k": 1}, inputs: []any{floats(2, 7)}}, floats(7)},
		{testNode{op: "OneHot", attrs: map[string]any{"axis": 0}, inputs: []any{floats(1, -1, 5), floats(2), ints(0, 9)}}, nd.Of([]int64{0, 0, 0, 9, 9, 0}, 2, 3)},
		{testNode{op: "Trilu", inputs: []any{matrix, nd.Scalar[int64](1)}}, nd.Of([]int64{0, 2, 3, 0, 0, 6}, 2, 3)},
		{testNode{op: "Trilu", name: "lower", attrs: map[string]any{"upper": 0}, inputs: []any{matrix}}, nd.Of([]int64{1, 0, 0, 4, 5, 0}, 2, 3)},
		{testNode{op: "EyeLike", attrs: map[string]any{"k": 1, "dtype": 1}, inputs: []any{matrix}}, nd.Of([]float32{0, 1, 0, 0, 0, 1}, 2, 3)},
		{testNode{op: "CumSum", inputs: []any{ints(1, 2, 3), nd.Scalar[int64](0)}}, ints(1, 3, 6)},
		{testNode{op: "NonZero", inputs: []any{nd.Of([]float32{0, 2, 3, 0}, 2, 2)}}, nd.Of([]int64{0, 1, 1, 0}, 2, 2)},
		{testNode{op: "Compress", inputs: []any{matrix, bools(false, true, false, true)}}, ints(2, 4)},
		{testNode{op: "Unique", attrs: map[string]any{"sorted": 0}, inputs: []any{ints(2, 1, 1, 3, 4, 3)}}, ints(2, 1, 3, 4)},
		{testNode{op: "Unique", name: "first", output: 1, inputs: []any{ints(2, 1, 1, 3, 4, 3)}}, ints(1, 0, 3, 4)},
		{testNode{op: "Unique", name: "inverse", output: 2, inputs: []any{ints(2, 1, 1, 3, 4, 3)}}, ints(1, 0, 0, 2, 3, 2)},
		{testNode{op: "Unique", name: "rows", output: 0, attrs: map[string]any{"axis": 0}, inputs: []any{nd.Of([]float32{1, 0, 0, 1, 0, 0, 2, 3, 4}, 3, 3)}}, nd.Of([]float32{1, 0, 0, 2, 3, 4}, 2, 3)},
		{testNode{op: "Unique", name: "counts of columns", output: 3, attrs: map[string]any{"axis": 1}, inputs: []any{nd.Of([]bool{true, false, true, false, false, false}, 2, 3)}}, ints(1, 2)},
	})
}

func TestGatherFailures(t *testing.T) {
	matrix := []int{2, 3}
	checkFailures(t, []failureTest{
		{testNode: testNode{op: "Gather", name: "beyond", inputs: []any{matrix, ints(0, 2)}}, want: "index 2 on an axis of 2"},
		{testNode: testNode{op: "Gather", name: "before", attrs: map[string]any{"axis": 1}, inputs: []any{matrix, ints(-4)}}, want: "index -4 on an axis of 3"},
		{testNode: testNode{op: "Gather", name: "empty axis", inputs: []any{[]int{0, 3}, ints(0)}}, want: "index 0 on an axis of 0"},
		{testNode: testNode{op: "Gather", name: "axis", attrs: map[string]any{"axis": 2}, inputs: []any{matrix, ints(0)}}, want: "axis 2 of a value of rank 2"},
		{testNode: testNode{op: "Gather", name: "float indices", inputs: []any{matrix, floats(0)}}, want: "indices of type float32"},
		{testNode: testNode{op: "GatherElements", inputs: []any{matrix, ints(0)}}, want: "indices of shape [1] for a value of shape [2 3]"},
		{testNode: testNode{op: "GatherElements", name: "larger", inputs: []any{matrix, nd.New(nd.Int64, 1, 4)}}, want: "indices of shape [1 4]"},
		{testNode: testNode{op: "GatherND", inputs: []any{matrix, nd.New(nd.Int64, 1, 3)}}, want: "tuples of 3 indices"},
		{testNode: testNode{op: "GatherND", name: "no tuples", inputs: []any{matrix, nd.New(nd.Int64, 1, 0)}}, want: "tuples of 0 indices"},
		{testNode: testNode{op: "GatherND", name: "out of range", inputs: []any{matrix, nd.Of([]int64{0, 0, 1, 3}, 2, 2)}}, want: "index 3 on an axis of 3"},
		{testNode: testNode{op: "GatherND", name: "batch", attrs: map[string]any{"batch_dims": 1}, inputs: []any{matrix, nd.New(nd.Int64, 3, 1)}}, want: "1 axes in common"},
		{testNode: testNode{op: "ScatterElements", inputs: []any{matrix, nd.New(nd.Int64, 1, 1), []int{1, 2}}}, want: "updates of shape [1 2]"},
		{testNode: testNode{op: "ScatterElements", name: "reduction", attrs: map[string]any{"reduction": "mean"}, inputs: []any{matrix, nd.New(nd.Int64, 1, 1), []int{1, 1}}}, want: `reduction "mean"`},
		{testNode: testNode{op: "ScatterElements", name: "types", inputs: []any{matrix, nd.New(nd.Int64, 1, 1), nd.New(nd.Int64, 1, 1)}}, want: "updates of type int64"},
		{testNode: testNode{op: "ScatterND", inputs: []any{matrix, nd.New(nd.Int64, 1, 1), []int{1, 2}}}, want: "call for [1 3]"},
		{testNode: testNode{op: "ScatterND", name: "bool", attrs: map[string]any{"reduction": "add"}, inputs: []any{bools(true), nd.New(nd.Int64, 1, 1), bools(true)}}, want: `reduction "add" of type bool`},
		{testNode: testNode{op: "ReverseSequence", inputs: []any{matrix, ints(0, 0, 3)}}, want: "a sequence of 3 in 2 time steps"},
		{testNode: testNode{op: "ReverseSequence", name: "axes", attrs: map[string]any{"time_axis": 1}, inputs: []any{matrix, ints(0, 0)}}, want: "time axis 1 and batch axis 1"},
		{testNode: testNode{op: "ReverseSequence", name: "lengths", inputs: []any{matrix, ints(0)}}, want: "lengths of type int64 and shape [1]"},
		{testNode: testNode{op: "ArgMax", inputs: []any{[]int{0, 2}}}, want: "over an empty axis"},
		{testNode: testNode{op: "ArgMin", inputs: []any{bools(true)}}, want: "input of type bool"},
		{testNode: testNode{op: "TopK", inputs: []any{matrix, ints(4)}}, want: "the top 4 of an axis of 3"},
		{testNode: testNode{op: "TopK", name: "negative", inputs: []any{matrix, ints(-1)}}, want: "the top -1 of"},
		{testNode: testNode{op: "TopK", name: "no k", opset: 9, inputs: []any{matrix}}, want: "the top -1 of"},
		{testNode: testNode{op: "OneHot", inputs: []any{ints(1), ints(0), floats(0, 1)}}, want: "a depth that is no positive number"},
		{testNode: testNode{op: "OneHot", name: "huge", inputs: []any{ints(1, 2), ints(1 << 40), floats(0, 1)}}, want: "at most"},
		{testNode: testNode{op: "OneHot", name: "values", inputs: []any{ints(1), ints(2), floats(0)}}, want: "values of shape [1]"},
		{testNode: testNode{op: "Trilu", inputs: []any{[]int{3}}}, want: "input of shape [3]"},
		{testNode: testNode{op: "EyeLike", inputs: []any{[]int{3}}}, want: "not a matrix"},
		{testNode: testNode{op: "EyeLike", name: "text", attrs: map[string]any{"dtype": 8}, inputs: []any{matrix}}, want: "elements of type STRING", unsupported: true},
		{testNode: testNode{op: "CumSum", inputs: []any{matrix, ints(2)}}, want: "axis 2 of a value of rank 2"},
		{testNode: testNode{op: "NonZero", inputs: []any{matrix}}, want: "depends on the model's inputs", unsupported: true},
		{testNode: testNode{op: "Unique", inputs: []any{matrix}}, want: "depends on the model's inputs", unsupported: true},
		{testNode: testNode{op: "Compress", inputs: []any{matrix, ints(1)}}, want: "condition of type int64"},
		{testNode: testNode{op: "Compress", name: "long", attrs: map[string]any{"axis": 0}, inputs: []any{matrix, bools(true, true, true)}}, want: "on an axis of 2"},
	})
}

// TestRunTimeIndices has indices that are known only at run time.
func TestRunTimeIndices(t *testing.T) {
	b := NewBuilder(nil)
	x, index := b.Variable("x", nd.Float32, 3, 2), b.Variable("index", nd.Int64, 2)
	var y *Value
	if err := Catch(func() { y = b.Gather(x, index, 0) }); err != nil {
		t.Fatal(err)
	}
	leaves := map[*Value]nd.Array{x: nd.Of([]float32{1, 2, 3, 4, 5, 6}, 3, 2), index: ints(-1, 0)}
	if err := sameArray(evaluate(y, leaves, map[*Value]nd.Array{}), nd.Of([]float32{5, 6, 1, 2}, 2, 2)); err != nil {
		t.Error(err)
	}
	g := gradientOf(t, b, y, x, leaves, nd.Of([]float32{1, 2, 3, 4}, 2, 2))
	if err := sameArray(g, nd.Of([]float32{3, 4, 0, 0, 1, 2}, 3, 2)); err != nil {
		t.Errorf("gradient: %v", err)
	}
	rows := b.rowsAlong(index, 3).Op()
	for _, bad := range []int64{3, -4, 1 << 40} {
		err := rows.Check([]nd.Array{ints(0, bad)})
		if err == nil || !strings.Contains(err.Error(), "on an axis of 3") {
			t.Errorf("index %d: error %v", bad, err)
		}
		if advice := (&IndexError{bad, 3}).Hint(); !strings.Contains(advice, "below 3") {
			t.Errorf("index %d: hint %q", bad, advice)
		}
	}
	if err := rows.Check([]nd.Array{ints(2, -3)}); err != nil {
		t.Errorf("valid indices: %v", err)
	}
}

// TestScatterTies fixes the shares of equal elements, and the gradient for factors
// of zero.
func TestScatterTies(t *testing.T) {
	for _, n := range []struct {
		how          string
		x, updates   nd.Array
		wantX, wantU nd.Array
	}{
		{"max", floats(1, 2), floats(2, 2, 0), floats(0, 1./3), floats(1./3, 1./3, 0)},
		{"min", floats(1, 2), floats(2, 3, 3), floats(0, 0.5), floats(0.5, 0, 0)},
		{"mul", floats(1, 2), floats(0, 3, 5), floats(0, 0), floats(30, 0, 0)},
	} {
		t.Run(n.how, func(t *testing.T) {
			for i, want := range []nd.Array{n.wantX, n.wantU} {
				b := NewBuilder(nil)
				in := []*Value{b.Variable("x", nd.Float32, 2), b.Variable("u", nd.Float32, 3)}
				y := b.scatter(n.how, in[0], b.Ints(1, 1, 1), in[1], 1)
				leaves := map[*Value]nd.Array{in[0]: n.x, in[1]: n.updates}
				if err := sameArray(gradientOf(t, b, y, in[i], leaves, floats(0, 1)), want); err != nil {
					t.Errorf("by %s: %v", in[i].Name(), err)
				}
			}
		})
	}
}
