package micro

import (
	"github.com/advparams/advparams/internal/kernel/simd"
)

// DirectTile is the task of the microkernel of direct convolution. For i < n, n
// being at most blockChannels(), and the lanes l of each vector v,
//
//	c[at[v].c + i·cRow + l] = begin(i) + Σ_p a[step[p].a + i] · b[at[v].b + step[p].b + l]
//
// where at holds pairs of offsets in b and c, and step in a and b.
// Unlike a [tile], it holds a few weights against many vectors that may lie
// anywhere, so that rows of an image or whole images need not be adjacent.
type DirectTile struct {
	At      []Pair
	Last    int // lanes of the last vector that are stored; all are loaded
	Step    []Pair
	Even    bool // the steps are equally far apart, in a by blockChannels()
	A, B, C []float32
	N, CRow int
	Init    Init        // fromZero, fromC or fromRows
	Bias    []float32   // rounded up to blockChannels()
	later   [][]float32 // what is needed soon, to be prefetched on the way
	pace    int         // bytes of it to fetch with every step of a panel
}

// FetchAhead makes the tile prefetch later in the course of so many steps of
// panels: evenly, so that what it reads itself need not queue behind.
func (t *DirectTile) FetchAhead(later [][]float32, steps int) {
	const most = 128 // two lines of cache
	total := 0
	for _, x := range later {
		total += len(x)
	}
	t.later, t.pace = later, min(most, simd.RoundUp(4*total/max(steps, 1), 4))
}

// PanelSteps returns how many steps of panels multiply so many vectors with
// matrices of depth rows.
func PanelSteps(vectors, depth int) int { return (vectors + 2) / 3 * depth }

// DirectDepth is how many steps are added up at once: their weights stay in the
// first level of cache, and a sum of sums is more accurate.
const DirectDepth = 256

// panelsOf calls f for vectors first to last of the table, as many at a time as a
// microkernel of so many lanes holds and as evenly.
func (t *DirectTile) panelsOf(lanes int, f func(first, panels, vecs, last int)) {
	n := len(t.At)
	full := n / 3
	if n%3 == 1 && full > 0 {
		full-- // two panels of two
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

// BlockPanels is how much of b, in elements, is multiplied with all channels
// before the next is.
const BlockPanels = 1 << 12

// PackDirect packs weights for directTile: those of channels i0 to i1 of a view
// whose element (i, p) belongs to channel i and step p, a row for each step.
func PackDirect(dst []float32, weight Matrix, i0, i1, depth int) {
	weight = Matrix{weight.X, weight.ColStride, weight.RowStride}
	weight.Pack(dst, 0, depth, i0, i1, Channels())
}
