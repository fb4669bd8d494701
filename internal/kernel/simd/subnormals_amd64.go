//go:build amd64 && !noasm

package simd

import "runtime"

// flush has the bits of MXCSR that take subnormal arguments for zero, and write zero for
// subnormal results.
const flush = 1<<6 | 1<<15

// flushing reports whether the thread does that.
func flushing() bool { return control()&flush == flush }

func flushSubnormals() (restore func()) {
	runtime.LockOSThread() // the register is the thread's
	old := control()
	setControl(old | flush)
	return func() {
		setControl(old)
		runtime.UnlockOSThread()
	}
}
