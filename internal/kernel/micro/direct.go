package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// DirectTile is the task of the microkernel of direct convolution. N is at most [Channels].
// For i < N and the lanes l of each vector v,
//
//	C[At[v].c + i·CRow + l] = init(i) + Σ_p A[Step[p].a + i] · B[At[v].b + Step[p].b + l]
//
// At holds pairs of offsets in B and C, Step in A and B. Unlike a [Tile], it multiplies a
// few weights with many vectors that may lie anywhere, so that the rows of an image or
// whole images need not be adjacent.
type DirectTile struct {
	At       []Pair
	Last     int // lanes of the last vector to store; all lanes are loaded
	Step     []Pair
	Even     bool // the steps have a constant distance, in A of Channels()
	A, B, C  []float32
	N, CRow  int
	Init     Init        // InitZero, InitC or InitRowBias
	Bias     []float32   // padded to Channels()
	prefetch [][]float32 // memory to prefetch on the way
	rate     int         // bytes to prefetch with every step of a panel
}

// SetPrefetch makes the tile prefetch memory in the course of the given number of steps of
// panels. It prefetches evenly, so that its own loads do not queue behind the prefetches.
func (t *DirectTile) SetPrefetch(prefetch [][]float32, steps int) {
	const most = 128 // two lines of cache
	total := 0
	for _, x := range prefetch {
		total += len(x)
	}
	t.prefetch, t.rate = prefetch, min(most, simd.RoundUp(4*total/max(steps, 1), 4))
}

// PanelSteps returns the number of steps of panels in the product of vectors with a matrix
// of depth rows.
func PanelSteps(vectors, depth int) int { return (vectors + 2) / 3 * depth }

// DirectDepth is how many steps are added up at once. Their weights stay in the L1 cache,
// and a sum of sums is more accurate.
const DirectDepth = 256

// panelsOf calls f for panels of vectors of the table. Panels have as many vectors as a
// microkernel of that many lanes holds, or are of similar size.
func (t *DirectTile) panelsOf(lanes int, f func(first, panels, vecs, last int)) {
	n := len(t.At)
	full := n / 3
	if n%3 == 1 && full > 0 {
		full-- // two panels of two vectors instead of one of three and one of one
	}
	at := func(first, panels, vecs int) {
		if panels == 0 {
			return
		}
		if first+panels*vecs == n && t.Last < lanes {
			if panels > 1 {
				f(first, panels-1, vecs, lanes)
			}
			f(n-vecs, 1, vecs, t.Last)
			return
		}
		f(first, panels, vecs, lanes)
	}
	at(0, full, 3)
	switch rest := n - 3*full; rest {
	case 4:
		at(3*full, 2, 2)
	case 1, 2:
		at(3*full, 1, rest)
	}
}

// BlockPanels is how many elements of B are multiplied with all channels before the next
// ones.
const BlockPanels = 1 << 12

// PackDirect packs weights for [DirectTile]: those of channels i0 to i1, a row for each
// step. Element (i, p) of weight belongs to channel i and step p.
func PackDirect(dst []float32, weight Matrix, i0, i1, depth int) {
	weight = Matrix{weight.X, weight.ColStride, weight.RowStride}
	weight.Pack(dst, 0, depth, i0, i1, Channels())
}
