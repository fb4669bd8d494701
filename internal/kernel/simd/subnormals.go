package simd

// FlushSubnormals has this goroutine take numbers below 2⁻¹²⁶ for zero until restore is called.
// Processors of Intel and AMD take a hundred times as long to multiply such numbers as others, and
// weights that training has let decay are full of them. In a sum of products they are far below the
// rounding. Others, such as those with NEON, lose no time, and go on as they are.
func FlushSubnormals() (restore func()) { return flushSubnormals() }

// Flushing reports whether the goroutine does that, which goroutines that help it have to do too.
func Flushing() bool { return flushing() }
