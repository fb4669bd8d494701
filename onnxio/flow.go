package onnxio

import (
	"fmt"
	"slices"
	"strings"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A flow is the values of a model and the steps that make them from one another,
// those in branches, bodies of loops and functions included.
type flow struct {
	model     *Model
	steps     []*step
	stored    []*stored // in the order of first use
	constants []*stored
	functions map[onnxpb.FunctionKey]*body
	protos    map[onnxpb.FunctionKey]*onnxpb.FunctionProto
}

// A value is what the nodes of a graph know by one name.
type value struct {
	name      string
	producers []*step   // several where it comes from branches
	uses      []inputOf // by steps
	stored    *stored   // where its elements are, if the file has them
	varies    bool      // with the model's inputs, and not only with their shapes
	structure bool      // shapes, indices, limits or conditions come from it
	output    bool      // of the main graph
	traits    traits    // of what its elements get to
	use       *inputOf  // of a node, here or behind the border of a function or branch; nil if there is none
	sums      [2]sums   // what its elements are added up in, as they are and transposed
}

// inputOf is an input of a step.
type inputOf struct {
	step  *step
	index int
}

// A step makes values from others: a node, or the passing on of values into and out
// of branches, bodies and functions.
type step struct {
	domain, operator string
	node             *onnxpb.NodeProto // nil where a value is passed on
	in, out          []*value          // nil for what is left out
	call             bool              // of a function; its body has the steps that make its outputs
	branches         bool              // the same for graphs of standard operators
	entry            bool              // into a function, which may be called from elsewhere too
	passed           traits            // what markUses has passed on to its inputs
	used             bool              // whether it has passed on a use
}

func (s *step) operand(i int) operand {
	if s.node == nil || s.call {
		return numbers
	}
	return operandOf(s.domain, s.operator, i)
}

// stored is a tensor that the file has the elements of.
type stored struct {
	message *onnxpb.TensorProto    // nil for a list
	floats  *onnxpb.AttributeProto // a list instead
	place   Place
	path    string // of its graph
	name    string
	value   *value // nil if it is not a value, but what an operator makes something of
	owner   *onnxpb.NodeProto
	listed  bool
}

// A namespace is the values that the nodes of a graph can use, by name.
type namespace struct {
	outer *namespace
	path  string
	names map[string]*value
}

// body is a graph or function with the values that go in and come out.
type body struct{ in, out []*value }

// flowOf follows the values of a model.
func flowOf(m *Model) *flow {
	f := &flow{model: m, functions: map[onnxpb.FunctionKey]*body{}, protos: map[onnxpb.FunctionKey]*onnxpb.FunctionProto{}}
	for _, p := range m.proto.Functions {
		f.protos[p.Key()] = p
	}
	main := f.graph(m.proto.Graph, nil, "")
	for _, p := range m.proto.Functions { // those that nobody calls
		f.function(p.Key())
	}
	for _, t := range f.constants { // and what nobody uses
		f.list(t)
	}
	var inputs []*value
	for _, v := range main.in {
		if v.stored == nil {
			inputs = append(inputs, v)
		}
	}
	for _, v := range main.out {
		v.output = true
	}
	f.markVarying(inputs)
	f.markStructure()
	f.markUses()
	f.markSums()
	return f
}

func (s *namespace) lookup(name string) *value {
	if name == "" {
		return nil
	}
	for at := s; at != nil; at = at.outer {
		if v := at.names[name]; v != nil {
			return v
		}
	}
	return s.declare(name) // nobody makes it, which others complain about
}

func (s *namespace) declare(name string) *value {
	v := s.names[name]
	if v == nil {
		v = &value{name: name}
		s.names[name] = v
	}
	return v
}

// graph follows a graph and what is in it.
func (f *flow) graph(g *onnxpb.GraphProto, outer *namespace, path string) *body {
	s := &namespace{outer: outer, path: path, names: map[string]*value{}}
	b := &body{}
	for _, in := range g.GetInput() {
		b.in = append(b.in, s.declare(in.GetName()))
	}
	var all []*stored
	keep := func(tp *onnxpb.TensorProto, p Place) {
		v := s.declare(tp.GetName())
		v.stored = &stored{message: tp, place: p, path: path, name: tp.GetName(), value: v}
		all = append(all, v.stored)
	}
	for _, tp := range g.GetInitializer() {
		keep(tp, InInitializer)
	}
	for _, sp := range g.GetSparseInitializer() {
		if sp.GetValues() != nil {
			keep(sp.Values, InSparseInitializer)
		}
	}
	f.nodes(g.GetNode(), s)
	for _, out := range g.GetOutput() {
		b.out = append(b.out, s.lookup(out.GetName()))
	}
	for _, t := range all { // those that nobody uses
		f.list(t)
	}
	return b
}

// function follows a function, once for all its calls. It is nil if there is none.
func (f *flow) function(key onnxpb.FunctionKey) *body {
	p := f.protos[key]
	if p == nil || f.functions[key] != nil {
		return f.functions[key]
	}
	name := strings.Trim(key.Domain+"."+key.Name+"."+key.Overload, ".")
	s := &namespace{path: name + "()", names: map[string]*value{}}
	b := &body{}
	f.functions[key] = b
	for _, in := range p.Input {
		b.in = append(b.in, s.declare(in))
	}
	for _, out := range p.Output {
		b.out = append(b.out, s.declare(out))
	}
	f.nodes(p.Node, s)
	return b
}

func (f *flow) nodes(nodes []*onnxpb.NodeProto, s *namespace) {
	for _, n := range nodes {
		for _, out := range n.Output {
			if out != "" {
				s.declare(out)
			}
		}
	}
	for _, n := range nodes {
		f.node(n, s)
	}
}

func (f *flow) node(n *onnxpb.NodeProto, s *namespace) {
	st := &step{domain: n.GetDomain(), operator: n.GetOpType(), node: n}
	for _, name := range n.Input {
		st.in = append(st.in, s.lookup(name))
	}
	for _, name := range n.Output {
		if name == "" {
			st.out = append(st.out, nil)
		} else {
			st.out = append(st.out, s.declare(name))
		}
	}
	f.add(st)
	for _, a := range n.Attribute {
		f.attribute(st, a, s)
	}
	if b := f.function(n.FunctionKey()); b != nil {
		st.call = true
		f.forget(st)
		for i := range min(len(st.in), len(b.in)) {
			f.add(&step{operator: passOn, in: st.in[i : i+1], out: b.in[i : i+1], entry: true})
		}
		f.passAll(b.out, st.out)
	}
}

// add enters a step in the lists of its values.
func (f *flow) add(s *step) {
	f.steps = append(f.steps, s)
	for i, v := range s.in {
		if v == nil {
			continue
		}
		v.uses = append(v.uses, inputOf{s, i})
		if v.stored != nil {
			f.list(v.stored)
		}
	}
	for _, v := range s.out {
		if v != nil {
			v.producers = append(v.producers, s)
		}
	}
}

// forget removes a step from the producers of its outputs: other steps make them.
func (f *flow) forget(s *step) {
	for _, v := range s.out {
		if v != nil {
			v.producers = slices.DeleteFunc(v.producers, func(p *step) bool { return p == s })
		}
	}
}

// list puts a tensor in the list of all, at its first use.
func (f *flow) list(t *stored) {
	if !t.listed {
		t.listed = true
		f.stored = append(f.stored, t)
	}
}

// pass notes that one value is the other.
func (f *flow) pass(from, to *value) {
	if from != nil && to != nil {
		f.add(&step{operator: passOn, in: []*value{from}, out: []*value{to}})
	}
}

func (f *flow) passAll(from, to []*value) {
	for i := range min(len(from), len(to)) {
		f.pass(from[i], to[i])
	}
}

// label names a node in paths.
func label(n *onnxpb.NodeProto) string {
	if n.GetName() != "" {
		return n.GetName()
	}
	for _, out := range n.Output {
		if out != "" {
			return out
		}
	}
	return n.GetOpType()
}

// attribute follows the tensors and graphs of an attribute.
func (f *flow) attribute(st *step, a *onnxpb.AttributeProto, s *namespace) {
	name := label(st.node) + "." + a.GetName()
	keep := func(tp *onnxpb.TensorProto, suffix string) {
		if tp != nil {
			f.list(&stored{message: tp, place: InAttribute, path: s.path, name: name + suffix, owner: st.node})
		}
	}
	constant := standardDomain(st.domain) && st.operator == "Constant" && len(st.out) > 0 && st.out[0] != nil
	tensor, place := a.T, InConstant
	if a.SparseTensor != nil {
		tensor = a.SparseTensor.Values
	}
	switch {
	case constant && tensor != nil:
		v := st.out[0]
		v.stored = &stored{message: tensor, place: place, path: s.path, name: v.name, value: v, owner: st.node}
		if len(v.uses) > 0 { // by a node before this one
			f.list(v.stored)
		}
		f.constants = append(f.constants, v.stored)
	case tensor != nil:
		keep(tensor, "")
	}
	for i, tp := range a.Tensors {
		keep(tp, fmt.Sprintf("[%d]", i))
	}
	for i, sp := range a.SparseTensors {
		keep(sp.GetValues(), fmt.Sprintf("[%d]", i))
	}
	if len(a.Floats) > 0 {
		t := &stored{floats: a, place: InList, path: s.path, name: name, owner: st.node}
		if constant {
			t.name, t.value = st.out[0].name, st.out[0]
		}
		f.list(t)
	}
	if a.G != nil {
		f.subgraph(st, a.GetName(), f.graph(a.G, s, join(s.path, name)))
	}
	for i, g := range a.Graphs {
		f.subgraph(st, a.GetName(), f.graph(g, s, join(s.path, fmt.Sprintf("%s[%d]", name, i))))
	}
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// subgraph connects a node with one of its graphs.
func (f *flow) subgraph(st *step, attribute string, b *body) {
	if standardDomain(st.domain) {
		st.branches = true
		f.forget(st)
	}
	switch operator := st.operator; {
	case !standardDomain(st.domain):
		f.passAll(st.in, b.in)
		f.passAll(b.out, st.out)
	case operator == "If":
		f.passAll(b.out, st.out)
	case operator == "Loop" && len(st.in) >= 2 && len(b.in) >= 2 && len(b.out) >= 1:
		f.passAll(st.in[2:], b.in[2:])
		f.passAll(b.out[1:], st.out)
		f.passAll(b.out[1:], b.in[2:])
		f.add(&step{operator: "Loop", node: st.node, in: []*value{nil, b.out[0]}})
	default: // Scan, whose first version has another input before these, and SequenceMap
		in := st.in
		if len(in) > len(b.in) {
			in = in[len(in)-len(b.in):]
		}
		f.passAll(in, b.in)
		f.passAll(b.out, st.out)
		if operator == "Scan" {
			f.passAll(b.out, b.in) // states come first
		}
	}
}
