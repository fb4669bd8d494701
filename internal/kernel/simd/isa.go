package simd

//go:generate go run ../internal/asmgen -out asm_amd64.s -stubs asm_amd64.go -pkg simd
//go:generate go run ../internal/armgen -out asm_arm64.s -stubs asm_arm64.go -pkg simd

// Level is an instruction set that there is code for.
type Level int

// The instruction sets, from the least capable on.
const (
	Portable Level = iota // no assembly: Go
	NEON                  // arm64
	AVX2
	AVX512
	AMX // AVX-512, and a matrix unit: see package amx
	Levels
)

// instructions holds the functions of this package for one instruction set.
type instructions struct {
	name  string
	level Level
	lanes int // elements of a vector
	VectorSet
	// transpose is TransposeLines for the leading columns; it returns how many it has done.
	transpose func(lines int, dst []float32, ds, dstLine int, src []float32, ss, srcLine, rows, cols int) (done int)
	// copyRows copies rows of at least four elements. If nil, Go does it.
	copyRows func(rows, n int, src *float32, ss int, dst *float32, ds int)
	// everySecond copies every second element of rows, n ≥ 4 of each. interleave interleaves rows
	// of x and y, n ≥ 8 elements of each. If nil, Go does it.
	everySecond func(rows, n int, src *float32, ss int, dst *float32, ds int)
	interleave  func(rows, n int, x, y *float32, ss int, dst *float32, ds int)
	// rowSums sums 8 rows of runs of whole vectors; see AddRowSums. It may be nil.
	rowSums func(runs, vectors int, x *float32, row, gap int, sums *float32)
	// transposeQuads transposes n matrices of 4×4 quads; see TransposeQuads. It may be nil.
	transposeQuads func(n int, src *float32, ss, srcNext int, dst *float32, ds, dstNext int)
}

// portable is written in Go. It runs on processors without a set of their own, and tests
// compare the others with it.
var portable = &instructions{name: "portable", lanes: 4, transpose: noTranspose, VectorSet: PortableVectors}

// isa is the set in use, the best that the processor has. Only tests change it.
var isa *instructions

func init() { isa = available[0] }

// Name returns the instruction set in use: "AMX", "AVX-512", "AVX2", "NEON" or "portable".
func Name() string { return isa.name }

// Active returns the instruction set in use.
func Active() Level { return isa.level }

// Lanes returns the number of elements of a vector.
func Lanes() int { return isa.lanes }

// Use selects the instruction set to use, and reports whether the processor has it. It is
// for tests.
func Use(l Level) bool {
	for _, set := range available {
		if set.level == l {
			isa = set
			return true
		}
	}
	return false
}
