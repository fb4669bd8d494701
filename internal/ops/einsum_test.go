package ops

import (
	"testing"

	"github.com/advparams/advparams/nd"
)

func TestEinsumGradients(t *testing.T) {
	for _, n := range []struct {
		equation string
		inputs   []any
	}{
		{"ij,jk->ik", []any{[]int{2, 3}, []int{3, 4}}},
		{"ij,kj", []any{[]int{2, 3}, []int{4, 3}}},
		{"ji,kj->ik", []any{[]int{3, 2}, []int{4, 3}}},
		{"bhqd,bhkd->bhqk", []any{[]int{2, 2, 3, 4}, []int{2, 2, 5, 4}}},
		{"bqhd,bkhd->bhqk", []any{[]int{2, 3, 2, 4}, []int{2, 5, 2, 4}}},
		{"...ij,...jk->...ik", []any{[]int{2, 2, 3}, []int{3, 4}}},
		{"b...j,jk->...bk", []any{[]int{2, 3, 4}, []int{4, 2}}},
		{"i,j->ij", []any{[]int{3}, []int{4}}},
		{"i,i->", []any{[]int{3}, []int{3}}},
		{"i,i->i", []any{[]int{3}, []int{3}}},
		{"ijk,ilm,kl->jm", []any{[]int{2, 3, 4}, []int{2, 3, 2}, []int{4, 3}}},
		{"ii->i", []any{[]int{3, 3}}},
		{"ii", []any{[]int{3, 3}}},
		{"iji,jj->j", []any{[]int{3, 2, 3}, []int{2, 2}}},
		{"abc->ca", []any{[]int{2, 3, 4}}},
		{"ij,ij->ij", []any{[]int{2, 3}, []int{1, 3}}},
		{"ij,jk->ik", []any{[]int{2, 1}, []int{3, 2}}},
		{"ab,cd->", []any{[]int{2, 3}, []int{2, 2}}},
		{", ->", []any{[]int{}, []int{}}},
		{"a,,b->ba", []any{[]int{2}, []int{}, []int{3}}},
	} {
		c := testNode{op: "Einsum", name: n.equation, attrs: map[string]any{"equation": n.equation}, inputs: n.inputs}
		t.Run(n.equation, func(t *testing.T) { check(t, c) })
	}
}

func TestEinsumValues(t *testing.T) {
	a, b := nd.Of([]int64{1, 2, 3, 4, 5, 6}, 2, 3), nd.Of([]int64{1, 0, 2, 1, 0, 3}, 3, 2)
	for _, n := range []struct {
		equation string
		inputs   []any
		want     nd.Array
	}{
		{"ij,jk->ik", []any{a, b}, nd.Of([]int64{5, 11, 14, 23}, 2, 2)},
		{"ij,jk", []any{a, b}, nd.Of([]int64{5, 11, 14, 23}, 2, 2)},
		{"Zb,ba", []any{a, b}, nd.Of([]int64{5, 11, 14, 23}, 2, 2)}, // capitals come first
		{"ba,ac", []any{a, b}, nd.Of([]int64{5, 11, 14, 23}, 2, 2)},
		{"ca,ab", []any{a, b}, nd.Of([]int64{5, 14, 11, 23}, 2, 2)}, // b before c
		{"ij,ji->", []any{a, b}, nd.Scalar[int64](28)},
		{"ij->ji", []any{a}, nd.Of([]int64{1, 4, 2, 5, 3, 6}, 3, 2)},
		{"i...->...", []any{a}, ints(5, 7, 9)},
		{"...", []any{a}, a},
		{"...j->j", []any{a}, ints(5, 7, 9)},
		{"ij,j->i", []any{nd.New(nd.Int64, 2, 0), nd.New(nd.Int64, 0)}, ints(0, 0)},
	} {
		checkValues(t, []valueTest{{testNode{op: "Einsum", name: n.equation, attrs: map[string]any{"equation": n.equation}, inputs: n.inputs}, n.want}})
	}
}

func TestEinsumFailures(t *testing.T) {
	matrix := []int{2, 3}
	for _, n := range []struct {
		equation string
		inputs   []any
		want     string
	}{
		{"ij,jk->ik", []any{matrix}, "for 1 operands"},
		{"ij,jk->ik", []any{matrix, matrix}, "an index of length 3 and 2"},
		{"ii", []any{matrix}, "an index of length 2 and 3 in one operand"},
		{"ijk", []any{matrix}, "for an operand of rank 2"},
		{"i", []any{matrix}, "for an operand of rank 2"},
		{"ij->ik", []any{matrix}, "one of no input"},
		{"ij->ii", []any{matrix}, "an index twice"},
		{"i1", []any{matrix}, `'1' is not a letter`},
		{"i......j", []any{matrix}, "for an operand of rank 2"},
		{"ij->i->j", []any{matrix}, "is not a letter"},
		{"...", []any{nd.New(nd.Bool, 2)}, "operands of type bool"},
		{"i,i", []any{[]int{2}, ints(1, 2)}, "operands of type float32 and int64"},
	} {
		checkFailures(t, []failureTest{{testNode: testNode{op: "Einsum", name: n.equation, attrs: map[string]any{"equation": n.equation}, inputs: n.inputs}, want: n.want}})
	}
}
