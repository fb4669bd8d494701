package parallel

// MinWork is how many elements of cheap work are worth handing to a thread.
const MinWork = 1 << 13

// GrainOf returns how many items of size elements each make a piece of work.
func GrainOf(size int) int { return max(1, MinWork/max(1, size)) }
