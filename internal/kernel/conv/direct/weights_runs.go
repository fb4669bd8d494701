package direct

import (
	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// RunInPlaceWeights computes gw by this method.
func RunInPlaceWeights(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	p.InParts(w, 320, x, gy, gw, runGradWeight)
}

// runGradWeight computes the gradient of the weights of a 1×1 convolution, which is a
// matrix product:
//
//	gw[o, c] = Σ_{n, q} gy[n, o, q] · x[n, c, q]
//
// It leaves gy in place, where each image and channel has a run of positions. x, which
// should have fewer channels, is transposed so that those are adjacent: for as many images,
// or positions of one image, as the L1 cache holds in a panel.
func runGradWeight(p *plan.Conv, w *parallel.Workers, x, gy, gw []float32) {
	size := p.Out.Size()
	panels := micro.NewPanels(p.InChannels)
	images, length := pointsAtOnce(p)
	packed := scratch.Floats(simd.RoundUp(p.InChannels, simd.Lanes())*images*length + simd.PackSlack)
	defer scratch.Free(packed)
	if p.InChannels%simd.Lanes() != 0 {
		clear(*packed)
	}
	high := pointRows()
	parts := (p.OutChannels + high - 1) / high
	for g := range p.Group {
		for n := 0; n < p.Batch; n += images {
			images, at := min(images, p.Batch-n), n*p.Group+g
			for q := 0; q < size; q += length {
				length := min(length, size-q)
				t := micro.RunTile{Runs: images, Length: length, Jump: p.Group * p.YSize, Lda: size, Ldc: p.InChannels, Add: n+q > 0}
				w.For(panels.Count(), parallel.GrainOf(micro.Vecs()*simd.Lanes()*images*length), func(lo, hi int) {
					for i := lo; i < hi; i++ {
						j0, j1 := panels.At(i)
						transposePoints(p, (*packed)[j0*images*length:], simd.RoundUp(j1-j0, simd.Lanes()), x[at*p.XSize+j0*size+q:], j1-j0, images, length)
					}
				})
				if p.Swapped {
					accumulateBiasRows(p, x, at, 0, p.InChannels, images, q, length)
				}
				w.For(panels.Count()*parts, 1, func(lo, hi int) {
					for i := lo; i < hi; i++ {
						t := t
						j0, j1 := panels.At(i / parts)
						r := i % parts * high
						t.Rows, t.Cols = min(high, p.OutChannels-r), j1-j0
						t.A, t.B, t.C = gy[at*p.YSize+r*size+q:], (*packed)[j0*images*length:], gw[g*p.WSize+r*p.InChannels+j0:]
						if j1 == p.InChannels { // the last panel: prefetch gy of the next images
							t.Prefetch = plan.SliceUpTo(gy, ((n+images)*p.Group+g)*p.YSize+(q*p.OutChannels+r*length)*images, t.Rows*length*images)
						}
						t.Run()
						if j1 == p.InChannels && !p.Swapped {
							accumulateBiasRows(p, gy, at, r, t.Rows, images, q, length)
						}
					}
				})
			}
		}
	}
}

// accumulateBiasRows adds up some rows of the gradient of y while they are in cache, if the
// gradient of the bias is wanted. The sums of all images are added to those of the first,
// at. If x and gy are swapped, the argument gy is what was x.
func accumulateBiasRows(p *plan.Conv, gy []float32, at, first, rows, images, q, length int) {
	if p.BiasSums == nil {
		return
	}
	channels, size := p.OutChannels, p.Out.Size()
	if p.Swapped {
		channels = p.InChannels
	}
	first += at * channels
	simd.AddRowSums(p.BiasSums[first:first+rows], gy[first*size+q:], size, images, length, p.Group*channels*size)
}

// pointsAtOnce returns how many images, and how many positions of each, to transpose at
// once.
func pointsAtOnce(p *plan.Conv) (images, length int) {
	size := p.Out.Size()
	width := min(simd.RoundUp(p.InChannels, simd.Lanes()), micro.Vecs()*simd.Lanes())
	most := simd.CacheL1 * 3 / 4 / (4 * width)
	if size > most {
		pieces := (size + most - 1) / most
		return 1, simd.RoundUp((size+pieces-1)/pieces, micro.Unroll)
	}
	images = max(1, min(p.Batch, most/size, plan.WeightBlock/(p.XSize+p.YSize)))
	times := (p.Batch + images - 1) / images
	return (p.Batch + times - 1) / times, size
}

// transposePoints sets dst to some positions of channels of a few images, with the channels
// last and width elements for a position.
func transposePoints(p *plan.Conv, dst []float32, width int, x []float32, channels, images, length int) {
	size := p.Out.Size()
	for c := 0; c < channels; c += 8 {
		simd.TransposeLines(images, dst[c:], width, length*width, x[c*size:], size, p.Group*p.XSize, min(8, channels-c), length)
	}
}
