package gemm

import (
	"sync/atomic"

	"github.com/advparams/advparams/internal/kernel/amx"
	"github.com/advparams/advparams/internal/kernel/parallel"
)

// Kept keeps the factor B of products in the form that the matrix unit computes with: rounded, in
// panels. To make it takes longer than the product if A has but a few rows. It is for products of one
// shape; between two with different B it has to be emptied. A nil *Kept keeps nothing.
type Kept struct {
	form  []uint32
	ready bool
	plain bool // B cannot be rounded
}

// Forget empties k.
func (k *Kept) Forget() {
	if k != nil {
		k.ready = false
	}
}

// Form returns the bytes that a [Kept] takes for the product, and 0 if to make it takes next to no
// time beside the product.
func (g Product) Form() int64 {
	const mostRows = 1 << 11
	p := General{M: g.M, N: g.N, K: g.K, Alpha: 1}
	if g.M > mostRows || !p.fillsTiles() {
		return 0
	}
	return 4 * int64(p.keptWords())
}

// keptWords returns the number of words of all of B, packed.
func (p *General) keptWords() int { return p.panels()*panelOf(p.K) + amx.Slack }

// words returns B in that form: all panels of the first part of the sum, then those of the next.
// It returns nil if B is to be packed a block at a time.
func (k *Kept) words(w *parallel.Workers, p *General) []uint32 {
	if k == nil {
		return nil
	}
	if !k.ready {
		if n := p.keptWords(); cap(k.form) < n {
			k.form = make([]uint32, n)
		}
		k.plain, k.ready = !p.packAll(w, k.form), true
	}
	if k.plain {
		return nil
	}
	return k.form
}

// packAll packs all of B. It reports whether its elements can be rounded.
func (p *General) packAll(w *parallel.Workers, to []uint32) bool {
	var plain atomic.Bool
	const some = 4 // panels at a time
	w.For((p.panels()+some-1)/some, 1, func(lo, hi int) {
		t := &tileBlock{step: steps(min(partDepth, p.K))}
		first, last := lo*some, min(hi*some, p.panels())
		for k := 0; k < p.K; k += partDepth {
			t.General = p.part(k)
			panel := panelOf(t.K)
			dst := to[p.panels()*panelOf(k)+first*panel:]
			if !t.pack(dst, panel, t.B.Transposed(), first*tileSide, min(last*tileSide, p.N), false) {
				plain.Store(true)
			}
		}
	})
	return !plain.Load()
}
