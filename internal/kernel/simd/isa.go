package simd

// level is an instruction set that there is code for.
type level int

// The instruction sets, the least first.
const (
	Portable level = iota // Go
	AVX2
	AVX512
	Levels
)

// instructions is the code of this package for one instruction set.
type instructions struct {
	name  string
	level level
	lanes int // elements of a vector
	VectorSet
	// transpose is transposeLines for as many leading columns as it returns.
	transpose func(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int)
	// copyRows copies rows of at least four elements; nil leaves it to Go.
	copyRows func(rows, n int, src *float32, ss int, dst *float32, ds int)
	// everySecond copies every second element of rows, n ≥ 4 of each, and weave
	// interleaves rows of x and y, n ≥ 8 elements of each; nil leaves them to Go.
	everySecond func(rows, n int, src *float32, ss int, dst *float32, ds int)
	weave       func(rows, n int, x, y *float32, ss int, dst *float32, ds int)
	// rowSums sums 8 rows of runs of whole vectors, see addRowSums, or is nil.
	rowSums func(runs, vectors int, x *float32, row, further int, sums *float32)
	// turnQuads transposes n matrices of 4×4 quads, see the function, or is nil.
	turnQuads func(n int, src *float32, ss, srcNext int, dst *float32, ds, dstNext int)
}

// portable is the set in Go, for processors without a set of their own and as
// what tests compare the others with.
var portable = &instructions{name: "portable", lanes: 4, transpose: noTranspose, VectorSet: PortableVectors}

// isa is the set in use: the best that the processor has. Only tests change it.
var isa *instructions

func init() { isa = available[0] }

// Name returns the instruction set in use: "AVX-512", "AVX2" or "portable".
func Name() string { return isa.name }

// Active returns the instruction set in use.
func Active() level { return isa.level }

// Lanes returns the number of elements of a vector.
func Lanes() int { return isa.lanes }

// Use makes an instruction set the one in use, for tests, and reports whether the
// processor has it.
func Use(l level) bool {
	for _, set := range available {
		if set.level == l {
			isa = set
			return true
		}
	}
	return false
}
