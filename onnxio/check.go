package onnxio

import (
	"fmt"
	"math"
	"strings"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// MaxIRVersion is the latest version of the ONNX IR that this package knows. A
// later one may give fields another meaning.
const MaxIRVersion = 14

// check refuses models that readers understand in different ways, or that
// onnxruntime does not read, as far as it is about names, attributes and
// functions: see Malformed. What single operators accept is not checked here.
func (m *Model) check() error {
	p := m.proto
	if p.IrVersion == nil || p.GetIrVersion() < 1 {
		return malformed(IRVersion, "no IR version")
	}
	if p.GetIrVersion() > MaxIRVersion {
		return malformed(IRVersion, "IR version %d, known are 1 to %d", p.GetIrVersion(), MaxIRVersion)
	}
	if len(p.OpsetImport) == 0 {
		return malformed(OpsetImport, "no operator sets are imported")
	}
	imports, err := checkImports(p.OpsetImport)
	if err != nil {
		return err
	}
	c := checker{m, map[onnxpb.FunctionKey]*onnxpb.FunctionProto{}}
	if err := c.checkFunctions(); err != nil {
		return err
	}
	return c.graph(p.Graph, frame{imports: imports}, nil, nil)
}

// checker checks the structure of a model.
type checker struct {
	m         *Model
	functions map[onnxpb.FunctionKey]*onnxpb.FunctionProto
}

// frame is what the nodes of the main graph, or of a function, have in common.
type frame struct {
	imports  map[string]int64 // versions by canonical domain
	function *onnxpb.FunctionProto
	params   map[string]bool // attributes of the function
}

// A scope is the values that the nodes of a graph may use.
type scope struct {
	own   map[string]bool
	outer *scope
	made  map[string]bool // outputs of the node in outer that holds this graph
}

func (s *scope) has(name string) bool {
	for ; s != nil; s = s.outer {
		if s.own[name] {
			return true
		}
	}
	return false
}

// checkImports returns the versions of operator sets by domain. Exporters import
// one twice, but not in two versions, of which readers could take either.
func checkImports(imports []*onnxpb.OperatorSetIdProto) (map[string]int64, error) {
	versions := map[string]int64{}
	for _, o := range imports {
		domain, v := onnxpb.Domain(o.GetDomain()), o.GetVersion()
		if v < 1 || v > math.MaxInt32 {
			return nil, malformed(OpsetImport, "operator set %q has version %d", domain, v)
		}
		if other := versions[domain]; other != 0 && other != v {
			return nil, malformed(OpsetImport, "operator set %q is imported in versions %d and %d", domain, other, v)
		}
		versions[domain] = v
	}
	return versions, nil
}

// graph checks a graph. A nested one belongs to a node with the outputs made.
func (c checker) graph(g *onnxpb.GraphProto, f frame, outer *scope, made map[string]bool) error {
	s := &scope{own: map[string]bool{}, outer: outer, made: made}
	if outer != nil && g.GetName() == "" {
		return malformed(MissingName, "a nested graph has no name")
	}
	inputs := map[string]*onnxpb.ValueInfoProto{}
	for _, v := range g.GetInput() {
		if v.GetName() == "" {
			return malformed(MissingName, "an input of graph %q has no name", g.GetName())
		}
		if err := s.define(g, "inputs", v.GetName()); err != nil {
			return err
		}
		if v.GetType().GetValue() == nil && (outer == nil || v.GetType() != nil) {
			return malformed(ValueType, "input %q has no type", v.GetName())
		}
		if err := checkType(v.GetType()); err != nil {
			return fmt.Errorf("input %q: %w", v.GetName(), err)
		}
		inputs[v.GetName()] = v
	}
	if err := c.initializers(g, s, inputs); err != nil {
		return err
	}
	for _, n := range g.GetNode() {
		for _, name := range n.GetOutput() {
			if err := s.define(g, "values", name); err != nil {
				return err
			}
		}
	}
	for _, v := range g.GetOutput() {
		if !s.own[v.GetName()] {
			return malformed(UndefinedValue, "output %q of graph %q is not computed anywhere in it", v.GetName(), g.GetName())
		}
		if err := checkType(v.GetType()); err != nil {
			return fmt.Errorf("output %q: %w", v.GetName(), err)
		}
	}
	return c.nodes(g.GetNode(), f, s)
}

// define adds a value's name to those of a graph. A nested graph may not use the
// names of the graph around it for other values, with one exception that readers
// agree on and exporters make use of: the outputs of the node that it belongs to.
func (s *scope) define(g *onnxpb.GraphProto, what, name string) error {
	switch {
	case name == "":
		return nil
	case s.own[name]:
		return malformed(DuplicateName, "two %s of graph %q are called %q", what, g.GetName(), name)
	}
	for in := s; in.outer != nil; in = in.outer {
		if in.outer.own[name] && !in.made[name] {
			return malformed(ShadowedName, "%q is a value of graph %q and of the graph around it", name, g.GetName())
		}
	}
	s.own[name] = true
	return nil
}

// initializers checks the initializers of a graph. One may have the name of an
// input, whose default it then is.
func (c checker) initializers(g *onnxpb.GraphProto, s *scope, inputs map[string]*onnxpb.ValueInfoProto) error {
	seen := map[string]bool{}
	add := func(tp *onnxpb.TensorProto) error {
		name := tp.GetName()
		switch {
		case name == "":
			where := "a sparse tensor"
			if t := c.m.byMessage[tp]; t != nil {
				where = t.label()
			}
			return malformed(MissingName, "an initializer of graph %q has no name: %s", g.GetName(), where)
		case seen[name]:
			return malformed(DuplicateName, "%w", &DuplicateError{g.GetName(), name})
		}
		seen[name] = true
		if inputs[name] != nil {
			return nil
		}
		if s.outer != nil && c.m.proto.GetIrVersion() < 4 {
			return malformed(IRVersion, "initializer %q of graph %q is no input, which IR version %d asks for", name, g.GetName(), c.m.proto.GetIrVersion())
		}
		return s.define(g, "values", name)
	}
	for _, tp := range g.GetInitializer() {
		if err := add(tp); err != nil {
			return err
		}
		if v := inputs[tp.GetName()]; v != nil {
			if err := c.m.byMessage[tp].fits(v); err != nil {
				return err
			}
		}
	}
	for _, sp := range g.GetSparseInitializer() {
		if err := add(sp.GetValues()); err != nil {
			return err
		}
	}
	return nil
}

// nodes checks the nodes of a graph or function. Those of the main graph may come
// in any order: onnxruntime sorts them, but only them.
func (c checker) nodes(nodes []*onnxpb.NodeProto, f frame, s *scope) error {
	seen := map[string]bool{}
	later := map[string]bool{} // outputs of nodes that are still to come
	if s.outer != nil || f.function != nil {
		for _, n := range nodes {
			for _, name := range n.GetOutput() {
				later[name] = name != ""
			}
		}
	}
	for _, n := range nodes {
		for _, name := range n.GetInput() {
			if later[name] {
				return malformed(Unsorted, "node %s comes before the one that computes its input %q", describe(n), name)
			}
		}
		if err := c.node(n, f, s); err != nil {
			return fmt.Errorf("node %s: %w", describe(n), err)
		}
		for _, name := range n.GetOutput() {
			delete(later, name)
		}
		// onnxruntime has turned constants into initializers before it compares.
		if name := n.GetName(); name != "" && n.GetOpType() != "Constant" {
			if seen[name] {
				return malformed(DuplicateName, "two nodes are called %q, which onnxruntime does not open", name)
			}
			seen[name] = true
		}
	}
	return nil
}

// describe names a node for messages.
func describe(n *onnxpb.NodeProto) string {
	name := n.GetName()
	if name == "" && len(n.GetOutput()) > 0 {
		name = n.GetOutput()[0]
	}
	return fmt.Sprintf("%s %q", n.GetOpType(), name)
}

func (c checker) node(n *onnxpb.NodeProto, f frame, s *scope) error {
	domain := onnxpb.Domain(n.GetDomain())
	switch {
	case n.GetOpType() == "":
		return malformed(MissingName, "no operator is named")
	case f.imports[domain] == 0:
		return malformed(OpsetImport, "operator set %q is not imported", n.GetDomain())
	case n.GetOpType() == "Constant" && domain != "":
		return malformed(ReservedFunction, "Constant of domain %q, which readers take for ONNX's", domain)
	case n.GetOpType() == "Constant" && (len(n.GetAttribute()) != 1 || len(n.GetOutput()) != 1 || len(n.GetInput()) != 0):
		return malformed(ConstantNode, "%d values, %d outputs and %d inputs, not one, one and none", len(n.GetAttribute()), len(n.GetOutput()), len(n.GetInput()))
	}
	if p := c.functions[n.FunctionKey()]; p != nil && (len(n.GetInput()) > len(p.GetInput()) || len(n.GetOutput()) > len(p.GetOutput())) {
		return malformed(FunctionCall, "%d inputs and %d outputs for a function that has %d and %d",
			len(n.GetInput()), len(n.GetOutput()), len(p.GetInput()), len(p.GetOutput()))
	}
	for _, name := range n.GetInput() {
		if name != "" && !s.has(name) {
			return malformed(UndefinedValue, "input %q is not computed anywhere", name)
		}
	}
	made := map[string]bool{}
	for _, name := range n.GetOutput() {
		made[name] = true
	}
	seen := map[string]bool{}
	for _, a := range n.GetAttribute() {
		if a.GetName() == "" {
			return malformed(MissingName, "an attribute has no name")
		}
		if seen[a.GetName()] {
			return malformed(DuplicateAttr, "two attributes are called %q", a.GetName())
		}
		seen[a.GetName()] = true
		if err := c.attribute(a, f); err != nil {
			return fmt.Errorf("attribute %q: %w", a.GetName(), err)
		}
		if a.G != nil {
			if err := c.graph(a.G, f, s, made); err != nil {
				return err
			}
		}
		for _, g := range a.Graphs {
			if err := c.graph(g, f, s, made); err != nil {
				return err
			}
		}
	}
	return nil
}

// reserved reports whether readers have operators of their own in a domain, which
// they prefer to functions of the model.
func reserved(domain string) bool {
	for _, d := range []string{"", "ai.onnx", "com.microsoft", "com.ms"} {
		if domain == d || d != "" && strings.HasPrefix(domain, d+".") {
			return true
		}
	}
	return false
}
