package ops

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// mutator changes valid nodes: the shape of an input, an input that is left out, an
// attribute, the opset.
type mutator struct{ *rand.Rand }

func (m mutator) pick(list ...int) int { return list[m.IntN(len(list))] }

func (m mutator) shape(s []int) []int {
	s = slices.Clone(s)
	switch i := m.IntN(len(s) + 1); {
	case i == len(s):
		return append(s, m.pick(1, 2))
	case m.IntN(3) == 0:
		return s[1:]
	default:
		s[i] = m.pick(0, 1, 2, 3, 5)
	}
	return s
}

func (m mutator) input(in any) any {
	if m.IntN(4) == 0 {
		return nil
	}
	switch in := in.(type) {
	case []int:
		return m.shape(in)
	case nd.Array:
		if d, ok := in.Data.([]int64); ok && len(d) > 0 && m.IntN(2) == 0 {
			d = slices.Clone(d)
			d[m.IntN(len(d))] = int64(m.pick(math.MinInt, -5, -1, 0, 1, 2, 7, 1<<30, math.MaxInt))
			return nd.Array{Shape: in.Shape, Data: d}
		}
		return nd.New(in.DType(), m.shape(in.Shape)...)
	}
	return in
}

func (m mutator) attr(v any) any {
	switch v := v.(type) {
	case int:
		return m.pick(math.MinInt, -1, 0, 1, v-1, v+1, 1<<30, math.MaxInt)
	case float64:
		return float64(m.pick(-1, 0, 1<<30))
	case []int:
		if len(v) > 0 && m.IntN(2) == 0 {
			return v[1:]
		}
		return append(slices.Clone(v), m.pick(-1, 0, 1))
	case string:
		return v + "?"
	}
	return v
}

func (m mutator) node(n testNode) testNode {
	n.attrs, n.inputs = maps.Clone(n.attrs), slices.Clone(n.inputs)
	for range 1 + m.IntN(2) {
		switch k := m.IntN(8); {
		case k == 0:
			n.opset = m.pick(7, 9, 11, 13, 14, 17, 18, 20, 21, 23)
		case k == 1:
			n.inputs = n.inputs[:m.IntN(len(n.inputs)+1)]
		case k < 4 && len(n.attrs) > 0:
			name := slices.Sorted(maps.Keys(n.attrs))[m.IntN(len(n.attrs))]
			n.attrs[name] = m.attr(n.attrs[name])
		case len(n.inputs) > 0:
			i := m.IntN(len(n.inputs))
			n.inputs[i] = m.input(n.inputs[i])
		}
	}
	return n
}

// survive builds a node and computes its output and gradients, or returns an error.
// Any other failure panics.
func survive(n testNode) error {
	b := NewBuilder(nil)
	y, vars, err := n.build(b)
	if err != nil {
		return err
	}
	leaves := map[*Value]nd.Array{}
	for _, v := range vars {
		leaves[v] = nd.New(nd.Float32, v.Shape...)
	}
	evaluate(y, leaves, map[*Value]nd.Array{})
	if y.op == nil || y.op.diff == nil {
		return nil
	}
	seed := b.Full(1, y.Shape...)
	return Catch(func() {
		for i, g := range y.op.diff(y, seed) {
			if g == nil {
				continue
			}
			if !slices.Equal(g.Shape, y.in[i].Shape) {
				panic(fmt.Sprintf("gradient of shape %v by a value of shape %v", g.Shape, y.in[i].Shape))
			}
			evaluate(g, leaves, map[*Value]nd.Array{})
		}
	})
}

// TestMutations: whatever is wrong with a node is an error.
func TestMutations(t *testing.T) {
	nodes := slices.Concat(activationNodes, normalizationNodes, quantizeNodes, attentionNodes(), recurrentNodes(), contribNodes(), mlNodes())
	m := mutator{rand.New(rand.NewPCG(41, 42))}
	built := 0
	for range 5000 {
		n := m.node(nodes[m.IntN(len(nodes))])
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Errorf("panic %v: %v, opset %d, attributes %v, inputs %v", r, n, n.opset, n.attrs, n.inputs)
				}
			}()
			if survive(n) == nil {
				built++
			}
		}()
	}
	if built < 500 {
		t.Errorf("only %d of 5000 nodes were built", built)
	}
}
