package onnxio

import (
	"fmt"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// checkFunctions checks the functions of a model and that none calls itself.
func (c checker) checkFunctions() error {
	for _, p := range c.m.proto.Functions {
		key := p.Key()
		switch {
		case p.GetName() == "":
			return malformed(MissingName, "a function has no name")
		case reserved(key.Domain):
			return malformed(ReservedFunction, "function %q of domain %q, whose operators are not a model's to define", p.GetName(), p.GetDomain())
		case c.functions[key] != nil:
			return malformed(DuplicateName, "two functions are called %q", p.GetName())
		}
		c.functions[key] = p
	}
	for _, p := range c.m.proto.Functions {
		if err := c.function(p); err != nil {
			return fmt.Errorf("function %q: %w", p.GetName(), err)
		}
	}
	return c.checkCalls()
}

// checkCalls makes sure that functions do not call each other for ever, nor too deeply.
func (c checker) checkCalls() error {
	// How deep the calls below a function go is the same from wherever it is called, and is
	// found once. To count from the callers would depend on the order of the file: functions
	// that were visited before would hide how deep they go.
	heights := map[*onnxpb.FunctionProto]int{}
	const visiting = -1
	var height func(p *onnxpb.FunctionProto, depth int) (int, error)
	height = func(p *onnxpb.FunctionProto, depth int) (int, error) {
		known, seen := heights[p]
		switch {
		case known == visiting:
			return 0, malformed(FunctionCycle, "function %q calls itself", p.GetName())
		case depth+known > maxDepth:
			return 0, malformed(FunctionCycle, "functions call each other more than %d deep", maxDepth)
		case seen:
			return known, nil
		}
		heights[p] = visiting
		highest := 0
		err := eachNode(p.Node, func(n *onnxpb.NodeProto) error {
			f := c.functions[n.FunctionKey()]
			if f == nil {
				return nil
			}
			h, err := height(f, depth+1)
			highest = max(highest, h+1)
			return err
		})
		heights[p] = highest
		return highest, err
	}
	for _, p := range c.m.proto.Functions {
		if _, err := height(p, 0); err != nil {
			return err
		}
	}
	return nil
}

// eachNode calls f with nodes and those of graphs nested in them.
func eachNode(nodes []*onnxpb.NodeProto, f func(*onnxpb.NodeProto) error) error {
	for _, n := range nodes {
		if err := f(n); err != nil {
			return err
		}
		for _, a := range n.GetAttribute() {
			if err := eachNode(a.GetG().GetNode(), f); err != nil {
				return err
			}
			for _, g := range a.GetGraphs() {
				if err := eachNode(g.GetNode(), f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// function checks one function.
func (c checker) function(p *onnxpb.FunctionProto) error {
	imports, err := checkImports(p.OpsetImport)
	if err != nil {
		return err
	}
	f := frame{imports: imports, function: p, params: map[string]bool{}}
	declare := func(name string) error {
		if name == "" {
			return malformed(MissingName, "an attribute has no name")
		}
		if f.params[name] {
			return malformed(DuplicateAttr, "two attributes are called %q", name)
		}
		f.params[name] = true
		return nil
	}
	for _, name := range p.Attribute {
		if err := declare(name); err != nil {
			return err
		}
	}
	for _, a := range p.AttributeProto {
		if err := declare(a.GetName()); err != nil {
			return err
		}
		if err := c.attribute(a, frame{}); err != nil {
			return fmt.Errorf("attribute %q: %w", a.GetName(), err)
		}
	}
	s := &scope{own: map[string]bool{}}
	body := &onnxpb.GraphProto{Name: p.Name}
	for _, name := range p.Input {
		if name == "" {
			return malformed(MissingName, "an input has no name")
		}
		if err := s.define(body, "inputs", name); err != nil {
			return err
		}
	}
	made := map[string]bool{}
	for _, n := range p.Node {
		for _, name := range n.GetOutput() {
			if err := s.define(body, "values", name); err != nil {
				return err
			}
			made[name] = true
		}
	}
	returned := map[string]bool{}
	for _, name := range p.Output {
		if !made[name] {
			return malformed(UndefinedValue, "output %q is not computed by any of its nodes", name)
		}
		if returned[name] {
			return malformed(DuplicateName, "two outputs are called %q", name)
		}
		returned[name] = true
	}
	return c.nodes(p.Node, f, s)
}
