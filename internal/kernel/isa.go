package kernel

// instructions is a set of implementations for one kind of processor.
type instructions struct {
	name        string
	rows        int // of the largest tile of C
	lanes, vecs int // elements a vector, vectors a row of the largest tile
	tile        func(*tile)
	strip       func(*strip)
	vectorSet
	// transpose is transposeLines for as many leading columns as it returns.
	transpose func(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int)
	// copyRows copies rows of at least four elements; nil leaves it to Go.
	copyRows func(rows, n int, src *float32, ss int, dst *float32, ds int)
	// everySecond copies every second element of rows, n ≥ 4 of each, and weave writes
	// rows of x and y turn by turn, n ≥ 8 elements of each; nil leaves them to Go.
	everySecond func(rows, n int, src *float32, ss int, dst *float32, ds int)
	weave       func(rows, n int, x, y *float32, ss int, dst *float32, ds int)
	// halveMax and halveMaxGrad are for rows of n ≥ 4 outputs; nil leaves them to Go.
	halveMax     func(rows, n int, x *float32, line int, y *float32)
	halveMaxGrad func(rows, n int, x *float32, line int, gy, gx *float32)
	winograd     func(winoTransform, *winoArgs)
	// direct computes a tile of a direct convolution, of at most channels channels;
	// nil leaves them to the other methods.
	direct   func(*directTile)
	dots     func(*dotTile)
	channels int
	runs     func(*runTile)  // or nil
	tall     func(*tallTile) // or nil
	// rowSums sums 8 rows of runs of whole vectors, see addRowSums, or is nil.
	rowSums func(runs, vectors int, x *float32, row, further int, sums *float32)
	// turnQuads turns n matrices of 4×4 quads, see the function, or is nil.
	turnQuads func(n int, src *float32, ss, srcNext int, dst *float32, ds, dstNext int)
	// depthwise computes depthwise convolutions; nil leaves them to the general
	// methods.
	depthwise interface {
		forward(*depthwiseArgs)
		back(*depthwiseArgs) // gradients by the input with stride 2
		weight(*depthwiseArgs)
	}
	// tilesInLanes are for Winograd's algorithm with tiles in the lanes; nil leaves its
	// convolutions to others.
	tilesInLanes *laneKernels
	// small computes depthwise convolutions of small planes, or nil.
	small interface {
		forward(a *smallArgs, several bool) // planes in a vector
		weight(*smallArgs)
	}
}

// portable is the set in Go, for processors without a set of their own and as
// what tests compare the others with.
var portable = &instructions{name: "portable", rows: 4, lanes: 4, vecs: 4, tile: portableTile, strip: portableStrip, transpose: noTranspose, winograd: portableWinograd, vectorSet: portableVectors}

// isa is the set in use: the best that the processor has. Only tests change it.
var isa *instructions

func init() { isa = available[0] }

// Name returns the instruction set in use: "AVX-512", "AVX2" or "portable".
func Name() string { return isa.name }
