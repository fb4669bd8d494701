package simd

// Pause tells the processor that the loop around it waits for another thread.
func Pause() { pause() }
