package main

import (
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// cpuid writes a function for the instruction of that name.
func cpuid() {
	TEXT("cpuid", NOSPLIT, "func(leaf, sub uint32) (a, b, c, d uint32)")
	Load(Param("leaf"), reg.EAX)
	Load(Param("sub"), reg.ECX)
	CPUID()
	for i, r := range []reg.Register{reg.EAX, reg.EBX, reg.ECX, reg.EDX} {
		Store(r, ReturnIndex(i))
	}
	RET()
}

// pause writes a function for the instruction that tells the processor that a loop is
// waiting.
func pause() {
	TEXT("pause", NOSPLIT, "func()")
	PAUSE()
	RET()
}

// control writes functions that read and set the register which says how vectors and scalars
// are computed.
func control() {
	TEXT("control", NOSPLIT, "func() (bits uint32)")
	STMXCSR(address(ReturnIndex(0)))
	RET()
	TEXT("setControl", NOSPLIT, "func(bits uint32)")
	LDMXCSR(address(Param("bits")))
	RET()
}

// address returns where an argument or a result lies.
func address(c gotypes.Component) operand.Mem {
	b, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return b.Addr
}
