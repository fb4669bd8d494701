package simd

// Pause tells the processor that the loop around it is waiting for another thread.
func Pause() { pause() }
