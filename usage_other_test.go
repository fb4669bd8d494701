//go:build !linux

package advparams_test

// cpuTime is not measured here.
func cpuTime() float64 { return 0 }

// peakMemory is not measured here.
func peakMemory(func()) (int64, bool) { return 0, false }
