package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// DotTile is the task of a microkernel that computes dot products. For i < [Channels] and j
// < len(Col)-3,
//
//	s(i, j, l) = Σ_p A[Step[p].a + i·ARow + l] · B[Step[p].b + Col[j] + l]
//
// for the lanes l of a vector. Columns go in threes; the last three of Col are not
// computed, but their vectors are prefetched. Three columns have [DotSums] elements of
// Sums, in which s(i, j) is vector 3·i + j. It is added to what is there if Add is set. If
// End is set, the sum of its lanes is stored instead, as element j·[DotEnds] + i.
type DotTile struct {
	Step     []Pair
	A        []float32
	ARow     int
	B        []float32
	Col      []int
	Sums     []float32
	Add, End bool
	Prefetch []float32 // memory to prefetch on the way
}

// DotSums returns the number of elements of the sums for three columns.
func DotSums() int { return 3 * Channels() * simd.Lanes() }

// DotEnds returns how far apart the sums of columns begin at the end: a vector, or more where
// that has fewer lanes than there are channels.
func DotEnds() int { return max(simd.Lanes(), Channels()) }

// MostDots is the largest number of vectors that a chunk has of a row.
const MostDots = 32
