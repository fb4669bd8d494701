package onnxio

import (
	"slices"
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

// markStructure marks what shapes, indices, limits and conditions are made of. What limits and choices
// among numbers are made of is none if it also is one of these numbers: in networks that are trained
// to be quantised, weights are compared with what they are cut off at.
func (f *flow) markStructure() {
	for v := range f.madeInto(func(s *step) bool { return !among(s) }) {
		v.structure = true
	}
	limits := f.madeInto(among)
	numbers := computed(limits)
	for v := range limits {
		v.structure = v.structure || !numbers[v]
	}
}

// among reports whether a step limits its first numbers, raises them to a power or chooses among them.
func among(s *step) bool {
	return s.node != nil && standardDomain(s.domain) && slices.Contains([]string{"Where", "Clip", "Pow", "Mod"}, s.operator)
}

// madeInto returns what structural operands of some steps are made of, back to where something varies:
// indices that a network computes are no structure.
func (f *flow) madeInto(some func(*step) bool) map[*value]bool {
	found := map[*value]bool{}
	var todo []*value
	mark := func(v *value) {
		if v != nil && !v.varies && !found[v] {
			found[v] = true
			todo = append(todo, v)
		}
	}
	for _, s := range f.steps {
		for i, v := range s.in {
			if s.operand(i) == structural && some(s) {
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
	return found
}

// computed returns those values of a set that others, which are not in it, are computed from.
func computed(set map[*value]bool) map[*value]bool {
	found := map[*value]bool{}
	var todo []*value
	mark := func(v *value) {
		if set[v] && !found[v] {
			found[v] = true
			todo = append(todo, v)
		}
	}
	counts := func(u inputOf) bool { o := u.step.operand(u.index); return o != structural && o != shapeOnly }
	for v := range set {
		for _, u := range v.uses {
			if counts(u) && slices.ContainsFunc(u.step.out, func(out *value) bool { return out != nil && !set[out] }) {
				mark(v)
			}
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range v.producers {
			for i, in := range p.in {
				if counts(inputOf{p, i}) {
					mark(in)
				}
			}
		}
	}
	return found
}
