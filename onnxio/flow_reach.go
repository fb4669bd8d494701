package onnxio

import (
	"strings"
)

// markVarying marks what depends on the elements of the model's inputs.
func (f *flow) markVarying(todo []*value) {
	mark := func(vs []*value) {
		for _, v := range vs {
			if v != nil && !v.varies {
				v.varies = true
				todo = append(todo, v)
			}
		}
	}
	start := todo
	todo = nil
	mark(start)
	for _, s := range f.steps {
		if s.node != nil && standardDomain(s.domain) && strings.HasPrefix(s.operator, "Random") {
			mark(s.out)
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, u := range v.uses {
			if !u.step.entry && !u.step.branches && u.step.operand(u.index) != shapeOnly {
				mark(u.step.out)
			}
		}
	}
}

// markStructure marks what shapes, indices, limits and conditions are made of, back
// to where something varies: indices that a network computes are no structure.
func (f *flow) markStructure() {
	var todo []*value
	mark := func(v *value) {
		if v != nil && !v.varies && !v.structure {
			v.structure = true
			todo = append(todo, v)
		}
	}
	for _, s := range f.steps {
		for i, v := range s.in {
			if s.operand(i) == structural {
				mark(v)
			}
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range v.producers {
			for i, in := range p.in {
				if p.operand(i) != shapeOnly {
					mark(in)
				}
			}
		}
	}
}
