package a64

import "fmt"

// General registers that functions may use: not R18, which belongs to the operating system,
// R27, which the assembler uses, R28, which is Go's g, nor the frame pointer and the link.
var general = []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 26}

const vectorRegisters = 32

// set is a set of virtual registers.
type set []uint64

func (s set) has(r Reg) bool { return s[r.id/64]>>(r.id%64)&1 != 0 }
func (s set) add(r Reg)      { s[r.id/64] |= 1 << (r.id % 64) }
func (s set) remove(r Reg)   { s[r.id/64] &^= 1 << (r.id % 64) }

// unite adds the elements of t, and reports whether there were new ones.
func (s set) unite(t set) (grown bool) {
	for i, v := range t {
		grown = grown || v&^s[i] != 0
		s[i] |= v
	}
	return grown
}

// allocate returns the numbers of the machine's registers by virtual register. Registers that
// are live at the same time differ; they are given out in the order in which they were made.
func (f *Func) allocate() []int {
	words := f.registers/64 + 1
	conflicts := make([]set, f.registers+1)
	for i := range conflicts {
		conflicts[i] = make(set, words)
	}
	vector, used := make([]bool, f.registers+1), make([]bool, f.registers+1)
	for i, after := range f.liveAfter(words) {
		for _, r := range f.code[i].regs {
			vector[r.id], used[r.id] = r.vector, true
		}
		for j, r := range f.code[i].out {
			conflicts[r.id].unite(after)
			for _, other := range f.code[i].out[:j] {
				conflicts[r.id].add(other)
			}
		}
	}
	numbers := make([]int, f.registers+1)
	for id := 1; id <= f.registers; id++ {
		if !used[id] {
			continue
		}
		var taken [vectorRegisters]bool
		me := Reg{id, vector[id]}
		for other := 1; other < id; other++ {
			if used[other] && vector[other] == me.vector && (conflicts[id].has(Reg{id: other}) || conflicts[other].has(me)) {
				taken[numbers[other]] = true
			}
		}
		numbers[id] = f.free(taken, me.vector)
	}
	return numbers
}

// free returns a register that is not taken.
func (f *Func) free(taken [vectorRegisters]bool, vector bool) int {
	if vector {
		for n, t := range taken {
			if !t {
				return n
			}
		}
	} else {
		for _, n := range general {
			if !taken[n] {
				return n
			}
		}
	}
	panic(fmt.Sprintf("a64: %s has too many registers (vectors: %v)", f.name, vector))
}

// liveAfter returns, for each instruction, the registers that are read later.
func (f *Func) liveAfter(words int) []set {
	places := map[string]int{}
	for i, c := range f.code {
		if c.label == "" {
			continue
		}
		if _, twice := places[c.label]; twice {
			panic(f.name + ": label " + c.label + " is there twice")
		}
		places[c.label] = i
	}
	before, after := make([]set, len(f.code)+1), make([]set, len(f.code))
	for i := range before {
		before[i] = make(set, words)
	}
	for i := range after {
		after[i] = make(set, words)
	}
	for changed := true; changed; {
		changed = false
		for i := len(f.code) - 1; i >= 0; i-- {
			c := &f.code[i]
			if !c.leaves {
				after[i].unite(before[i+1])
			}
			if c.target != "" {
				to, ok := places[c.target]
				if !ok {
					panic(f.name + ": no label " + c.target)
				}
				after[i].unite(before[to])
			}
			live := make(set, words)
			live.unite(after[i])
			for _, r := range c.out {
				live.remove(r)
			}
			for _, r := range c.in {
				live.add(r)
			}
			changed = before[i].unite(live) || changed
		}
	}
	return after
}
