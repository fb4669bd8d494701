package gradient

import (
	"fmt"
	"slices"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Config says how to compile a model.
type Config struct {
	// Shapes gives the concrete shape of every input by name.
	Shapes map[string][]int
	// Values gives the elements of inputs on which a shape may depend. A Program
	// that was compiled for particular elements refuses others.
	Values map[string]nd.Array
	// Axes says which axis of each input and output counts samples. Shapes, Values and
	// all arrays then have samples on axis 0, and an output of classes that an ArgMax chooses
	// is replaced by their scores (Origins.Chosen). Nil means that arrays are as the model has
	// them; a Session finds its own (AxesOf).
	Axes *Axes
	// Apart computes each sample of a batch by a copy of the graph, for a loss of several
	// samples of a model that takes one at a time. Axes.Batch has to be 1.
	Apart bool
	// Outputs names the outputs to compute; nil means all. Nodes that none of them
	// needs are left out.
	Outputs []string
	// Logits replaces an output that ends in Softmax, LogSoftmax or Sigmoid by the
	// input of that operator. The gradient of a saturated probability vanishes.
	Logits bool
	// Unsquashed leaves out any last activation that holds an output between two ends, such as
	// Softmax, Tanh or Clip. What is left says as much, but for factors, terms and what all scores
	// of classes have in common.
	Unsquashed bool
	// Raw names outputs that Logits and Unsquashed do not apply to.
	Raw map[string]bool
	// Gradients selects the initializers whose gradient is computed. Nil means
	// none, and All means every trained one.
	Gradients func(name string) bool
	// ByInputs asks for the gradient with respect to each input of a floating-point
	// type.
	ByInputs bool
	// Visit, if not nil, is called with each gradient as soon as it is computed, and its
	// elements are valid until Visit returns. Program.Gradient then has none: the gradients
	// of a large model never are in memory all at once.
	Visit func(name string, g []float32)
	// Features adds an output: the input of the linear layer that computes the
	// first output, if there is one (see Program.Head).
	Features bool
	// Keep keeps all values in memory. Refresh, Backward, Fork and Try need them.
	Keep bool
	// Weights are the parameters to compute with; nil means the model's own, which
	// cannot be changed.
	// Programs with the same Weights see each other's changes.
	Weights *Weights
	// Workers are the threads to compute on; nil means the calling one. They may bound
	// memory, too.
	Workers *Workers
	// Rounded allows factors of products to be rounded to bfloat16, which has eight
	// significant bits, where the processor multiplies several times as fast then (see
	// CanRound). It is for what only has to be compared, such as candidates of a search.
	Rounded bool
	// Meter counts the work of the program; nil means that nothing does.
	Meter *Meter
	// Profile notes how long each operator takes; nil means that nothing does.
	Profile *Profile
	// Memory is the limit on the bytes that the values of a run take at once, and on
	// those of constants computed at compile time. 0 means that of Workers, or, without
	// one, in proportion to what is given: 256 MiB, and 4 KiB for each byte of the model's
	// files and of the inputs, up to three quarters of the machine's memory. A few hundred
	// bytes of model can ask for any amount. The work of a forward pass is bounded too, by
	// 64 multiplications for each of these bytes.
	Memory int64

	// eager computes outputs while compiling, for Values alone, and makes no graph.
	eager bool

	// given is how many bytes of arrays a run was given, if they were repeated to fill a
	// batch.
	given int64
}

// wants reports whether Config asks for the gradient of an initializer.
func (cfg *Config) wants(name string) bool { return cfg.Gradients != nil && cfg.Gradients(name) }

// All selects every trained initializer.
func All(string) bool { return true }

// Compile builds the graph of a model for concrete input shapes, and the graph of
// its gradients if Config asks for them. The error is an *UnsupportedError, or wraps
// ErrUnsupported, if the model is valid but uses something that is not implemented.
// It wraps a *NodeError if a node is at fault.
func Compile(m *onnxio.Model, cfg Config) (*Program, error) {
	c, err := newCompiler(m, cfg)
	if err != nil {
		return nil, err
	}
	p, err := c.compile()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Path(), err)
	}
	return p, nil
}

func newCompiler(m *onnxio.Model, cfg Config) (*compiler, error) {
	if err := Supported(m, cfg.Outputs); err != nil {
		return nil, err
	}
	if cfg.Weights == nil {
		var err error
		if cfg.Weights, err = LoadWeightsToChange(m, unchanged); err != nil {
			return nil, err
		}
	}
	return &compiler{
		Builder: ops.NewBuilder(cfg.Workers.pool()),
		model:   m, cfg: cfg,
		functions: functions(m.Proto()),
		main:      opsets(m.Proto().GetOpsetImport()),
		decoded:   map[*onnxpb.GraphProto][]instruction{},
		nested:    map[*onnxpb.TensorProto]*ops.Value{},
		inputs:    map[string]*ops.Value{},
		params:    map[string]*ops.Value{},
	}, nil
}

type compiler struct {
	*ops.Builder
	model     *onnxio.Model
	cfg       Config
	functions map[onnxpb.FunctionKey]*function
	main      map[string]int        // the model's versions of operator sets
	inputs    map[string]*ops.Value // by input name
	params    map[string]*ops.Value // by initializer name

	// Loops and functions build a graph more than once.
	decoded map[*onnxpb.GraphProto][]instruction
	nested  map[*onnxpb.TensorProto]*ops.Value // by initializer
	nodes   int                                // built so far
}

func (c *compiler) compile() (*Program, error) {
	g := c.model.Proto().GetGraph()
	base := &scope{values: map[string]*ops.Value{}, frame: &frame{opsets: c.main}}
	inputs, err := Inputs(c.model)
	if err != nil {
		return nil, err
	}
	copies, err := c.declare(inputs)
	if err != nil {
		return nil, err
	}
	c.limit()
	for _, init := range c.model.Initializers() {
		v, err := c.initializer(init)
		if err != nil {
			return nil, err
		}
		base.values[init.Name] = v
	}
	for _, name := range c.cfg.Weights.added {
		base.values[name] = c.weight(name, c.cfg.Weights.arrays[name])
	}
	if err := c.addSparse(g, base); err != nil {
		return nil, err
	}
	var outputs []*ops.Value
	var names []string
	parts := make([][]*ops.Value, copies)
	for k := range copies {
		if parts[k], names, err = c.copied(g, base, inputs, k); err != nil {
			return nil, err
		}
	}
	if outputs = parts[0]; c.cfg.Apart {
		if outputs, err = c.joined(parts, names); err != nil {
			return nil, err
		}
	}
	var head *Head
	if c.cfg.Features && len(outputs) > 0 {
		if l, ok := ops.LastLinear(outputs[0]); ok && c.isParam(l.Weight) {
			head = &Head{Weight: l.Weight.Name(), Transposed: l.Transposed}
			if l.Bias != nil && c.isParam(l.Bias) {
				head.Bias = l.Bias.Name()
			}
			outputs, names = append(outputs, l.X), append(names, "features of the last layer")
		}
	}
	if c.cfg.eager {
		c.cfg.Meter.count(c.Work())
	}
	p, err := c.program(outputs, names)
	if p != nil {
		p.head = head
	}
	return p, err
}

// declare makes the values of the inputs. It returns how many copies of the graph there will be:
// one, or one for each sample if they are computed apart.
func (c *compiler) declare(inputs []Input) (copies int, err error) {
	copies = 1
	for _, in := range inputs {
		shape, ok := c.cfg.Shapes[in.Name]
		if !ok {
			return 0, &MissingInputError{in}
		}
		if err := c.CheckSize(shape); err != nil {
			return 0, fmt.Errorf("input %q: %w", in.Name, err)
		}
		seen := shape
		if c.cfg.Apart && len(shape) > 0 {
			if copies, seen = shape[0], append([]int{1}, shape[1:]...); copies == 0 {
				return 0, fmt.Errorf("input %q: %w", in.Name, errNoSamples)
			}
		}
		if !c.cfg.Axes.accepts(in, seen) {
			return 0, &InputError{in, in.DType, shape}
		}
		a, known := c.cfg.Values[in.Name]
		known = known && a.DType() == in.DType && slices.Equal(a.Shape, shape)
		var v *ops.Value
		if known && c.cfg.eager {
			v = c.Const(a)
		} else if v = c.Variable(in.Name, in.DType, shape...); known {
			c.Sample(v, a)
		}
		v.Elem = in.Elem
		c.inputs[in.Name] = v
	}
	return copies, nil
}

// graph builds the nodes of g into s.
func (c *compiler) graph(g *onnxpb.GraphProto, s *scope) error {
	instructions, ok := c.decoded[g]
	if !ok {
		var err error
		instructions, err = decode(g, func(name string) bool {
			_, ok := s.lookup(name)
			return ok
		})
		if err != nil {
			return err
		}
		if c.cfg.Outputs != nil && g == c.model.Proto().GetGraph() {
			part := map[*onnxpb.NodeProto]bool{}
			for _, n := range Upstream(g, c.cfg.Outputs...) {
				part[n] = true
			}
			instructions = slices.DeleteFunc(instructions, func(in instruction) bool { return !part[in.node] })
		}
		c.decoded[g] = instructions
	}
	for _, in := range instructions {
		if err := c.count(); err != nil {
			return err
		}
		if err := c.node(in, s); err != nil {
			return newNodeError(in.node, err)
		}
	}
	return nil
}

func (c *compiler) node(in instruction, s *scope) error {
	inputs := make([]*ops.Value, len(in.inputs))
	for i, name := range in.inputs {
		if name == "" {
			continue
		}
		v, ok := s.lookup(name)
		if !ok {
			return fmt.Errorf("input %q is not computed before", name)
		}
		inputs[i] = v
	}
	node := s.frame.bind(in.node)
	out, err := c.apply(node, inputs, s)
	if err != nil {
		return err
	}
	for i, name := range in.outputs {
		switch {
		case name == "":
		case i >= len(out) || out[i] == nil:
			return fmt.Errorf("output %d (%q): %w", i, name, ErrUnsupported)
		default:
			s.values[name] = out[i]
		}
	}
	return nil
}

// apply builds a node: the body of a function of the model, or an operator.
func (c *compiler) apply(node *onnxpb.NodeProto, inputs []*ops.Value, s *scope) (out []*ops.Value, err error) {
	if f, ok := c.functions[node.FunctionKey()]; ok {
		return c.call(f, node, inputs, s)
	}
	domain := node.GetDomain()
	op, _ := ops.Lookup(domain, node.GetOpType()) // present: Supported was called
	for i, v := range inputs {
		if v == nil || ops.SequencesIn(node.GetOpType()) {
			continue
		}
		if v.Parts != nil {
			return nil, fmt.Errorf("input %d (%q) is a sequence, which this operator does not take", i, node.GetInput()[i])
		}
		if v.Empty {
			return nil, fmt.Errorf("input %d (%q) is an empty optional value, which this operator does not take", i, node.GetInput()[i])
		}
	}
	for i, v := range inputs {
		if v != nil && v.Strings != nil && !ops.StringsIn(domain, node.GetOpType()) {
			return nil, fmt.Errorf("input %d (%q) holds strings: %w", i, node.GetInput()[i], ErrUnsupported)
		}
	}
	call := &ops.Call{
		Builder: c.Builder,
		Node:    node,
		Opset:   s.frame.opset(domain),
		Model:   s.frame.model[onnxpb.Domain(domain)],
		Inputs:  inputs,
		Tensor:  c.tensor,
		Sparse:  c.sparse,
		Param:   c.param,
		Graph: func(g *onnxpb.GraphProto, inputs []*ops.Value) ([]*ops.Value, error) {
			return c.subgraph(g, inputs, s)
		},
	}
	err = ops.Catch(func() { out = call.Outputs(op) })
	return out, err
}
