package gradient

import (
	"maps"
	"math"
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
)

// Program is a compiled model: its operators in order, with a slot for every value.
// It computes one batch at a time. It is not safe for concurrent use, but its
// operators use all its workers.
type Program struct {
	workers *parallel.Workers
	weights *Weights
	axes    *Axes
	apart   bool // each sample has a copy of the graph

	inputs  []binding
	outputs []output
	seeds   []int // slot of the seed of each float output, -1 for others
	grads   []binding
	byInput []binding // gradients by inputs

	steps    []step
	forward  int // number of steps that compute the outputs
	slots    []nd.Array
	args     []nd.Array // scratch
	keep     bool
	users    map[string][]int        // forward steps that depend on a weight
	params   map[int]string          // weights by slot
	trials   *trials                 // shared by forks
	keepers  map[string][]ops.Keeper // kernels that keep the named weight in a form of their own; shared by forks
	visit    func(name string, g []float32)
	visits   map[int][]int // gradients by the step that computes them; see Config.Visit
	tried    []nd.Array    // slots of the last trial
	withGrad bool
	meter    *Meter
	profile  *Profile
	head     *Head
	assumed  []assumption
	fixed    []fixedWeight
	bytes    int64 // of the buffers of all values that are computed
}

// Head is the linear layer that a classifier ends in: logits = x·W + b, or x·Wᵀ + b
// if Transposed. Its input x, the features, is the last output of the program. Features are
// [N,width], or [N,T,width] if each sample has several answers.
type Head struct {
	Weight, Bias string // initializers; Bias may be ""
	Transposed   bool
}

// Head returns the last layer of the model. ok is false if that is not linear or
// the program was compiled without Features.
func (p *Program) Head() (Head, bool) {
	if p.head == nil {
		return Head{}, false
	}
	return *p.head, true
}

type binding struct {
	name  string
	value *ops.Value
	slot  int
}

// input describes the input of a binding.
func (b binding) input() Input {
	shape := b.value.Shape
	return Input{Name: b.name, Elem: b.value.Elem, DType: b.value.DType, Shape: shape, Dims: make([]string, len(shape))}
}

type output struct {
	binding
}

// step is one operator with the slots of its arguments and its result.
type step struct {
	op       *ops.Op
	in       []int
	out      int
	joined   bool // runs together with the step before it, see fuse.go
	backward bool // is a part of the gradients
}

// touches returns the slots of the arguments and of the result.
func (s *step) touches() []int { return append(s.in[:len(s.in):len(s.in)], s.out) }

// program differentiates the graph and lays out the steps.
func (c *compiler) program(outputs []*ops.Value, names []string) (*Program, error) {
	p := &Program{axes: c.cfg.Axes, apart: c.cfg.Apart, workers: c.cfg.workers(), meter: c.cfg.Meter, profile: c.cfg.Profile, weights: c.cfg.Weights, keep: c.cfg.Keep, withGrad: c.cfg.Gradients != nil || c.cfg.ByInputs}
	l := newLayout(c)
	var d derivatives
	if p.withGrad {
		var err error
		// Gradients are no larger than the values, and take no more than a few times the
		// work.
		c.Limits.Folded, c.Limits.Work = math.MaxInt64, math.MaxInt64
		if d.seeds, d.byWeight, d.byInput, err = c.differentiate(outputs); err != nil {
			return nil, err
		}
	}
	l.forward(outputs)
	p.forward = l.ahead
	wanted := d.wanted(c.cfg.Weights.Names())
	l.backward(wanted, d.seeds)
	l.fuse()
	if c.cfg.Visit != nil {
		l.release(wanted)
	}
	if err := l.allocate(c.cfg.Keep); err != nil {
		return nil, err
	}
	c.connect(p, l)
	for i, v := range outputs {
		p.outputs = append(p.outputs, output{binding{names[i], v, l.slot(v)}})
	}
	if p.withGrad {
		c.connectGradients(p, l, d)
	}
	p.bytes = l.bytes
	p.steps, p.slots = l.steps, l.slots // with slots of unused inputs by now
	for i := p.forward; i < len(p.steps); i++ {
		p.steps[i].backward = true
	}
	if p.visit = c.cfg.Visit; p.visit != nil {
		p.schedule()
	}
	if p.keep {
		p.users = l.users(c.params, p.forward)
		p.params = map[int]string{}
		for name, v := range c.params {
			p.params[l.slot(v)] = name
		}
		p.keepWeights(c.cfg.Rounded && CanRound())
		p.trials = &trials{overlays: map[string]*overlay{}, spare: arena{limit: c.cfg.Memory}}
	}
	return p, nil
}

// derivatives are the values of a graph's gradients.
type derivatives struct {
	seeds             []*ops.Value // of the outputs; nil for those without gradients
	byWeight, byInput map[string]*ops.Value
}

// wanted returns the gradients to compute: by weights, in the order of their names, and by inputs.
func (d derivatives) wanted(weights []string) (list []*ops.Value) {
	for _, name := range weights {
		if g := d.byWeight[name]; g != nil {
			list = append(list, g)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.byInput)) {
		if g := d.byInput[name]; g != nil {
			list = append(list, g)
		}
	}
	return list
}

// connect notes the slots of the inputs, and what the program holds for alone.
func (c *compiler) connect(p *Program, l *layout) {
	for name, v := range c.inputs {
		p.inputs = append(p.inputs, binding{name, v, l.slot(v)})
		if c.Assumed(v) {
			p.assumed = append(p.assumed, assumption{name, c.cfg.Values[name]})
		}
	}
	for name, v := range c.params {
		if c.Assumed(v) {
			p.fixed = append(p.fixed, fixedWeight{name, digest(c.cfg.Weights.arrays[name])})
		}
	}
}

// connectGradients notes the slots of the seeds and of the gradients.
func (c *compiler) connectGradients(p *Program, l *layout, d derivatives) {
	for _, seed := range d.seeds {
		s := -1
		if seed != nil {
			s = l.slot(seed)
		}
		p.seeds = append(p.seeds, s)
	}
	for name, v := range c.inputs {
		if g := d.byInput[name]; g != nil {
			p.byInput = append(p.byInput, binding{name, v, l.slot(g)})
		}
	}
	for _, name := range c.cfg.Weights.Names() {
		if !c.cfg.wants(name) {
			continue
		}
		b := binding{name: name, slot: -1}
		if g := d.byWeight[name]; g != nil {
			b.value, b.slot = g, l.slot(g)
		}
		p.grads = append(p.grads, b)
	}
}

// Memory returns the bytes of the buffers of all values that the program computes.
func (p *Program) Memory() int64 { return p.bytes }

// bind checks the arrays of the inputs and binds them to their slots.
func (p *Program) bind(inputs map[string]nd.Array) error {
	for _, b := range p.inputs {
		a, ok := inputs[b.name]
		if !ok {
			return &MissingInputError{b.input()}
		}
		if a.DType() != b.value.DType || !slices.Equal(a.Shape, b.value.Shape) {
			return &InputError{b.input(), a.DType(), a.Shape}
		}
		if !p.apart && p.axes.Input(b.name) == NoAxis && !sameRows(a) {
			return &SharedError{b.name}
		}
		p.slots[b.slot] = a
	}
	return p.holds(inputs)
}

// Forward computes the outputs, in the order of Config.Outputs, from an array for
// each input by name. The outputs are valid until the next call. The error is a
// *MissingInputError, an *InputError or an *AssumedError, or says which elements an
// operator cannot work with.
func (p *Program) Forward(inputs map[string]nd.Array) ([]nd.Array, error) {
	if err := p.bind(inputs); err != nil {
		return nil, err
	}
	p.changedAll()
	if err := p.run(p.steps[:p.forward], p.slots); err != nil {
		return nil, err
	}
	return p.results(p.slots), nil
}

func (p *Program) results(slots []nd.Array) []nd.Array {
	out := make([]nd.Array, len(p.outputs))
	for i, o := range p.outputs {
		out[i] = slots[o.slot]
	}
	return out
}

// Loss computes a loss from the outputs, and writes its gradient with respect to
// each of them to seeds. seeds[i] has the shape of outputs[i]. For an output that
// is not of a floating-point type it is the zero Array.
type Loss func(outputs, seeds []nd.Array) (float64, error)

// Gradients computes the outputs, the loss, and the gradient of the loss with
// respect to each initializer that Config.Gradients selects; see Gradient. The
// outputs are valid until the next call. Errors are those of Forward and of the
// loss.
func (p *Program) Gradients(inputs map[string]nd.Array, loss Loss) (value float64, outputs []nd.Array, err error) {
	if !p.withGrad {
		return 0, nil, errNoGradient
	}
	if outputs, err = p.Forward(inputs); err != nil {
		return 0, nil, err
	}
	value, err = p.backward(outputs, loss)
	return value, outputs, err
}

// backward computes the gradients of a loss of outputs that have been computed.
func (p *Program) backward(outputs []nd.Array, loss Loss) (value float64, err error) {
	seeds := make([]nd.Array, len(outputs))
	for i, s := range p.seeds {
		if s >= 0 {
			seeds[i] = p.slots[s]
		}
	}
	if value, err = loss(outputs, seeds); err != nil {
		return 0, err
	}
	if p.visit != nil {
		return value, p.runVisited()
	}
	return value, p.run(p.steps[p.forward:], p.slots)
}

// Gradient returns the gradient by an initializer that Gradients or Backward
// computed, with the elements of the initializer in their order. It is valid until
// the next call. It is nil for an initializer on which the loss does not depend,
// whose gradient is zero. ok is false if Config.Gradients did not select the
// initializer, or if gradients go to Config.Visit.
func (p *Program) Gradient(name string) (g []float32, ok bool) {
	for _, b := range p.grads {
		if b.name == name && p.visit == nil {
			if b.slot < 0 {
				return nil, true
			}
			return p.slots[b.slot].Float32s(), true
		}
	}
	return nil, false
}

// InputGradient returns the gradient by an input that Gradients or Backward
// computed. It is valid until the next call. ok is false if Config.ByInputs was not
// set, or if the loss does not depend on the input through operators that have
// gradients.
func (p *Program) InputGradient(name string) (g []float32, ok bool) {
	for _, b := range p.byInput {
		if b.name == name {
			return p.slots[b.slot].Float32s(), true
		}
	}
	return nil, false
}

// GradientNames returns the initializers that Config.Gradients selects, in the
// order of the file.
func (p *Program) GradientNames() []string {
	names := make([]string, len(p.grads))
	for i, b := range p.grads {
		names[i] = b.name
	}
	return names
}

// Outputs returns the outputs' names and shapes.
func (p *Program) Outputs() (names []string, shapes [][]int) {
	for _, o := range p.outputs {
		names, shapes = append(names, o.name), append(shapes, o.value.Shape)
	}
	return names, shapes
}
