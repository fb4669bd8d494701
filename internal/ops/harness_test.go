package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
	"gorgonia.org/gorgonia"
)

// testNode is one ONNX node with its inputs: arrays that vary are float32
// variables, constants decide shapes and have no gradient.
type testNode struct {
	name   string // of the case; the operator's name when empty
	domain string // "" is ONNX's own
	op     string
	opset  int // 17 when 0
	attrs  map[string]any
	inputs []any // nd.Array: constant; shape []int: random variable; nil: left out
	output int   // which output is examined
	// from and to bound the random inputs; -1 and 1 when both are 0.
	from, to float32
	noGrad   bool // no float input has a gradient
}

func (n testNode) String() string {
	if n.name != "" {
		return n.op + "/" + n.name
	}
	return n.op
}

func (n testNode) proto() *onnxpb.NodeProto {
	p := &onnxpb.NodeProto{OpType: proto.String(n.op), Name: proto.String("test"), Output: []string{"y0", "y1", "y2", "y3"}}
	for i := range n.inputs {
		p.Input = append(p.Input, fmt.Sprint("x", i))
	}
	p.Output = p.Output[:n.output+1]
	for name, v := range n.attrs {
		a := &onnxpb.AttributeProto{Name: proto.String(name)}
		set := func(t onnxpb.AttributeProto_AttributeType) { a.Type = t.Enum() }
		switch v := v.(type) {
		case int:
			set(onnxpb.AttributeProto_INT)
			a.I = proto.Int64(int64(v))
		case float64:
			set(onnxpb.AttributeProto_FLOAT)
			a.F = proto.Float32(float32(v))
		case string:
			set(onnxpb.AttributeProto_STRING)
			a.S = []byte(v)
		case []int:
			set(onnxpb.AttributeProto_INTS)
			for _, x := range v {
				a.Ints = append(a.Ints, int64(x))
			}
		case []float32:
			set(onnxpb.AttributeProto_FLOATS)
			a.Floats = v
		case []string:
			set(onnxpb.AttributeProto_STRINGS)
			for _, x := range v {
				a.Strings = append(a.Strings, []byte(x))
			}
		default:
			panic(fmt.Sprintf("attribute %q of type %T", name, v))
		}
		p.Attribute = append(p.Attribute, a)
	}
	return p
}

// build builds the node with the variables as leaves.
func (n testNode) build(b *Builder) (y *Value, vars []*Value, err error) {
	op, ok := Lookup(n.domain, n.op)
	if !ok {
		return nil, nil, fmt.Errorf("no operator %q of domain %q", n.op, n.domain)
	}
	c := &Call{Builder: b, Node: n.proto(), Opset: n.opset}
	if c.Opset == 0 {
		c.Opset = 17
	}
	for i, in := range n.inputs {
		switch in := in.(type) {
		case nil:
			c.Inputs = append(c.Inputs, nil)
		case nd.Array:
			c.Inputs = append(c.Inputs, b.Const(in))
		case typed:
			v := b.Const(in.Array)
			v.Elem = in.elem
			c.Inputs = append(c.Inputs, v)
		case []int:
			v := b.Variable(fmt.Sprint("x", i), nd.Float32, in...)
			vars = append(vars, v)
			c.Inputs = append(c.Inputs, v)
		}
	}
	err = Catch(func() { y = op.Build(c)[n.output] })
	return y, vars, err
}

// evaluate computes a value from the leaves' arrays.
func evaluate(v *Value, leaves map[*Value]nd.Array, memo map[*Value]nd.Array) nd.Array {
	if a, ok := v.Constant(); ok {
		return a
	}
	if a, ok := leaves[v]; ok {
		return a
	}
	if a, ok := memo[v]; ok {
		return a
	}
	in := make([]nd.Array, len(v.in))
	for i, x := range v.in {
		in[i] = evaluate(x, leaves, memo)
	}
	a := v.op.compute(nil, in)
	memo[v] = a
	return a
}

// check compares the gradient of Σ y·seed with central differences, and our
// evaluation with that of Gorgonia's TapeMachine.
func check(t *testing.T, n testNode) {
	t.Helper()
	b := NewBuilder(nil)
	y, vars, err := n.build(b)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	if n.from == 0 && n.to == 0 {
		n.from, n.to = -1, 1
	}
	leaves := map[*Value]nd.Array{}
	for _, v := range vars {
		a := nd.New(nd.Float32, v.Shape...)
		for i := range a.Float32s() {
			a.Float32s()[i] = n.from + (n.to-n.from)*rng.Float32()
		}
		leaves[v] = a
	}
	seed := nd.New(nd.Float32, y.Shape...)
	for i := range seed.Float32s() {
		seed.Float32s()[i] = rng.Float32() - 0.3
	}
	s := b.Variable("seed", nd.Float32, y.Shape...)
	leaves[s] = seed
	cost := b.Dot(y, s)
	if n.noGrad {
		evaluate(cost, leaves, map[*Value]nd.Array{})
		return
	}
	var nodes gorgonia.Nodes
	for _, v := range vars {
		nodes = append(nodes, b.Node(v))
	}
	grads, err := gorgonia.Grad(b.Node(cost), nodes...)
	if err != nil {
		t.Fatal(err)
	}
	loss := func() float64 {
		sum := 0.0
		for i, v := range evaluate(y, leaves, map[*Value]nd.Array{}).Float32s() {
			sum += float64(v) * float64(seed.Float32s()[i])
		}
		return sum
	}
	memo := map[*Value]nd.Array{}
	for k, node := range grads {
		gv, err := b.Value(node)
		if err != nil {
			t.Fatal(err)
		}
		got := evaluate(gv, leaves, memo).Float32s()
		x := leaves[vars[k]].Float32s()
		const h = 1.0 / 256
		var diff, norm float64
		for i := range x {
			old := x[i]
			x[i] = old + h
			up := loss()
			x[i] = old - h
			down := loss()
			x[i] = old
			want := (up - down) / (2 * h)
			diff += (float64(got[i]) - want) * (float64(got[i]) - want)
			norm += want * want
		}
		if err := math.Sqrt(diff) / max(math.Sqrt(norm), 1e-2); err > 1e-2 || err != err {
			t.Errorf("gradient by input %d: relative error %.3g (norm %.3g)", k, err, math.Sqrt(norm))
		}
	}
	checkTape(t, b, leaves, y, grads, vars, memo)
}

// checkTape runs the graph on Gorgonia's own machine.
func checkTape(t *testing.T, b *Builder, leaves map[*Value]nd.Array, y *Value, grads gorgonia.Nodes, vars []*Value, memo map[*Value]nd.Array) {
	t.Helper()
	for v, a := range leaves {
		if err := gorgonia.Let(b.Node(v), GorgoniaValue(a)); err != nil {
			t.Fatal(err)
		}
	}
	for n, v := range b.values {
		if a, ok := v.Constant(); ok && n.Op() == nil {
			if err := gorgonia.Let(n, GorgoniaValue(a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	reads := make([]gorgonia.Value, len(grads))
	for i, g := range grads {
		gorgonia.Read(g, &reads[i])
	}
	vm := gorgonia.NewTapeMachine(b.Graph)
	defer vm.Close()
	if err := vm.RunAll(); err != nil {
		t.Fatalf("tape machine: %v", err)
	}
	for i, g := range grads {
		gv, _ := b.Value(g)
		want := evaluate(gv, leaves, memo).Float32s()
		got := arrayOf(reads[i], vars[i].Shape).Float32s()
		for k := range want {
			if math.Abs(float64(got[k]-want[k])) > 1e-5*(1+math.Abs(float64(want[k]))) {
				t.Fatalf("gradient by input %d: element %d is %g, the tape machine has %g", i, k, want[k], got[k])
			}
		}
	}
}

// ints and floats make constant inputs.
func ints(v ...int64) nd.Array     { return nd.Of(v, len(v)) }
func floats(v ...float32) nd.Array { return nd.Of(v, len(v)) }
