// Package a64 writes assembly for arm64: functions of virtual registers, which it
// allocates, in the syntax of Go's assembler. Instructions that Go's assembler lacks are
// encoded here and written as words.
//
// # Files
//
//	forms.go     the encodings of instructions that Go's assembler lacks
//	func.go      functions, their parameters and instructions
//	allocate.go  liveness and allocation of registers
//	file.go      the files of assembly and of declarations
package a64

import (
	"fmt"
	"strings"
)

// Form is an instruction with its operands left open. Its text is that of the GNU
// assembler, in which d, n and m after a letter are the numbers of registers and # is a
// number.
type Form struct {
	Text string
	base uint32
	// Accumulates says that register d is read as well as written, Stores that it is only read.
	Accumulates, Stores bool
	number              func(n int) uint32 // encodes #; nil if there is none
}

// The forms. Encodings are those of Arm's Architecture Reference Manual (DDI 0487), C7.2.
var (
	FADD   = Form{Text: "fadd Vd.4s, Vn.4s, Vm.4s", base: 0x4e20d400}
	FSUB   = Form{Text: "fsub Vd.4s, Vn.4s, Vm.4s", base: 0x4ea0d400}
	FMUL   = Form{Text: "fmul Vd.4s, Vn.4s, Vm.4s", base: 0x6e20dc00}
	FDIV   = Form{Text: "fdiv Vd.4s, Vn.4s, Vm.4s", base: 0x6e20fc00}
	FMAX   = Form{Text: "fmax Vd.4s, Vn.4s, Vm.4s", base: 0x4e20f400}
	FMIN   = Form{Text: "fmin Vd.4s, Vn.4s, Vm.4s", base: 0x4ea0f400}
	FADDP  = Form{Text: "faddp Vd.4s, Vn.4s, Vm.4s", base: 0x6e20d400}
	FMAXP  = Form{Text: "fmaxp Vd.4s, Vn.4s, Vm.4s", base: 0x6e20f400}
	FCMEQ  = Form{Text: "fcmeq Vd.4s, Vn.4s, Vm.4s", base: 0x4e20e400}
	FCMGE  = Form{Text: "fcmge Vd.4s, Vn.4s, Vm.4s", base: 0x6e20e400}
	FCMGT  = Form{Text: "fcmgt Vd.4s, Vn.4s, Vm.4s", base: 0x6ea0e400}
	FABS   = Form{Text: "fabs Vd.4s, Vn.4s", base: 0x4ea0f800}
	FRINTN = Form{Text: "frintn Vd.4s, Vn.4s", base: 0x4e218800}
	FCVTNS = Form{Text: "fcvtns Vd.4s, Vn.4s", base: 0x4e21a800}
	SSHR   = Form{Text: "sshr Vd.4s, Vn.4s, ##", base: 0x4f000400, number: func(n int) uint32 { return uint32(64-n) << 16 }}
	ORN    = Form{Text: "orn Vd.16b, Vn.16b, Vm.16b", base: 0x4ee01c00}
	BIC    = Form{Text: "bic Vd.16b, Vn.16b, Vm.16b", base: 0x4e601c00}

	// One element of Vm multiplies all of Vn.
	FMLALane = Form{Text: "fmla Vd.4s, Vn.4s, Vm.s[#]", base: 0x4f801000, Accumulates: true, number: lane}
	FMULLane = Form{Text: "fmul Vd.4s, Vn.4s, Vm.s[#]", base: 0x4f809000, number: lane}

	// Go's FMOVQ has no register as offset.
	LDRQ = Form{Text: "ldr Qd, [Xn, Xm]", base: 0x3ce06800}
	STRQ = Form{Text: "str Qd, [Xn, Xm]", base: 0x3ca06800, Stores: true}
)

// Forms lists them all.
var Forms = []*Form{
	&FADD, &FSUB, &FMUL, &FDIV, &FMAX, &FMIN, &FADDP, &FMAXP, &FCMEQ, &FCMGE, &FCMGT,
	&FABS, &FRINTN, &FCVTNS, &SSHR, &ORN, &BIC, &FMLALane, &FMULLane, &LDRQ, &STRQ,
}

// lane encodes the number of an element of 32 bits: H and L.
func lane(n int) uint32 { return uint32(n>>1<<11 | n&1<<21) }

// Registers returns how many registers the instruction has.
func (f *Form) Registers() int { return len(f.places()) }

// places returns what d, n and m stand for in the order of the text: where their numbers are
// in the word.
func (f *Form) places() (shifts []int) {
	for i := range len(f.Text) - 1 {
		if strings.IndexByte("VQX", f.Text[i]) >= 0 {
			shifts = append(shifts, map[byte]int{'d': 0, 'n': 5, 'm': 16}[f.Text[i+1]])
		}
	}
	return shifts
}

// HasNumber reports whether the instruction has a number besides registers.
func (f *Form) HasNumber() bool { return f.number != nil }

// Encode returns the word for registers in the order of the text.
func (f *Form) Encode(registers []int, number int) uint32 {
	word := f.base
	for i, shift := range f.places() {
		word |= uint32(registers[i]) << shift
	}
	if f.number != nil {
		word |= f.number(number)
	}
	return word
}

// Format returns the text with the operands filled in.
func (f *Form) Format(registers []int, number int) string {
	var s strings.Builder
	next := 0
	for i := 0; i < len(f.Text); i++ {
		c := f.Text[i]
		switch {
		case strings.IndexByte("VQX", c) >= 0:
			fmt.Fprintf(&s, "%c%d", c|0x20, registers[next])
			next++
			i++
		case c == '#' && strings.HasPrefix(f.Text[i:], "##"):
			fmt.Fprintf(&s, "#%d", number)
			i++
		case c == '#':
			fmt.Fprintf(&s, "%d", number)
		default:
			s.WriteByte(c)
		}
	}
	return s.String()
}
