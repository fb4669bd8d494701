package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// DotTile is the task of the microkernel: for i < blockChannels() and j < len(col)-3,
//
//	s(i, j, l) = Σ_p a[step[p].a + i·aRow + l] · b[step[p].b + col[j] + l]
//
// for the lanes l of a vector. Columns go in threes; col holds 3 more whose vectors
// are fetched on the way. Three of them have dotSums elements of sums, where
// s(i, j) is vector 3·i + j and is added to if add. With end, the sum of its lanes is
// stored instead, as element i of vector j.
type DotTile struct {
	Step     []Pair
	A        []float32
	ARow     int
	B        []float32
	Col      []int
	Sums     []float32
	Add, End bool
	Later    []float32 // to be prefetched on the way
}

// DotSums returns the elements of sums for three columns.
func DotSums() int { return 3 * Channels() * simd.Lanes() }

// MostDots is how many vectors of a row a chunk has at most.
const MostDots = 32
