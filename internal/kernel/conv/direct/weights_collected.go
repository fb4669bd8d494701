package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

const (
	MinRunLength = 8   // positions of a map: fewer are too short a run
	MaxCollected = 64  // without runs, larger maps are taken one by one
	pointSteps   = 512 // positions collected at once
)

// pointRows is how many channels of gy a thread computes: whole tiles.
func pointRows() int { return 8 * micro.Rows() }

// RunCollectedWeights computes gw by this method.
func RunCollectedWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	p.InParts(w, 320, x, gy, gw, collectedGradWeight)
}

// collectedGradWeight computes the gradient of the weights of a 1×1 convolution, which is a
// matrix product:
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// It is for small maps. It collects the positions of each channel side by side, for some
// images at a time. x, which should have fewer channels, is transposed so that those are
// adjacent.
func collectedGradWeight(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	images := max(1, min(p.Batch, pointSteps/p.Out.Size()))
	packed := scratch.Floats(simd.RoundUp(p.InChannels, simd.Lanes())*images*p.Out.Size() + simd.PackSlack)
	defer scratch.Free(packed)
	panels := micro.NewPanels(p.InChannels)
	for g := range p.Group {
		for n := 0; n < p.Batch; n += images {
			images, at := min(images, p.Batch-n), n*p.Group+g
			k := images * p.Out.Size()
			w.For(panels.Count(), parallel.GrainOf(micro.Vecs()*simd.Lanes()*k), func(lo, hi int) {
				rows := scratch.Floats(micro.Vecs() * simd.Lanes() * k)
				defer scratch.Free(rows)
				for i := lo; i < hi; i++ {
					j0, j1 := panels.At(i)
					collect(p, *rows, x[at*p.XSize:], p.InChannels, j0, j1, images)
					if p.BiasSums != nil && p.Swapped {
						simd.AddRowSums(p.BiasSums[at*p.InChannels+j0:at*p.InChannels+j1], *rows, k, 1, k, 0)
					}
					micro.Matrix{X: *rows, RowStride: 1, ColStride: k}.Pack((*packed)[j0*k:], 0, k, 0, j1-j0, simd.RoundUp(j1-j0, simd.Lanes()))
				}
			})
			high := pointRows()
			w.For((p.OutChannels+high-1)/high, 1, func(lo, hi int) {
				rows := scratch.Floats(high * k)
				defer scratch.Free(rows)
				s := micro.Strip{Cols: p.InChannels, Panels: panels, K: k, Lda: k, ByRows: true, B: *packed, Ldc: p.InChannels, Init: micro.InitFrom(n > 0)}
				for i := lo; i < hi; i++ {
					r0, r1 := i*high, min((i+1)*high, p.OutChannels)
					collect(p, *rows, gy[at*p.YSize:], p.OutChannels, r0, r1, images)
					if p.BiasSums != nil && !p.Swapped {
						simd.AddRowSums(p.BiasSums[at*p.OutChannels+r0:at*p.OutChannels+r1], *rows, k, 1, k, 0)
					}
					for r := r0; r < r1; r += micro.Rows() {
						s.Rows, s.A, s.C = min(micro.Rows(), r1-r), (*rows)[(r-r0)*k:], gw[g*p.WSize+r*p.InChannels:]
						s.Run()
					}
				}
			})
		}
	}
}

// collect copies channels c0 to c1 of a group of some images: a row for each channel.
func collect(p *plan.Conv, rows, from []float32, channels, c0, c1, images int) {
	size, image := p.Out.Size(), p.Group*channels*p.Out.Size()
	if size == simd.Quad && simd.HasQuads() {
		simd.TransposeQuads(rows, images*size, from[c0*size:], image, images, c1-c0)
		return
	}
	for i := range images {
		simd.CopyRows(rows[i*size:], images*size, from[i*image+c0*size:], size, c1-c0, size)
	}
}
