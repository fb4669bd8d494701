package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
)

// inputsOf returns random inputs X, W, R, B, sequence_lens, initial states and
// peepholes of a recurrent node with 4 steps, 3 sequences, 2 inputs and 3 units.
func recurrentInputs(gates, directions int, lens any, states int) []any {
	const t, b, i, h = 4, 3, 2, 3
	in := []any{[]int{t, b, i}, []int{directions, gates * h, i}, []int{directions, gates * h, h}, []int{directions, 2 * gates * h}, lens}
	for range states {
		in = append(in, []int{directions, b, h})
	}
	return in
}

func recurrentNodes() []testNode {
	lens := ints(2, 4, 0)
	peepholes := func(in []any, directions int) []any { return append(in, []int{directions, 9}) }
	attrs := func(kv ...any) map[string]any {
		m := map[string]any{"hidden_size": 3}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i].(string)] = kv[i+1]
		}
		return m
	}
	tests := []testNode{
		{op: "RNN", attrs: attrs(), inputs: recurrentInputs(1, 1, nil, 1)},
		{op: "RNN", name: "bidirectional, lengths, last state", output: 1, attrs: attrs("direction", "bidirectional"), inputs: recurrentInputs(1, 2, lens, 1)},
		{op: "GRU", attrs: attrs(), inputs: recurrentInputs(3, 1, nil, 1)},
		{op: "GRU", name: "linear before reset", attrs: attrs("linear_before_reset", 1), inputs: recurrentInputs(3, 1, nil, 1)},
		{op: "GRU", name: "reverse, lengths", attrs: attrs("direction", "reverse"), inputs: recurrentInputs(3, 1, lens, 1)},
		{op: "GRU", name: "bidirectional, lengths, linear before reset", attrs: attrs("direction", "bidirectional", "linear_before_reset", 1), inputs: recurrentInputs(3, 2, lens, 1)},
		{op: "GRU", name: "no bias", attrs: attrs("linear_before_reset", 1), inputs: recurrentInputs(3, 1, nil, 0)[:3]},
		{op: "LSTM", attrs: attrs(), inputs: recurrentInputs(4, 1, nil, 2)},
		{op: "LSTM", name: "no states, no bias", attrs: attrs(), inputs: recurrentInputs(4, 1, nil, 0)[:3]},
		{op: "LSTM", name: "reverse, lengths, peepholes", attrs: attrs("direction", "reverse"), inputs: peepholes(recurrentInputs(4, 1, lens, 2), 1)},
		{op: "LSTM", name: "bidirectional, cell state", output: 2, attrs: attrs("direction", "bidirectional"), inputs: peepholes(recurrentInputs(4, 2, lens, 2), 2)},
		{op: "LSTM", name: "input_forget", attrs: attrs("input_forget", 1), inputs: recurrentInputs(4, 1, nil, 2)},
		{op: "LSTM", name: "batch first", attrs: attrs("layout", 1), inputs: []any{[]int{2, 3, 2}, []int{1, 12, 2}, []int{1, 12, 3}, nil, nil, []int{2, 1, 3}, []int{2, 1, 3}}},
	}
	for _, f := range []string{"Sigmoid", "Tanh", "Softsign", "Softplus", "Affine", "LeakyRelu", "ScaledTanh", "Elu", "HardSigmoid", "Relu", "ThresholdedRelu"} {
		n := testNode{op: "RNN", name: f, attrs: attrs("activations", []string{f}), inputs: recurrentInputs(1, 1, nil, 1)}
		switch f {
		case "Affine", "ScaledTanh":
			n.attrs["activation_alpha"], n.attrs["activation_beta"] = []float32{0.7}, []float32{0.4}
		case "Elu", "LeakyRelu":
			n.attrs["activation_alpha"] = []float32{0.6}
		case "ThresholdedRelu":
			n.attrs["activation_alpha"] = []float32{0.01}
		}
		tests = append(tests, n)
	}
	return tests
}

func TestRecurrentGradients(t *testing.T) {
	for _, n := range recurrentNodes() {
		t.Run(n.String(), func(t *testing.T) { check(t, n) })
	}
}

// reference runs one sequence of one direction by the equations of the ONNX
// specification. w and r are the rows of the gates, wb and rb their biases.
type reference struct {
	op            string
	linear        bool
	hidden        int
	w, r          [][]float32
	wb, rb, peeps []float32
}

func (m reference) step(x, h, c []float64) (h2, c2 []float64) {
	H := m.hidden
	dot := func(row []float32, v []float64) (s float64) {
		for i := range row {
			s += float64(row[i]) * v[i]
		}
		return s
	}
	sigmoid := func(v float64) float64 { return 1 / (1 + math.Exp(-v)) }
	pre := func(g, k int) float64 {
		return dot(m.w[g*H+k], x) + dot(m.r[g*H+k], h) + float64(m.wb[g*H+k]) + float64(m.rb[g*H+k])
	}
	peep := func(g, k int) float64 { return float64(m.peeps[g*H+k]) }
	reset := make([]float64, H)
	for k := range H {
		if m.op == "GRU" {
			reset[k] = sigmoid(pre(1, k)) * h[k]
		}
	}
	for k := range H {
		switch m.op {
		case "LSTM":
			i, f := sigmoid(pre(0, k)+peep(0, k)*c[k]), sigmoid(pre(2, k)+peep(2, k)*c[k])
			cell := f*c[k] + i*math.Tanh(pre(3, k))
			c2 = append(c2, cell)
			h2 = append(h2, sigmoid(pre(1, k)+peep(1, k)*cell)*math.Tanh(cell))
		case "GRU":
			z, row := sigmoid(pre(0, k)), 2*H+k
			n := dot(m.w[row], x) + float64(m.wb[row])
			if m.linear {
				n += sigmoid(pre(1, k)) * (dot(m.r[row], h) + float64(m.rb[row]))
			} else {
				n += dot(m.r[row], reset) + float64(m.rb[row])
			}
			h2 = append(h2, (1-z)*math.Tanh(n)+z*h[k])
		default:
			h2 = append(h2, math.Tanh(pre(0, k)))
		}
	}
	return h2, c2
}

// TestRecurrentValues compares all outputs with the reference, in both directions
// and for sequences of several lengths.
func TestRecurrentValues(t *testing.T) {
	for _, op := range []struct {
		name   string
		gates  int
		linear int
	}{{"RNN", 1, 0}, {"GRU", 3, 0}, {"GRU", 3, 1}, {"LSTM", 4, 0}} {
		t.Run(fmt.Sprint(op.name, op.linear), func(t *testing.T) {
			const steps, batch, width, hidden, dirs = 4, 3, 2, 3, 2
			rng := rand.New(rand.NewPCG(3, 4))
			random := func(shape ...int) nd.Array {
				a := nd.New(nd.Float32, shape...)
				for i := range a.Float32s() {
					a.Float32s()[i] = 2*rng.Float32() - 1
				}
				return a
			}
			rows := op.gates * hidden
			x, w, r, b := random(steps, batch, width), random(dirs, rows, width), random(dirs, rows, hidden), random(dirs, 2*rows)
			lens, h0, c0, p := []int64{2, 4, 1}, random(dirs, batch, hidden), random(dirs, batch, hidden), random(dirs, 3*hidden)
			in := []any{x, w, r, b, ints(lens...), h0}
			attrs := map[string]any{"hidden_size": hidden, "direction": "bidirectional"}
			switch op.name {
			case "LSTM":
				in = append(in, c0, p)
			case "GRU":
				attrs["linear_before_reset"] = op.linear
			}
			y, yh, yc := nd.New(nd.Float32, steps, dirs, batch, hidden), nd.New(nd.Float32, dirs, batch, hidden), nd.New(nd.Float32, dirs, batch, hidden)
			for d := range dirs {
				m := reference{op: op.name, linear: op.linear == 1, hidden: hidden, w: rowsOf(w, d), r: rowsOf(r, d), peeps: rowOf(p, d)}
				m.wb, m.rb = rowOf(b, d)[:rows], rowOf(b, d)[rows:]
				for s := range batch {
					h, c := float64s(rowsOf(h0, d)[s]), float64s(rowsOf(c0, d)[s])
					for i := range int(lens[s]) {
						step := i
						if d == 1 {
							step = int(lens[s]) - 1 - i
						}
						h, c = m.step(float64s(rowsOf(x, step)[s]), h, c)
						for k, v := range h {
							y.Float32s()[((step*dirs+d)*batch+s)*hidden+k] = float32(v)
						}
					}
					for k := range h {
						yh.Float32s()[(d*batch+s)*hidden+k] = float32(h[k])
						if c != nil {
							yc.Float32s()[(d*batch+s)*hidden+k] = float32(c[k])
						}
					}
				}
			}
			want := []nd.Array{y, yh, yc}
			if op.name != "LSTM" {
				want = want[:2]
			}
			var tests []valueTest
			for i, a := range want {
				tests = append(tests, valueTest{testNode{op: op.name, name: fmt.Sprint("output ", i), attrs: attrs, inputs: in, output: i}, a})
			}
			checkValues(t, tests)
		})
	}
}

// TestEmptyBatch: without sequences, the gradients of the weights are zeros.
func TestEmptyBatch(t *testing.T) {
	for op, gates := range map[string]int{"RNN": 1, "GRU": 3, "LSTM": 4} {
		b := NewBuilder(nil)
		y, vars, err := testNode{op: op, inputs: []any{[]int{4, 0, 2}, []int{1, gates * 3, 2}, []int{1, gates * 3, 3}}}.build(b)
		if err != nil {
			t.Fatal(err)
		}
		leaves := map[*Value]nd.Array{}
		for _, v := range vars {
			leaves[v] = nd.New(nd.Float32, v.Shape...)
		}
		got := gradientOf(t, b, y, vars[2], leaves, nd.New(nd.Float32, y.Shape...))
		if err := sameArray(got, nd.New(nd.Float32, 1, gates*3, 3)); err != nil {
			t.Errorf("%s: %v", op, err)
		}
	}
}

// rowsOf returns the rows of matrix i of a, rowOf row i.
func rowsOf(a nd.Array, i int) (rows [][]float32) {
	m := a.Rows(i, i+1)
	n := m.Shape[2]
	for r := range m.Shape[1] {
		rows = append(rows, m.Float32s()[r*n:(r+1)*n])
	}
	return rows
}

func rowOf(a nd.Array, i int) []float32 { return a.Rows(i, i+1).Float32s() }

func float64s(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

func TestRecurrentFailures(t *testing.T) {
	attrs := func(name string, v any) map[string]any { return map[string]any{name: v} }
	with := func(i int, v any) []any {
		in := recurrentInputs(4, 1, nil, 2)
		in[i] = v
		return in
	}
	checkFailures(t, []failureTest{
		{testNode{op: "LSTM", name: "rank", inputs: []any{[]int{4, 2}, []int{1, 12, 2}, []int{1, 12, 3}}}, "three axes", false},
		{testNode{op: "LSTM", name: "hidden_size", attrs: attrs("hidden_size", 4), inputs: with(4, nil)}, "hidden_size of 4", false},
		{testNode{op: "LSTM", name: "W", inputs: with(1, []int{1, 12, 3})}, "input 1 of shape", false},
		{testNode{op: "LSTM", name: "no units", inputs: with(2, []int{1, 0, 0})}, "hidden_size of 0", false},
		{testNode{op: "LSTM", name: "one direction of weights", attrs: attrs("direction", "bidirectional"), inputs: with(4, nil)}, "input 1 of shape", false},
		{testNode{op: "LSTM", name: "direction", attrs: attrs("direction", "sideways"), inputs: with(4, nil)}, "sideways", false},
		{testNode{op: "LSTM", name: "initial state", inputs: with(6, []int{1, 2, 3})}, "input 6", false},
		{testNode{op: "LSTM", name: "no steps", inputs: with(0, []int{0, 3, 2})}, "no steps", false},
		{testNode{op: "LSTM", name: "lengths of another batch", inputs: with(4, ints(1, 2))}, "sequence_lens", false},
		{testNode{op: "LSTM", name: "length", inputs: []any{nd.New(nd.Float32, 4, 3, 2), nd.New(nd.Float32, 1, 12, 2), nd.New(nd.Float32, 1, 12, 3), nil, ints(1, 5, 2)}}, "length 5", false},
		{testNode{op: "LSTM", name: "activations", attrs: attrs("activations", []string{"Tanh"}), inputs: with(4, nil)}, "1 activations", false},
		{testNode{op: "LSTM", name: "activation", attrs: attrs("activations", []string{"Tanh", "Tanh", "Cube"}), inputs: with(4, nil)}, "Cube", true},
		{testNode{op: "LSTM", name: "falling", attrs: map[string]any{"activations": []string{"Elu", "Tanh", "Tanh"}, "activation_alpha": []float32{-1}}, inputs: with(4, nil)}, "alpha of -1", true},
		{testNode{op: "LSTM", name: "clip", attrs: attrs("clip", 2.0), inputs: with(4, nil)}, "clip", true},
	})
}
