package perturb

import "math"

// decode is the value of a float32's bits.
func decode(bits uint64) float32 { return math.Float32frombits(uint32(bits)) }
