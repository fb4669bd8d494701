package conv

import (
	"github.com/advparams/advparams/internal/kernel/gemm"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/scratch"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// The gradient of the input as one product of matrices: what each position of gy gives to every
// element of the kernel, in all channels. Each of these numbers is then added to the position of
// the input that the element reads. Nothing in the padding is computed. Other methods read gy, with
// borders, once for each element of the kernel, which is a hundred times the work where the kernel
// is as long as the input: a convolution over whole spectra, or over the words of a text.

// mostColumns is the largest number of products that are in memory at a time, unless those of one
// position are more.
const mostColumns = 1 << 18

// perRun is what it takes to begin a run of additions, in multiplications of vectors.
const perRun = 16

func columnsCost(t *task) (cost, bool) {
	if !t.adjoint {
		return 0, false
	}
	p := t.Conv
	positions, width := p.Out.Size(), p.InChannels*p.Taps
	run := max(p.Out[2], p.Kernel[2])
	adds := positions * width / max(run, 1) * (perRun + 8*vectors(run))
	return 3 * cost(positions*vectors(width)*p.OutChannels+adds) * cost(p.Batch), true // the estimate is rough
}

func runColumns(t *task, w *parallel.Workers, gy, weight, _, gx []float32) {
	p := t.Conv
	positions, width := p.Out.Size(), p.InChannels*p.Taps
	chunk := min(max(mostColumns/width, 1), positions)
	w.For(p.Batch*p.Group, 1, func(lo, hi int) {
		buf := scratch.Floats(chunk * width)
		defer scratch.Free(buf)
		for i := lo; i < hi; i++ {
			to, from, kernels := gx[i*p.XSize:(i+1)*p.XSize], gy[i*p.YSize:], weight[i%p.Group*p.WSize:]
			clear(to)
			for first := 0; first < positions; first += chunk {
				n := min(chunk, positions-first)
				if p.Kernel[2] > p.Out[2] {
					gemm.Gemm(w, true, false, n, width, p.OutChannels, 1, from[first:], positions, kernels, width, 0, *buf, width)
					t.addKernels(to, *buf, first, n)
				} else {
					gemm.Gemm(w, true, false, width, n, p.OutChannels, 1, kernels, width, from[first:], positions, 0, *buf, n)
					t.addPositions(to, *buf, first, n)
				}
			}
			p.Finished(i*p.XSize, (i+1)*p.XSize)
		}
	})
}

// addKernels adds columns, [n, channels, kernel], of n positions of gy.
func (t *task) addKernels(gx, columns []float32, first, n int) {
	p := t.Conv
	k := p.Kernel[2]
	for q := first; q < first+n; q++ {
		at := p.Out.Position(q)
		for c := range p.InChannels {
			plane := gx[c*p.In.Size():]
			for tap := 0; tap < p.Taps; tap, columns = tap+k, columns[k:] {
				x := p.Reads(at, p.Kernel.Position(tap))
				lo, hi := span(x[2], p.Dilation[2], k, p.In[2])
				if x[2] = max(x[2]+lo*p.Dilation[2], 0); lo < hi && p.In.Contains(x) {
					addEvery(plane[p.In.At(x):], p.Dilation[2], columns[lo:hi])
				}
			}
		}
	}
}

// addPositions adds columns, [channels, kernel, n], of n positions of gy.
func (t *task) addPositions(gx, columns []float32, first, n int) {
	p := t.Conv
	for c := range p.InChannels {
		plane := gx[c*p.In.Size():]
		for tap := range p.Taps {
			for q := first; q < first+n; {
				at := p.Out.Position(q)
				row := min(p.Out[2]-at[2], first+n-q) // what is left of it
				x := p.Reads(at, p.Kernel.Position(tap))
				lo, hi := span(x[2], p.Stride[2], row, p.In[2])
				if x[2] = max(x[2]+lo*p.Stride[2], 0); lo < hi && p.In.Contains(x) {
					addEvery(plane[p.In.At(x):], p.Stride[2], columns[lo:hi])
				}
				q, columns = q+row, columns[row:]
			}
		}
	}
}

// span returns the range of i in [0, n) for which at + i·step lies in [0, size).
func span(at, step, n, size int) (lo, hi int) {
	if at < 0 {
		lo = (-at + step - 1) / step
	}
	return lo, max(lo, min(n, (size-at+step-1)/step))
}

// addEvery adds x to every step-th element of to.
func addEvery(to []float32, step int, x []float32) {
	if step == 1 {
		simd.Add(to[:len(x)], to[:len(x)], x)
		return
	}
	for i, v := range x {
		to[i*step] += v
	}
}
