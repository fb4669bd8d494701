package onnxio

import "slices"

// What uses say about a tensor is found once for all values, from the uses back to what is moved there.
// To follow each tensor to its uses takes the product of their numbers, where many are joined and used
// many times.

// traits says what the elements of a value get to, moved but not changed on the way.
type traits uint16

const (
	toScale         traits = 1 << iota
	toTrained              // an operand that training made
	toQuantised            // an operand of integers that stand for other numbers
	toZeroPoint            // a zero point
	toOneZeroPoint         // the same, of an operator that does not take any
	toNode                 // a node, and no other graph
	toKnownOperator        // an operator whose operands are known
	toCast                 // a cast to floating-point numbers
	toDequantised          // what takes them for quantised numbers
	toOther                // what neither does so nor moves them, or an output of the model
)

// reaches reports whether elements get to an input with a trait.
func (v *value) reaches(t traits) bool { return v.traits&t != 0 }

// onlyDequantised reports whether elements get to inputs that take them for quantised numbers, and
// to no others.
func (v *value) onlyDequantised() bool {
	return v.reaches(toDequantised) && !v.reaches(toOther) && !v.output
}

// of returns the traits of one use, by a step that may make an output of the model.
func (u inputOf) of(toOutput bool) (t traits) {
	set := func(bit traits, is bool) {
		if is {
			t |= bit
		}
	}
	operand := u.step.operand(u.index)
	node := u.step.node != nil
	set(toScale, operand == scale)
	set(toTrained, operand == trained)
	set(toQuantised, operand == quantised)
	set(toZeroPoint, operand == zeroPoint)
	set(toOneZeroPoint, operand == zeroPoint && !anyZeroPoints[u.step.operator])
	set(toNode, node)
	set(toKnownOperator, node && !u.step.call && knownOperator(u.step.domain, u.step.operator))
	set(toCast, toFloats(u))
	if dequantised(u) {
		return t | toDequantised
	}
	set(toOther, !u.step.call && !u.moves() || toOutput)
	return t
}

// moves reports whether a step passes elements on without changing them.
func (u inputOf) moves() bool {
	return !u.step.call && movers[u.step.operator] && standardDomain(u.step.domain) && u.step.operand(u.index) == numbers
}

// toOutput reports whether a step makes an output of the model.
func (s *step) toOutput() bool {
	return slices.ContainsFunc(s.out, func(v *value) bool { return v != nil && v.output })
}

// markUses gives values their traits, and the first of their uses.
func (f *flow) markUses() {
	var todo []*value
	add := func(v *value, t traits, use *inputOf) {
		if v == nil {
			return
		}
		if v.traits|t != v.traits || v.use == nil && use != nil {
			v.traits |= t
			if v.use == nil {
				v.use = use
			}
			todo = append(todo, v)
		}
	}
	for _, s := range f.steps {
		outputs := s.toOutput()
		for i, v := range s.in {
			u := inputOf{s, i}
			var use *inputOf
			if s.node != nil && !s.call {
				use = &u
			}
			add(v, u.of(outputs), use)
		}
	}
	for len(todo) > 0 {
		v := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, p := range v.producers {
			use := v.use
			if p.node != nil {
				use = nil // that of a node is p
			}
			// A step with many inputs and outputs passes each trait on once.
			if p.passed|v.traits == p.passed && (use == nil || p.used) {
				continue
			}
			p.passed |= v.traits
			p.used = p.used || use != nil
			for i, in := range p.in {
				var t traits
				if (inputOf{p, i}).moves() {
					t = p.passed
				}
				add(in, t, use)
			}
		}
	}
}
