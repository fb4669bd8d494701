package kernel

// instructions is a set of implementations for one kind of processor.
type instructions struct {
	name        string
	rows        int // of the largest tile of C
	lanes, vecs int // elements a vector, vectors a row of the largest tile
	tile        func(*tile)
	winograd    func(winoTransform, *winoArgs)
}

// portable is the set in Go, for processors without a set of their own and as
// what tests compare the others with.
var portable = &instructions{name: "portable", rows: 4, lanes: 4, vecs: 4, tile: portableTile, winograd: portableWinograd}

// isa is the set in use: the best that the processor has. Only tests change it.
var isa = available[0]
