package kernel

// mapGrain is how many elements of cheap work are worth handing to a thread.
const mapGrain = 1 << 13

// grainOf returns how many items of size elements each make a piece of work.
func grainOf(size int) int { return max(1, mapGrain/max(1, size)) }

