package gradient

import (
	"hash/maphash"
	"unsafe"

	"github.com/advparams/advparams/nd"
)

// Shapes, iterations of loops and branches may depend on numbers: how many boxes a detector
// finds, say. A program is then compiled for the numbers of its inputs, and what they decide
// is fixed in it. It holds for these inputs alone and, if weights decide too, as long as they
// stay the same. A Session compiles another program where one does not hold; if only outputs
// are wanted, it computes operators as they come, without a graph.

// assumption is an input whose elements decided something.
type assumption struct {
	name  string
	value nd.Array
}

// fixedWeight is a weight whose elements decided something together with those of an input.
type fixedWeight struct {
	name   string
	digest uint64
}

var digestSeed = maphash.MakeSeed()

// digest tells arrays of a process apart.
func digest(a nd.Array) uint64 {
	x := a.Float32s()
	return maphash.Bytes(digestSeed, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x)))
}

// holds returns an *AssumedError if the program does not hold for inputs and the present
// weights.
func (p *Program) holds(inputs map[string]nd.Array) error {
	for _, a := range p.assumed {
		if !identical(inputs[a.name], a.value) {
			return &AssumedError{Input: a.name}
		}
	}
	for _, w := range p.fixed {
		if digest(p.weights.arrays[w.name]) != w.digest {
			return &AssumedError{Weight: w.name}
		}
	}
	return nil
}

// Decided reports whether the numbers of inputs, together with weights, have decided what
// the program computes: it has to be compiled again for others.
func (p *Program) Decided() bool { return len(p.fixed) > 0 }
