package a64

import (
	"strings"
	"testing"
)

// TestAllocate: what is read after a loop keeps its register in the loop, and what is read
// at the start of the next round until its end.
func TestAllocate(t *testing.T) {
	f := NewFunc("f", "func(n int, x *float32)")
	n, x, after := f.Param("n"), f.Param("x"), f.R()
	f.I("MOVD $7, %or", after)
	f.Label("loop")
	t1, t2 := f.R(), f.R()
	f.I("MOVD (%ir), %or", x, t1)
	f.I("ADD %ir, %ir, %or", t1, n, t2)
	f.I("MOVD %ir, (%ir)", t2, x)
	f.I("SUBS $1, %mr", n)
	f.Jump("BNE", "loop")
	f.I("MOVD %ir, (%ir)", after, x)
	f.Ret()
	numbers := f.allocate()
	for _, other := range []Reg{n, x, t1, t2} {
		if numbers[other.id] == numbers[after.id] {
			t.Errorf("register %d is shared with one that is read after the loop", numbers[after.id])
		}
	}
	if numbers[n.id] == numbers[t1.id] || numbers[x.id] == numbers[t2.id] || numbers[n.id] == numbers[t2.id] {
		t.Errorf("registers of the loop are shared: %v", numbers)
	}
	if numbers[t1.id] != numbers[t2.id] {
		t.Errorf("registers %d and %d are not live at the same time", numbers[t1.id], numbers[t2.id])
	}
}

func TestWrongFunctions(t *testing.T) {
	for _, c := range []struct {
		want  string
		write func(f *Func)
	}{
		{"too many registers", func(f *Func) {
			all := f.Vs(33)
			for _, v := range all {
				f.Zero(v)
			}
			f.Label("loop")
			for _, v := range all {
				f.W(&FADD, v, v, v)
			}
			f.Jump("B", "loop")
		}},
		{"no label there", func(f *Func) { f.Jump("B", "there") }},
		{"is there twice", func(f *Func) { f.Label("here"); f.Label("here") }},
		{"wrong kind of register", func(f *Func) { f.I("MOVD %ir, %ir", f.R(), f.V()) }},
		{"wrong number of registers", func(f *Func) { f.W(&FADD, f.V(), f.V()) }},
		{"unknown", func(f *Func) { f.Param("unknown") }},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, c.want) {
					t.Errorf("panic %q, want one with %q", got, c.want)
				}
			}()
			f := NewFunc("f", "func(n int)")
			c.write(f)
			f.allocate()
		}()
	}
}
