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

// onlyReaches reports whether elements of v get to inputs that are wanted and to no
// others, moved but not changed on the way.
func (v *value) onlyReaches(wanted func(inputOf) bool) bool {
	some, bad := false, v.output
	v.each(func(v *value, u inputOf) bool {
		if wanted(u) {
			some = true
			return false
		}
		bad = !u.step.call && !v.moved(u) || slices.ContainsFunc(u.step.out, func(out *value) bool { return out != nil && out.output })
		return bad
	})
	return some && !bad
}

// reaches reports whether elements of v get to an input that is wanted, moved but
// not changed on the way.
func (v *value) reaches(wanted func(inputOf) bool) (found bool) {
	v.each(func(_ *value, u inputOf) bool {
		found = wanted(u)
		return found
	})
	return found
}

// each calls f for all uses of v and of what its elements are moved to, until f returns
// true.
func (v *value) each(f func(v *value, u inputOf) (done bool)) {
	seen := map[*value]bool{v: true}
	for todo := []*value{v}; len(todo) > 0; {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, u := range v.uses {
			if f(v, u) {
				return
			}
			if !v.moved(u) {
				continue
			}
			for _, out := range u.step.out {
				if out != nil && !seen[out] {
					seen[out] = true
					todo = append(todo, out)
				}
			}
		}
	}
}

// moved reports whether a step passes elements on without changing them.
func (*value) moved(u inputOf) bool {
	return !u.step.call && movers[u.step.operator] && standardDomain(u.step.domain) && u.step.operand(u.index) == numbers
}
