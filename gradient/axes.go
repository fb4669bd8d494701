package gradient

import (
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// NoAxis as an axis says that none counts samples: a scalar, a state whose batch is fixed
// at one, or arrays that are one sample all together.
const NoAxis = -1

// Axes say which axis of each input and output counts samples. Those that are not listed
// have axis 0. Sources, and all who use a Program that was compiled with Axes, always have
// samples on axis 0 in front of the others: an input or output without an axis of samples
// has one more there.
type Axes struct {
	Inputs, Outputs map[string]int
	// Single says that the model computes one sample at a time.
	Single bool
	// Batch is the number of samples that the model takes at a time; 0 means any.
	Batch int
	// Open says that any number of samples can be computed at a time although the model
	// declares one.
	Open bool
}

// batchName matches names of axes that count samples, sequence and wholeName those of axes
// that count what one sample consists of, and unspecific those that exporters number.
var (
	batchName  = regexp.MustCompile(`(?i)batch|^(n|b|bs|bsz|samples?)\d*$`)
	sequence   = regexp.MustCompile(`(?i)seq|time|frame|length|steps|^(t|l)$`)
	wholeName  = regexp.MustCompile(`(?i)node|edge|atom|vert|point`)
	unspecific = regexp.MustCompile(`(?i)^$|^\?$|unk|dynamic|^dim|^axis|^s\d+$|^u\d+$|_dim_\d+$`)
)

// StateName matches names of inputs that carry a state from one call to the next.
var StateName = regexp.MustCompile(`(?i)past|present|cache|state|hidden|^(h|c)(n|_?in|_?out|_?\d+)?$`)

// AxesOf reads from the declared shapes of a model's inputs which axes count samples. The
// first input of rank 2 or more whose first axis is open leads: an axis of another input
// counts samples as well if it has the same name, or is the only one that can. The error
// is a *MemoryError if a batch of a fixed size would take more than 256 MiB.
func AxesOf(m *onnxio.Model) (*Axes, error) {
	inputs, err := Inputs(m)
	if err != nil {
		return nil, err
	}
	a := &Axes{Inputs: map[string]int{}, Outputs: map[string]int{}}
	if len(inputs) == 1 && (oneImage(inputs[0].Shape) || multiplied(m, inputs[0])) || vectors(inputs) {
		for _, in := range inputs {
			a.Inputs[in.Name] = NoAxis
		}
		return a, a.settle(inputs)
	}
	lead := -1
	for i, in := range inputs {
		if in.Shape == nil || len(in.Shape) > 0 && in.Shape[0] < 0 && (lead < 0 || len(in.Shape) > 1 && len(inputs[lead].Shape) < 2) {
			if lead = i; in.Shape == nil {
				break
			}
		}
	}
	if lead < 0 {
		lead = max(0, slices.IndexFunc(inputs, func(in Input) bool { return len(in.Shape) > 0 && !StateName.MatchString(in.Name) }))
	}
	if len(inputs) == 0 || len(inputs[lead].Shape) == 0 && inputs[lead].Shape != nil {
		if a.Single = len(inputs) > 0; a.Single {
			a.Batch = 1
		}
		for _, in := range inputs {
			a.Inputs[in.Name] = NoAxis
		}
		return a, nil
	}
	at := leading(inputs[lead])
	a.Inputs[inputs[lead].Name] = at
	for i, in := range inputs {
		if i != lead {
			a.Inputs[in.Name] = axisBeside(in, inputs[lead], at)
		}
		if in.Shape == nil {
			delete(a.Inputs, in.Name)
		}
	}
	a.whole(inputs, inputs[lead])
	return a, a.settle(inputs)
}

// leading returns the axis of the leading input: the first, unless another one has the
// name of a batch.
func leading(in Input) int {
	if k := slices.IndexFunc(in.Dims, batchName.MatchString); k > 0 && sequence.MatchString(in.Dims[0]) && !batchName.MatchString(in.Dims[0]) {
		return k
	}
	return 0
}

// axisBeside returns the axis of an input that counts samples as axis at of lead does.
func axisBeside(in, lead Input, at int) int {
	if len(in.Shape) == 0 {
		return NoAxis
	}
	if size := sizeOf(lead.Shape, at); size >= 0 { // both are fixed
		if in.Shape[0] == size || in.Shape[0] < 0 {
			return 0
		}
		if k := slices.Index(in.Shape, size); k > 0 && size == 1 && StateName.MatchString(in.Name) {
			return k
		}
		return NoAxis
	}
	name := ""
	if len(lead.Dims) > at {
		name = lead.Dims[at]
	}
	if name != "" {
		if k := slices.Index(in.Dims, name); k >= 0 {
			return k
		}
	}
	if in.Shape[0] < 0 {
		return 0
	}
	for k, n := range in.Shape {
		if n < 0 && (batchName.MatchString(in.Dims[k]) || unspecific.MatchString(in.Dims[k])) {
			return k
		}
	}
	return NoAxis
}

// oneImage reports whether a shape is that of one image without an axis of samples, [3,H,W],
// as torchvision's detectors take it.
func oneImage(shape []int) bool {
	large := func(n int) bool { return n < 0 || n >= 16 }
	return len(shape) == 3 && shape[0] == 3 && large(shape[1]) && large(shape[2])
}

// vectors reports whether the inputs are one vector of a fixed size, or several of different
// sizes, such as the observations of a policy. Such vectors are one sample. They are not
// batches of single numbers.
func vectors(inputs []Input) bool {
	sizes := map[int]bool{}
	for _, in := range inputs {
		if len(in.Shape) != 1 || in.Shape[0] < 0 {
			return false
		}
		sizes[in.Shape[0]] = true
	}
	return len(sizes) > 1 || len(inputs) == 1 && inputs[0].Shape[0] > 1
}

// multiplied reports whether the only axis of an input is the one that a matrix is multiplied along.
// Exporters name it after the batch, as of any first axis.
func multiplied(m *onnxio.Model, in Input) bool {
	if len(in.Shape) != 1 {
		return false
	}
	for _, n := range m.Proto().GetGraph().GetNode() {
		if n.GetOpType() == "MatMul" && FirstInput(n) == in.Name {
			return true
		}
	}
	return false
}

func sizeOf(shape []int, axis int) int {
	if len(shape) <= axis {
		return -1
	}
	return shape[axis]
}

// whole finds models whose inputs together are one sample, such as the nodes and the edges of
// a graph. An input whose first axis has a name like "nodes" shows that.
func (a *Axes) whole(inputs []Input, lead Input) {
	counts := func(in Input) bool { return len(in.Dims) > 0 && wholeName.MatchString(in.Dims[0]) }
	if len(lead.Dims) == 0 || a.Inputs[lead.Name] > 0 || !slices.ContainsFunc(inputs, counts) {
		return
	}
	for _, in := range inputs {
		if slices.ContainsFunc(in.Dims, batchName.MatchString) {
			return
		}
	}
	for _, in := range inputs {
		a.Inputs[in.Name] = NoAxis
	}
}

// settle finds the size of a batch, after axes were set. It is an error if an axis does
// not exist.
func (a *Axes) settle(inputs []Input) error {
	a.Batch = 0
	samples := false
	for _, in := range inputs {
		k := a.Inputs[in.Name]
		if in.Shape == nil && k >= 0 {
			samples = true
			continue
		}
		if k < NoAxis || k >= max(len(in.Shape), 1) {
			return &AxisError{in.Name, k, in.Shape}
		}
		if k == NoAxis || len(in.Shape) == 0 {
			// What has a batch of one inside takes one sample at a time.
			if a.Inputs[in.Name] = NoAxis; len(in.Shape) > 1 && (slices.Contains(in.Shape, 1) || slices.Contains(in.Shape, -1)) {
				a.Single = true
			}
			continue
		}
		samples = true
		if in.Shape[k] > 0 {
			a.Batch = in.Shape[k]
		}
	}
	if !samples {
		a.Single = true
	}
	if a.Single {
		a.Batch = 1
	}
	return a.checkSize(inputs)
}

// mostBatch bounds the elements of one input in a batch whose size the model decides.
const mostBatch = 1 << 26

// checkSize returns a *MemoryError if a batch would take more than 256 MiB.
func (a *Axes) checkSize(inputs []Input) error {
	for _, in := range inputs {
		if a.Batch == 0 || len(in.Shape) == 0 || a.Inputs[in.Name] == NoAxis {
			continue
		}
		sample := Input{Shape: a.Shape(in)[1:]}.Batched(1)
		if size, err := nd.CheckedSize(append([]int{a.Batch}, sample...)); err != nil || size > mostBatch {
			return fmt.Errorf("input %v in batches of %d: %w", in, a.Batch, &MemoryError{Limit: 4 * mostBatch, Fixed: true})
		}
	}
	return nil
}

// With returns axes with others for some inputs and outputs. It is an error if the model
// has no such input or output, or that has no such axis.
func (a *Axes) With(m *onnxio.Model, others map[string]int) (*Axes, error) {
	inputs, err := Inputs(m)
	if err != nil || len(others) == 0 {
		return a, err
	}
	b := &Axes{Inputs: maps.Clone(a.Inputs), Outputs: maps.Clone(a.Outputs)}
	for _, name := range slices.Sorted(maps.Keys(others)) {
		known := false
		for _, in := range inputs {
			if in.Name == name {
				b.Inputs[name], known = others[name], true
			}
		}
		for _, v := range m.Proto().GetGraph().GetOutput() {
			if v.GetName() == name {
				b.Outputs[name], known = others[name], true
			}
		}
		if !known {
			return nil, &AxisError{Name: name}
		}
	}
	return b, b.settle(inputs)
}

// AxisError means that an input or output does not have the axis of samples that Axes
// asks for, or that there is no input or output of that name.
type AxisError struct {
	Name  string
	Axis  int
	Shape []int // nil if there is none of that name
}

func (e *AxisError) Error() string {
	if e.Shape == nil {
		return fmt.Sprintf("the model has no input or output %q", e.Name)
	}
	return fmt.Sprintf("%q of shape %v has no axis %d", e.Name, e.Shape, e.Axis)
}

// SharedError means that samples of one batch differ in an input that all of them share.
type SharedError struct {
	Input string
}

func (e *SharedError) Error() string {
	return fmt.Sprintf("input %q has no axis of samples, but its values differ from sample to sample", e.Input)
}

// Input returns the axis of an input; 0 for nil Axes.
func (a *Axes) Input(name string) int {
	if a == nil {
		return 0
	}
	return a.Inputs[name]
}

func (a *Axes) output(name string) int {
	if a == nil {
		return 0
	}
	return a.Outputs[name]
}

// Shape returns the declared shape of an input as sources have it, with samples on axis 0;
// nil if the rank is open.
func (a *Axes) Shape(in Input) []int {
	k := a.Input(in.Name)
	switch {
	case in.Shape == nil || k == 0:
		return in.Shape
	case k == NoAxis:
		return append([]int{-1}, in.Shape...)
	}
	shape := append([]int{in.Shape[k]}, in.Shape[:k]...)
	return append(shape, in.Shape[k+1:]...)
}

// declared returns the shape that the model sees of a batch.
func (a *Axes) declared(name string, shape []int) []int {
	k := a.Input(name)
	switch {
	case k == 0 || len(shape) == 0:
		return shape
	case k == NoAxis:
		return shape[1:]
	}
	if k >= len(shape) {
		return shape
	}
	out := append([]int{}, shape[1:k+1]...)
	return append(append(out, shape[0]), shape[k+1:]...)
}

// accepts reports whether a model takes a batch of this shape.
func (a *Axes) accepts(in Input, shape []int) bool {
	seen := a.declared(in.Name, shape)
	if k := a.Input(in.Name); a != nil && a.Open && k >= 0 && k < len(in.Shape) && in.Shape[k] == 1 {
		in.Shape = slices.Clone(in.Shape)
		in.Shape[k] = -1
	}
	return in.accepts(seen)
}

// inside returns an input as the model sees it.
func (c *compiler) inside(v *ops.Value, name string) *ops.Value {
	switch k := c.cfg.Axes.Input(name); {
	case k == 0 || v.Rank() == 0:
		return v
	case k == NoAxis:
		return c.Reshape(c.Slice(v, 0, 0, 1, 1), v.Shape[1:]...)
	default:
		perm := make([]int, v.Rank())
		for i := range perm {
			switch {
			case i < k:
				perm[i] = i + 1
			case i == k:
				perm[i] = 0
			default:
				perm[i] = i
			}
		}
		return c.Transpose(v, perm...)
	}
}

// outside returns an output with samples on axis 0.
func (c *compiler) outside(v *ops.Value, name string) (*ops.Value, error) {
	switch k := c.cfg.Axes.output(name); {
	case k == 0:
		return v, nil
	case k == NoAxis:
		return c.Reshape(v, append([]int{1}, v.Shape...)...), nil
	case k < NoAxis || k >= v.Rank():
		return nil, &AxisError{name, k, append([]int{}, v.Shape...)}
	default:
		perm := []int{k}
		for i := range v.Rank() {
			if i != k {
				perm = append(perm, i)
			}
		}
		return c.Transpose(v, perm...), nil
	}
}
