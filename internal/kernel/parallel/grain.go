package parallel

// MinWork is how many elements of cheap work are worth giving to a thread.
const MinWork = 1 << 13

// GrainOf returns the grain for [Workers.For] of items that cost as much as cheap work on
// size elements.
func GrainOf(size int) int { return max(1, MinWork/max(1, size)) }
