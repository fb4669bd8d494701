package a64

import (
	"fmt"
	"strings"

	"github.com/mmcloughlin/avo/gotypes"
)

// Reg is a virtual register: of 64 bits, or a vector of 128.
type Reg struct {
	id     int // from 1 on; 0 is no register
	vector bool
}

// Func is a function in assembly.
type Func struct {
	name, signature string
	types           *gotypes.Signature
	code            []instruction
	registers       int
	labels          int
}

// instruction is an instruction or, if label is not empty, the place of a label.
type instruction struct {
	label   string
	text    string // with %s for registers, see [Func.I]
	classes string // of the registers in the text: r, v or f
	form    *Form  // if it is encoded
	number  int    // of the form
	regs    []Reg  // in the text
	in, out []Reg
	target  string // of a jump
	leaves  bool   // the next instruction is not reached
}

// NewFunc begins a function; signature is its Go type.
func NewFunc(name, signature string) *Func {
	s, err := gotypes.ParseSignature(signature)
	if err != nil {
		panic(err)
	}
	return &Func{name: name, signature: signature, types: s}
}

// R returns a new general register.
func (f *Func) R() Reg { f.registers++; return Reg{f.registers, false} }

// V returns a new vector register.
func (f *Func) V() Reg { f.registers++; return Reg{f.registers, true} }

// Vs returns n new vector registers.
func (f *Func) Vs(n int) []Reg {
	r := make([]Reg, n)
	for i := range r {
		r[i] = f.V()
	}
	return r
}

// I writes an instruction in the syntax of Go's assembler. A register in the text is % and
// two letters: i for one that is read, o for one that is written, m for one that is both;
// then r for a general register, v for a vector, f for a vector as F. Numbers are %d and text
// is %s.
func (f *Func) I(text string, args ...any) {
	var i instruction
	var s strings.Builder
	for at := 0; at < len(text); at++ {
		if text[at] != '%' {
			s.WriteByte(text[at])
			continue
		}
		at++
		switch role := text[at]; role {
		case 'd', 's':
			fmt.Fprint(&s, args[0])
		default:
			r := args[0].(Reg)
			if r.id == 0 {
				panic(f.name + ": no register for " + text)
			}
			at++
			if r.vector != (text[at] != 'r') {
				panic(f.name + ": wrong kind of register for " + text)
			}
			i.classes += string(text[at])
			i.regs = append(i.regs, r)
			if role != 'o' {
				i.in = append(i.in, r)
			}
			if role != 'i' {
				i.out = append(i.out, r)
			}
			s.WriteString("%s")
		}
		args = args[1:]
	}
	if len(args) > 0 {
		panic(f.name + ": too many operands for " + text)
	}
	i.text = s.String()
	f.code = append(f.code, i)
}

// W writes an instruction as a word, with its registers in the order of the form.
func (f *Func) W(form *Form, regs ...Reg) { f.WN(form, 0, regs...) }

// WN is W for a form with a number.
func (f *Func) WN(form *Form, number int, regs ...Reg) {
	if len(regs) != form.Registers() {
		panic(f.name + ": wrong number of registers for " + form.Text)
	}
	i := instruction{form: form, number: number, regs: regs, in: regs[1:]}
	if form.Accumulates || form.Stores {
		i.in = regs
	}
	if !form.Stores {
		i.out = regs[:1]
	}
	f.code = append(f.code, i)
}

// Label marks a place.
func (f *Func) Label(name string) { f.code = append(f.code, instruction{label: name}) }

// NewLabel returns a name for a label that no other has.
func (f *Func) NewLabel(name string) string {
	f.labels++
	return fmt.Sprintf("%s_%d", name, f.labels)
}

// Jump writes a jump, conditional unless it is B. Registers are those that it tests, as in
// CBZ.
func (f *Func) Jump(op, label string, tested ...Reg) {
	i := instruction{text: op + " ", target: label, leaves: op == "B", regs: tested, in: tested}
	for range tested {
		i.text += "%s, "
		i.classes += "r"
	}
	i.text += label
	f.code = append(f.code, i)
}

// Ret returns from the function.
func (f *Func) Ret() { f.code = append(f.code, instruction{text: "RET", leaves: true}) }

// At returns a parameter, or a result, as an operand in memory.
func (f *Func) At(name string) string {
	c := f.types.Params().Lookup(name)
	basic, err := c.Resolve()
	if err != nil {
		basic, err = f.types.Results().Lookup(name).Resolve()
	}
	if err != nil {
		panic(fmt.Sprintf("%s: %s: %v", f.name, name, err))
	}
	return fmt.Sprintf("%s+%d(FP)", name, basic.Addr.Disp)
}

// Param returns a new register with a parameter of 64 bits.
func (f *Func) Param(name string) Reg {
	r := f.R()
	f.I("MOVD %s, %or", f.At(name), r)
	return r
}

// Bytes returns a new register with a parameter that counts elements of four bytes, in
// bytes.
func (f *Func) Bytes(name string) Reg {
	r := f.Param(name)
	f.I("LSL $2, %ir, %or", r, r)
	return r
}

// Copy returns a new register with the contents of another.
func (f *Func) Copy(r Reg) Reg {
	if r.vector {
		to := f.V()
		f.I("VMOV %iv.B16, %ov.B16", r, to)
		return to
	}
	to := f.R()
	f.I("MOVD %ir, %or", r, to)
	return to
}

// Zero sets a vector to zero.
func (f *Func) Zero(v Reg) { f.I("VMOVI $0, %ov.B16", v) }

// Advance adds a number to a register.
func (f *Func) Advance(r Reg, n int) {
	switch {
	case n > 0:
		f.I("ADD $%d, %mr", n, r)
	case n < 0:
		f.I("SUB $%d, %mr", -n, r)
	}
}
