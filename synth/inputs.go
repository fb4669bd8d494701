package synth

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A model may have other inputs beside the one whose samples are made up with care: masks, which let
// everything through here, states, which begin at zero, numbers of tokens, and further numbers.

// beside is one of the other inputs.
type beside struct {
	gradient.Input
	shape []int // of one sample
	top   int   // integers lie below
}

// choose returns the input whose samples are made up, the floats of which a sample has most, and the
// others; false if there are no floats, or if not all shapes are known.
func choose(m *onnxio.Model, axes *gradient.Axes, inputs []gradient.Input) (in gradient.Input, others []beside, ok bool) {
	size := func(one gradient.Input) int {
		shape := axes.Shape(one)
		if len(shape) < 2 || one.DType != nd.Float32 || state(one.Name) || mask(one.Name) {
			return 0
		}
		if n := nd.Size(shape[1:]); slices.Min(shape[1:]) > 0 {
			return n
		}
		return 1 // open
	}
	in = slices.MaxFunc(inputs, func(a, b gradient.Input) int { return size(a) - size(b) })
	if size(in) == 0 && len(inputs) > 1 || in.DType != nd.Float32 {
		return in, nil, false
	}
	for _, one := range inputs {
		if one.Name == in.Name {
			continue
		}
		shape := axes.Shape(one)
		if len(shape) == 0 || slices.Min(append([]int{1}, shape[1:]...)) < 1 {
			return in, nil, false
		}
		others = append(others, beside{one, shape[1:], rowsOf(m.Proto().GetGraph(), one.Name)})
	}
	return in, others, true
}

func mask(name string) bool  { return strings.Contains(strings.ToLower(name), "mask") }
func state(name string) bool { return gradient.StateName.MatchString(name) }

// rowsOf returns the number of rows of the smallest table that an input chooses from, and 2 if there is
// none: what an input of integers means is then not known, and 0 and 1 are something to most.
func rowsOf(g *onnxpb.GraphProto, input string) int {
	rows := map[string]int{}
	for _, t := range g.GetInitializer() {
		if d := t.GetDims(); len(d) > 0 {
			rows[t.GetName()] = int(d[0])
		}
	}
	top := 0
	same := map[string]bool{input: true}
	for _, n := range g.GetNode() { // in the order in which they are computed
		in := n.GetInput()
		switch n.GetOpType() {
		case "Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten":
			if len(in) > 0 && same[in[0]] {
				same[n.GetOutput()[0]] = true
			}
		case "Gather":
			if len(in) == 2 && same[in[1]] && rows[in[0]] > 0 && (top == 0 || rows[in[0]] < top) {
				top = rows[in[0]]
			}
		}
	}
	if top == 0 {
		return 2
	}
	return top
}

// make returns n samples of the input.
func (b beside) make(rng *rand.Rand, n int) nd.Array {
	a := nd.New(b.DType, append([]int{n}, b.shape...)...)
	switch x := a.Data.(type) {
	case []float32:
		for i := range x {
			switch {
			case mask(b.Name):
				x[i] = 1
			case !state(b.Name):
				x[i] = float32(rng.NormFloat64())
			}
		}
	case []int64:
		for i := range x {
			if x[i] = 1; !mask(b.Name) {
				x[i] = rng.Int64N(int64(b.top))
			}
		}
	case []bool:
		for i := range x {
			x[i] = mask(b.Name) || rng.IntN(2) > 0
		}
	}
	return a
}

// Input returns the name of the input whose samples are of the family that Options ask for; "" if
// there is none.
func Input(m *onnxio.Model, axes *gradient.Axes) string {
	inputs, err := gradient.Inputs(m)
	if err != nil || len(inputs) == 0 {
		return ""
	}
	in, _, ok := choose(m, axes, inputs)
	if !ok {
		return ""
	}
	return in.Name
}

// input returns the name of the input to make samples of and the shape of one, and the other inputs.
func input(m *onnxio.Model, axes *gradient.Axes, given []int) (name string, shape []int, others []beside, err error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return "", nil, nil, err
	}
	if len(inputs) == 0 {
		return "", nil, nil, &InputsError{m.Path(), inputs}
	}
	in, others, ok := choose(m, axes, inputs)
	if !ok {
		return "", nil, nil, &InputsError{m.Path(), inputs}
	}
	shape, err = shapeOf(m, axes, in, given)
	return in.Name, shape, others, err
}

// shapeOf returns the shape of a sample, as given or declared.
func shapeOf(m *onnxio.Model, axes *gradient.Axes, in gradient.Input, given []int) ([]int, error) {
	want := axes.Shape(in)
	if given != nil {
		if len(want) > 0 && len(want) != len(given)+1 {
			return nil, fmt.Errorf("%s: a sample of shape %v does not fit input %v without its axis of samples", m.Path(), given, in)
		}
		for i, n := range given {
			if n < 1 || len(want) > 0 && want[i+1] >= 0 && want[i+1] != n {
				return nil, fmt.Errorf("%s: a sample of shape %v does not fit input %v without its axis of samples", m.Path(), given, in)
			}
		}
		return given, nil
	}
	if len(want) < 2 || slices.Min(want[1:]) < 0 {
		return nil, &ShapeError{m.Path(), in, sizesOf(axes, in)}
	}
	return want[1:], nil
}

// sizesOf returns the declared sizes of a sample, as names where they are open.
func sizesOf(axes *gradient.Axes, in gradient.Input) (sizes []string) {
	k := axes.Input(in.Name)
	for i, n := range in.Shape {
		switch {
		case i == k:
		case n >= 0:
			sizes = append(sizes, strconv.Itoa(n))
		default:
			sizes = append(sizes, cmp.Or(in.Dims[i], string(rune('A'+i%26))))
		}
	}
	return sizes
}

// batched returns the shapes of a batch of all inputs.
func batched(in string, shape []int, others []beside, size int) map[string][]int {
	all := map[string][]int{in: append([]int{size}, shape...)}
	for _, one := range others {
		all[one.Name] = append([]int{size}, one.shape...)
	}
	return all
}
