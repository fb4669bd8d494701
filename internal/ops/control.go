package ops

import (
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// control: If (opset 1), Loop (opset 1), Scan (opset 9).
//
// A graph has no control flow. If the condition of an If is known at compile time,
// its branch is built in place of the node. Otherwise both branches are built, and
// Where chooses between their results. Loops are unrolled, so that the number of
// iterations must be known at compile time. It usually is, because it depends only
// on constants.

// maxIterations is the limit on the unrolling of one loop.
const maxIterations = 1 << 14

// body builds a graph attribute with the given inputs and returns its first
// outputs.
func (c *Call) body(name string, outputs int, inputs ...*Value) []*Value {
	g := c.graphAttr(name)
	if n := len(g.GetOutput()); n < outputs {
		c.fail("%s has %d outputs; %d are expected", name, n, outputs)
	}
	out, err := c.Graph(g, inputs)
	if err != nil {
		fail("%s: %w", name, err)
	}
	return out[:outputs]
}

// graphAttr returns a graph attribute. It ends the build if there is none.
func (c *Call) graphAttr(name string) *onnxpb.GraphProto {
	a := c.attr(name, onnxpb.AttributeProto_GRAPH)
	if a == nil || a.GetG() == nil {
		c.fail("attribute %q is missing", name)
	}
	return a.GetG()
}

// single returns input i as a scalar.
func (c *Call) single(i int, t nd.DType) *Value {
	v := c.Input(i)
	if v.DType != t || v.Len() != 1 {
		c.fail("input %d is %v%v; one %v is expected", i, v.DType, v.Shape, t)
	}
	return c.Reshape(v)
}

func buildIf(c *Call) []*Value {
	cond := c.single(0, nd.Bool)
	branch := func(holds bool) []*Value {
		if holds {
			return c.body("then_branch", c.NumOutputs())
		}
		return c.body("else_branch", c.NumOutputs())
	}
	if a, ok := cond.Constant(); ok {
		return branch(a.Bools()[0])
	}
	var out []*Value
	err := Catch(func() { out = c.choose(cond, branch(true), branch(false)) })
	if err == nil {
		return out
	}
	// A branch that is never taken may not fit the shapes.
	if a, ok := c.Known(cond); ok {
		return branch(a.Bools()[0])
	}
	fail("a condition that depends on the model's inputs: %w", err)
	return nil
}

// choose returns the results of one of two branches, chosen at run time.
func (c *Call) choose(cond *Value, then, otherwise []*Value) []*Value {
	out := make([]*Value, len(then))
	for i, x := range then {
		y := otherwise[i]
		if !x.isTensor() || !y.isTensor() {
			unsupported("output %d is a sequence or optional value that depends on the condition", i)
		}
		if x.DType != y.DType || !slices.Equal(x.Shape, y.Shape) {
			unsupported("output %d is %v%v or %v%v, depending on the condition", i, x.DType, x.Shape, y.DType, y.Shape)
		}
		out[i] = c.Where(cond, x, y)
	}
	return out
}

// stacks collects what the iterations of a loop return, to be joined along a new
// axis.
type stacks struct {
	*Call
	parts [][]*Value
}

func (s *stacks) push(values []*Value) {
	s.refuseSequences(values)
	if s.parts == nil {
		s.parts = make([][]*Value, len(values))
	}
	for i, v := range values {
		s.parts[i] = append(s.parts[i], v)
	}
}

func (s *stacks) refuseSequences(values []*Value) {
	for _, v := range values {
		if !v.isTensor() {
			s.fail("an iteration returns %s to be stacked", v.kind())
		}
	}
}

// join joins collection i along an axis, which counts from the end if negative.
func (s *stacks) join(i, axis int, backwards bool) *Value {
	parts := slices.Clone(s.parts[i])
	if backwards {
		slices.Reverse(parts)
	}
	axis = s.Axis(axis, parts[0].Rank()+1)
	for k, p := range parts {
		parts[k] = s.unsqueeze(p, []int{axis})
	}
	return s.Concat(axis, parts...)
}

// none returns the result of join without iterations. Its type and shape are those
// of an iteration that is built only to find them.
func (s *stacks) none(values []*Value, axis func(i int) int) []*Value {
	s.refuseSequences(values)
	out := make([]*Value, len(values))
	for i, v := range values {
		shape := slices.Insert(slices.Clone(v.Shape), s.Axis(axis(i), v.Rank()+1), 0)
		out[i] = s.zeros("Loop", v.DType, shape...)
	}
	return out
}

// buildLoop unrolls a Loop. The body receives the iteration's number, the condition
// and the states, and returns the condition, the states and the values to stack.
func buildLoop(c *Call) []*Value {
	var states []*Value
	for i := 2; i < c.NumInputs(); i++ {
		states = append(states, c.Input(i))
	}
	n := len(states)
	outputs := len(c.graphAttr("body").GetOutput())
	if outputs < 1+n {
		c.fail("body has %d outputs for %d states", outputs, n)
	}
	iterate := func(i int) []*Value {
		in := append([]*Value{c.Const(nd.Scalar(int64(i))), c.Const(nd.Scalar(true))}, states...)
		return c.body("body", outputs, in...)
	}
	trips := -1 // as many as the condition allows
	if c.Optional(0) != nil {
		trips = int(max(0, c.settled(c.single(0, nd.Int64), "number of iterations").Int64s()[0]))
	}
	run := c.Optional(1) == nil || c.settled(c.single(1, nd.Bool), "condition").Bools()[0]
	s := stacks{Call: c}
	for i := 0; run && (trips < 0 || i < trips); i++ {
		if i == maxIterations {
			unsupported("more than %d iterations", maxIterations)
		}
		out := iterate(i)
		if out[0].DType != nd.Bool || out[0].Len() != 1 {
			c.fail("body returns %v%v as its condition", out[0].DType, out[0].Shape)
		}
		// The condition after the last trip need not be known.
		run = i+1 == trips || c.settled(out[0], "condition").Bools()[0]
		states = out[1 : 1+n]
		s.push(out[1+n:])
	}
	result := slices.Clone(states)
	if outputs == 1+n {
		return result
	}
	if s.parts == nil {
		return append(result, s.none(iterate(0)[1+n:], func(int) int { return 0 })...)
	}
	for i := range s.parts {
		result = append(result, s.join(i, 0, false))
	}
	return result
}

// settled returns the elements of a value that decides how often a loop runs.
func (c *Call) settled(v *Value, what string) nd.Array {
	a, ok := c.Known(v)
	if !ok {
		unsupported("a %s that depends on the model's inputs", what)
	}
	return a
}

// buildScan unrolls a Scan. The body receives the states and an element of each
// scanned input, and returns the states and the values to stack.
func buildScan(c *Call) []*Value {
	scanned := c.Int("num_scan_inputs", 0)
	n := c.NumInputs() - scanned
	outputs := len(c.graphAttr("body").GetOutput())
	if scanned < 1 || n < 0 || outputs < n {
		c.fail("%d inputs, of which %d are scanned, and a body with %d outputs", c.NumInputs(), scanned, outputs)
	}
	states := make([]*Value, n)
	for i := range states {
		states[i] = c.Input(i)
	}
	stacked := outputs - n
	inAxes, inWay := c.perScan("scan_input_axes", scanned), c.perScan("scan_input_directions", scanned)
	outAxes, outWay := c.perScan("scan_output_axes", stacked), c.perScan("scan_output_directions", stacked)
	elements := make([][]*Value, scanned)
	length := -1
	for k := range elements {
		x := c.Input(n + k)
		axis := c.Axis(inAxes[k], x.Rank())
		if length < 0 {
			length = x.Shape[axis]
		} else if length != x.Shape[axis] {
			c.fail("scanned inputs of lengths %d and %d", length, x.Shape[axis])
		}
		if length > maxIterations {
			unsupported("%d iterations; at most %d are", length, maxIterations)
		}
		elements[k] = c.unstack(x, axis)
		if inWay[k] != 0 {
			slices.Reverse(elements[k])
		}
	}
	s := stacks{Call: c}
	for i := range length {
		in := slices.Clone(states)
		for k := range elements {
			in = append(in, elements[k][i])
		}
		out := c.body("body", outputs, in...)
		states = out[:n]
		s.push(out[n:])
	}
	result := slices.Clone(states)
	if length == 0 {
		in := slices.Clone(states)
		for k := range elements {
			x := c.Input(n + k)
			axis := c.Axis(inAxes[k], x.Rank())
			in = append(in, c.zeros("Scan", x.DType, slices.Delete(slices.Clone(x.Shape), axis, axis+1)...))
		}
		return append(result, s.none(c.body("body", outputs, in...)[n:], func(i int) int { return outAxes[i] })...)
	}
	for i := range stacked {
		result = append(result, s.join(i, outAxes[i], outWay[i] != 0))
	}
	return result
}

// perScan returns an attribute with one number for each scanned or stacked value, 0
// if it is not given.
func (c *Call) perScan(name string, n int) []int {
	v := c.IntsAttr(name)
	if v == nil {
		return make([]int, n)
	}
	if len(v) != n {
		c.fail("attribute %q has %d values; %d are expected", name, len(v), n)
	}
	return v
}

// unstack returns the elements of x along an axis, without that axis. It slices by
// halves. The gradient of a slice is as large as the value that was sliced, so that
// slicing each element from x would take quadratic time.
func (b *Builder) unstack(x *Value, axis int) []*Value {
	switch n := x.Shape[axis]; n {
	case 0:
		return nil
	case 1:
		return []*Value{b.squeeze(x, []int{axis})}
	default:
		low, high := b.Slice(x, axis, 0, n/2, 1), b.Slice(x, axis, n/2, n-n/2, 1)
		return append(b.unstack(low, axis), b.unstack(high, axis)...)
	}
}

var control = family{
	"If":   {1, buildIf},
	"Loop": {1, buildLoop},
	"Scan": {9, buildScan},
}
