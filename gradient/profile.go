package gradient

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/advparams/advparams/nd"
)

// Profile notes how long the operators of the programs take that have it in their
// configuration. It is not safe for concurrent use; programs may use several threads.
type Profile struct{ spent map[string]*OperatorTime }

// OperatorTime is what operators with one name, one shape of the output, and in one pass took.
// Operators that run in an epilogue of another, or together with it, count with that one.
type OperatorTime struct {
	Operator string
	Gradient bool  // whether it is a part of the gradients
	Shape    []int // of the output
	Runs     int
	Time     time.Duration
	// MultiplyAdds are those of products, convolutions, attention and recurrent cells, 0 for
	// other operators. Methods such as Winograd's take fewer.
	MultiplyAdds float64
	// Bytes are those of all arrays that are read and written, each once.
	Bytes float64
}

// Operators returns what was noted, the longest time first.
func (p *Profile) Operators() []OperatorTime {
	var list []OperatorTime
	for _, t := range p.spent {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b OperatorTime) int {
		return cmp.Or(cmp.Compare(b.Time, a.Time), cmp.Compare(a.key(), b.key()))
	})
	return list
}

// Reset forgets what was noted.
func (p *Profile) Reset() { p.spent = nil }

func (t *OperatorTime) key() string { return fmt.Sprint(t.Operator, t.Gradient, t.Shape) }

// add notes a group of steps that has run since start.
func (p *Profile) add(steps []step, slots []nd.Array, start time.Time) {
	took := time.Since(start)
	first := &steps[0]
	one := OperatorTime{Operator: first.op.Name(), Gradient: first.backward, Shape: slots[first.out].Shape}
	if p.spent == nil {
		p.spent = map[string]*OperatorTime{}
	}
	t := p.spent[one.key()]
	if t == nil {
		t = &one
		p.spent[t.key()] = t
	}
	t.Runs++
	t.Time += took
	seen := map[int]bool{} // what the group computes itself, and what was counted
	count := func(k int) {
		if !seen[k] {
			seen[k] = true
			t.Bytes += float64(int64(slots[k].Len()) * slots[k].DType().Bytes())
		}
	}
	for i := range steps {
		t.MultiplyAdds += steps[i].op.MultiplyAdds()
		count(steps[i].out)
	}
	for i := range steps {
		for _, k := range steps[i].in {
			count(k)
		}
	}
}
