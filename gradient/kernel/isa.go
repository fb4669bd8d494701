package kernel

// instructions is a set of implementations for one kind of processor.
type instructions struct {
	name        string
	rows        int // of the largest tile of C
	lanes, vecs int // elements a vector, vectors a row of the largest tile
	tile        func(*tile)
}

// isa is the set in use: the best that the processor has. Only tests change it.
var isa = available[0]

func (t *tile) run() { isa.tile(t) }
