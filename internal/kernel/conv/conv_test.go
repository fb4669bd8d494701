package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/kernel/conv/plan"
	"github.com/advparams/advparams/internal/kernel/internal/kerneltest"
	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// naiveConv visits every product of a convolution with the indices of the
// elements of x, weight and y.
func naiveConv(c *Conv, visit func(x, weight, y int)) {
	p := c.plan()
	for k := range p.InChannels * p.Taps {
		for q := range p.Out.Size() {
			at := p.Reads(p.Out.Position(q), p.Kernel.Position(k%p.Taps))
			inside := true
			for a, i := range at {
				inside = inside && i >= 0 && i < p.In[a]
			}
			if !inside {
				continue
			}
			for i := range p.Batch * p.Group {
				x := i*p.XSize + k/p.Taps*p.In.Size() + p.In.At(at)
				for o := range p.OutChannels {
					visit(x, (i%p.Group*p.OutChannels+o)*p.InChannels*p.Taps+k, i*p.YSize+o*p.Out.Size()+q)
				}
			}
		}
	}
}

func checkConv(w *parallel.Workers, rng *rand.Rand, c Conv) error {
	p := c.plan()
	x := kerneltest.Randoms(rng, c.Batch*c.InChannels*p.In.Size())
	weight := kerneltest.Randoms(rng, c.OutChannels*p.InChannels*p.Taps)
	bias := kerneltest.Randoms(rng, c.OutChannels)
	gy := kerneltest.Randoms(rng, c.Batch*c.OutChannels*p.Out.Size())

	y := make([]float64, len(gy))
	gx, gw, gb := make([]float64, len(x)), make([]float64, len(weight)), make([]float64, len(bias))
	naiveConv(&c, func(i, k, o int) {
		y[o] += float64(x[i]) * float64(weight[k])
		gx[i] += float64(gy[o]) * float64(weight[k])
		gw[k] += float64(gy[o]) * float64(x[i])
	})
	for i, v := range gy {
		gb[i/p.Out.Size()%c.OutChannels] += float64(v)
	}

	out := func(n int) []float32 { // not zero: kernels must overwrite
		s := make([]float32, n)
		simd.Fill(s, 1e9)
		return s
	}
	gotY, gotGX, gotGW, gotGB := out(len(y)), out(len(gx)), out(len(gw)), out(len(gb))
	c.Forward(w, x, weight, nil, gotY)
	if err := kerneltest.Compare(gotY, y, 1e-5); err != nil {
		return fmt.Errorf("%+v: forward without bias: %w", c, err)
	}
	for i := range y {
		y[i] += float64(bias[i/p.Out.Size()%c.OutChannels])
	}
	c.Forward(w, x, weight, bias, gotY)
	if err := kerneltest.Compare(gotY, y, 1e-5); err != nil {
		return fmt.Errorf("%+v: forward: %w", c, err)
	}
	limits := c
	limits.Clamp = &plan.Clamp{Lo: -0.5, Hi: 1}
	limited := slices.Clone(gotY)
	simd.Clip(limited, limited, -0.5, 1)
	if limits.Forward(w, x, weight, bias, gotY); !slices.Equal(gotY, limited) {
		return fmt.Errorf("%+v: forward with limits differs", c)
	}
	// Once more, with something to do for every element that is ready.
	then := c
	then.Epilogue = func(lo, hi int) { simd.Affine(gotY[lo:hi], gotY[lo:hi], 2, 1) }
	then.Forward(w, x, weight, bias, gotY)
	for i, v := range y {
		y[i] = 2*v + 1
	}
	if err := kerneltest.Compare(gotY, y, 1e-5); err != nil {
		return fmt.Errorf("%+v: forward, then: %w", c, err)
	}
	then.Epilogue = func(lo, hi int) { simd.Affine(gotGX[lo:hi], gotGX[lo:hi], 1, 0.5) }
	then.GradInput(w, gy, weight, gotGX)
	for i := range gotGX {
		gotGX[i] -= 0.5
	}
	if err := kerneltest.Compare(gotGX, gx, 1e-5); err != nil {
		return fmt.Errorf("%+v: gradient of the input, then: %w", c, err)
	}
	c.GradInput(w, gy, weight, gotGX)
	if err := kerneltest.Compare(gotGX, gx, 1e-5); err != nil {
		return fmt.Errorf("%+v: gradient of the input: %w", c, err)
	}
	c.GradWeight(w, x, gy, gotGW, nil)
	if err := kerneltest.Compare(gotGW, gw, 1e-5); err != nil {
		return fmt.Errorf("%+v: gradient of the weight: %w", c, err)
	}
	c.GradBias(w, gy, gotGB)
	if err := kerneltest.Compare(gotGB, gb, 1e-5); err != nil {
		return fmt.Errorf("%+v: gradient of the bias: %w", c, err)
	}
	both, companion := out(len(gw)), out(len(gb))
	c.GradWeight(w, x, gy, both, companion)
	if !slices.Equal(both, gotGW) {
		return fmt.Errorf("%+v: gradient of the weight differs if computed with the bias's", c)
	}
	if err := kerneltest.Compare(companion, gb, 1e-5); err != nil {
		return fmt.Errorf("%+v: gradient of the bias, with the weight's: %w", c, err)
	}
	if !c.Gates() && len(x) > 1<<12 { // these have no method of their own: small ones will do
		return nil
	}
	if err := checkGate(w, c, gy, weight, x, gotGX); err != nil {
		return fmt.Errorf("%+v: gradient of the input through a gate: %w", c, err)
	}
	if err := checkTogether(w, c, x, gy, weight, gotGX, gotGW, companion); err != nil {
		return fmt.Errorf("%+v: gradients %w", c, err)
	}
	return nil
}

// checkGate compares gradients of the input through a gate of x with those without.
func checkGate(w *parallel.Workers, c Conv, gy, weight, x, gx []float32) error {
	want, got := slices.Clone(gx), make([]float32, len(gx))
	simd.ClipGrad(want, x, want, -0.5, 1)
	c.Gate = &plan.Gate{Y: slices.Clone(x), Lo: -0.5, Hi: 1}
	for _, to := range [][]float32{got, c.Gate.Y} {
		c.GradInput(w, gy, weight, to)
		if !slices.Equal(to, want) {
			return fmt.Errorf("differs, in place: %v", &to[0] == &c.Gate.Y[0])
		}
		if !c.Gates() {
			break
		}
	}
	return nil
}

// checkTogether compares gradients computed at once with those one by one.
func checkTogether(w *parallel.Workers, c Conv, x, gy, weight, gx, gw, gb []float32) error {
	want := slices.Clone(gx)
	simd.ClipGrad(want, x, want, -0.5, 1)
	c.Gate = &plan.Gate{Y: slices.Clone(x), Lo: -0.5, Hi: 1}
	for _, to := range [][]float32{slices.Clone(gx), c.Gate.Y} {
		gotGW, gotGB := make([]float32, len(gw)), make([]float32, len(gb))
		c.Gradients(w, c.Gate.Y, gy, weight, to, gotGW, gotGB)
		if !slices.Equal(gotGW, gw) || !slices.Equal(gotGB, gb) || !slices.Equal(to, want) {
			return fmt.Errorf("differ if computed at once")
		}
		if !c.Gates() {
			break
		}
	}
	return nil
}

// conv2 makes a Conv of square images, out computed from equal padding p.
func conv2(batch, group, ic, oc, size, kernel, stride, p int) Conv {
	o := (size+2*p-kernel)/stride + 1
	return Conv{
		Batch: batch, Group: group, InChannels: ic, OutChannels: oc,
		In: []int{size, size}, Kernel: []int{kernel, kernel}, Out: []int{o, o}, Stride: []int{stride, stride}, Dilation: []int{1, 1}, Pad: []int{p, p},
	}
}

// depthwiseOf returns a 3×3 convolution of each channel.
func depthwiseOf(channels, rows, columns int) Conv {
	one, size := []int{1, 1}, []int{rows, columns}
	return Conv{Batch: 3, Group: channels, InChannels: channels, OutChannels: channels, In: size, Kernel: []int{3, 3}, Out: size, Stride: one, Dilation: one, Pad: one}
}

// columns are convolutions of which the gradient of the input is computed in columns.
var columns = []Conv{
	{Batch: 2, Group: 1, InChannels: 5, OutChannels: 20, In: []int{24, 10}, Kernel: []int{24, 3}, Out: []int{1, 10}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{0, 1}},
	{Batch: 2, Group: 1, InChannels: 1, OutChannels: 20, In: []int{9, 60}, Kernel: []int{3, 60}, Out: []int{7, 1}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{0, 0}},
	{Batch: 3, Group: 2, InChannels: 6, OutChannels: 80, In: []int{40, 21}, Kernel: []int{30, 4}, Out: []int{5, 8}, Stride: []int{3, 2}, Dilation: []int{1, 2}, Pad: []int{1, 0}},
	{Batch: 1, Group: 1, InChannels: 2, OutChannels: 16, In: []int{7, 50}, Kernel: []int{2, 24}, Out: []int{6, 4}, Stride: []int{1, 1}, Dilation: []int{1, 2}, Pad: []int{0, 0}},
	{Batch: 1, Group: 1, InChannels: 8, OutChannels: 8, In: []int{4, 40, 40}, Kernel: []int{3, 36, 36}, Out: []int{2, 7, 5}, Stride: []int{1, 1, 1}, Dilation: []int{1, 1, 1}, Pad: []int{0, 1, 0}}, // a few positions at a time
}

// TestColumns: what would mostly multiply padding is computed in columns.
func TestColumns(t *testing.T) {
	for _, c := range columns {
		if m := methodForCorrelation(&task{Conv: c.plan(), adjoint: true}); m.name != "columns" {
			t.Errorf("%+v: by %s", c, m.name)
		}
	}
}

func TestConv(t *testing.T) {
	w := parallel.NewWorkers(2)
	defer w.Close()
	table := []Conv{
		conv2(3, 1, 16, 16, 32, 3, 1, 1),
		conv2(2, 1, 32, 32, 16, 3, 1, 1),
		conv2(13, 1, 5, 4, 32, 3, 1, 1), // weights in parts
		conv2(3, 1, 64, 64, 8, 3, 1, 1),
		conv2(2, 1, 16, 32, 32, 3, 2, 1),
		conv2(2, 1, 16, 32, 32, 1, 2, 0),
		conv2(1, 1, 16, 20, 70, 3, 1, 1), // units of a few rows of tiles
		conv2(1, 2, 64, 64, 56, 3, 1, 1), // these have more rows of zeros than others
		conv2(5, 1, 48, 48, 7, 3, 1, 1),  // several images in a unit, odd
		conv2(2, 2, 32, 20, 28, 3, 1, 1), // tiles of a row in a vector that is not full
		conv2(1, 1, 9, 24, 64, 3, 1, 1),  // or in two vectors, units of a few rows
		{Batch: 2, Group: 1, InChannels: 16, OutChannels: 17, In: []int{7, 18}, Kernel: []int{3, 3}, Out: []int{8, 19}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{2, 2}},
		{Batch: 2, Group: 1, InChannels: 8, OutChannels: 9, In: []int{18, 30}, Kernel: []int{3, 3}, Out: []int{17, 29}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{0, 1}},
		{Batch: 2, Group: 1, InChannels: 8, OutChannels: 9, In: []int{3, 32}, Kernel: []int{3, 3}, Out: []int{1, 30}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{0, 0}},
		conv2(2, 1, 3, 16, 32, 3, 1, 1),
		conv2(2, 1, 1, 16, 28, 3, 1, 1),
		conv2(2, 1, 1, 6, 28, 5, 1, 2),
		conv2(2, 1, 6, 16, 14, 5, 1, 0),
		conv2(2, 1, 16, 120, 5, 5, 1, 0),
		conv2(2, 1, 24, 40, 7, 1, 1, 0),
		conv2(3, 1, 1020, 8, 8, 1, 1, 0), // more than is collected at once
		conv2(3, 2, 10, 24, 8, 1, 1, 0),
		conv2(9, 1, 72, 84, 4, 1, 1, 0), // weights: two panels, twice
		conv2(2, 1, 20, 14, 32, 1, 1, 0),
		conv2(2, 1, 16, 16, 12, 1, 1, 0), // as many channels in the result
		conv2(2, 2, 80, 26, 16, 1, 1, 0), // few channels in the result
		conv2(1, 1, 90, 20, 24, 1, 1, 0),
		conv2(2, 1, 300, 21, 24, 1, 1, 0), // panels are copied, in two parts
		conv2(2, 2, 24, 40, 32, 1, 1, 0),
		conv2(23, 1, 38, 90, 2, 1, 1, 0), // quads
		conv2(6, 2, 600, 12, 2, 1, 1, 0),
		conv2(250, 1, 330, 5, 2, 1, 1, 0),
		conv2(2, 32, 32, 32, 14, 3, 1, 1),
		conv2(2, 32, 32, 32, 14, 3, 2, 1),
		conv2(2, 5, 5, 5, 40, 3, 1, 1),
		conv2(2, 9, 9, 9, 8, 3, 1, 1), // whole rows, and pairs of them, in vectors
		conv2(2, 9, 9, 9, 16, 3, 1, 1),
		conv2(2, 5, 5, 5, 41, 3, 2, 1),
		conv2(2, 20, 20, 20, 7, 5, 1, 2),
		conv2(2, 3, 3, 3, 28, 5, 2, 2),
		conv2(2, 3, 3, 3, 33, 5, 2, 1),
		conv2(2, 3, 3, 3, 33, 3, 2, 2), // every padding, with stride 2
		conv2(2, 3, 3, 3, 34, 3, 2, 0),
		conv2(2, 5, 5, 5, 75, 3, 2, 1),
		conv2(2, 5, 5, 5, 18, 5, 2, 4),
		conv2(2, 5, 5, 5, 11, 5, 2, 3),
		conv2(1, 3, 3, 3, 20, 3, 1, 2),
		conv2(1, 3, 3, 3, 20, 5, 1, 0),
		conv2(2, 1, 20, 40, 2, 3, 1, 1),
		conv2(9, 5, 5, 5, 4, 3, 1, 1), // planes of a vector or less
		conv2(9, 7, 7, 7, 2, 3, 1, 1),
		depthwiseOf(5, 1, 8), // whole rows: one, an odd number, a pair, one and a half
		depthwiseOf(5, 3, 8),
		depthwiseOf(5, 2, 4),
		depthwiseOf(5, 3, 4),
		conv2(3, 6, 6, 6, 4, 3, 2, 1),
		conv2(17, 9, 9, 9, 3, 5, 1, 2),
		conv2(2, 3, 3, 3, 2, 5, 2, 2),
		conv2(1, 8, 8, 16, 9, 5, 1, 2),
		conv2(1, 2, 8, 12, 9, 3, 1, 1),
		conv2(1, 1, 3, 8, 32, 16, 16, 0),
		conv2(1, 1, 3, 20, 30, 7, 2, 3),
		conv2(2, 1, 40, 20, 4, 3, 1, 1),
		conv2(1, 1, 17, 18, 5, 3, 1, 1),
		conv2(1, 1, 4, 4, 1, 3, 1, 1),
		conv2(0, 1, 4, 4, 5, 3, 1, 1),
		{Batch: 1, Group: 1, InChannels: 2, OutChannels: 3, In: []int{20}, Kernel: []int{4}, Out: []int{9}, Stride: []int{2}, Dilation: []int{1}, Pad: []int{1}},
		{Batch: 2, Group: 1, InChannels: 2, OutChannels: 3, In: []int{5, 6, 7}, Kernel: []int{2, 3, 2}, Out: []int{4, 4, 6}, Stride: []int{1, 1, 1}, Dilation: []int{1, 1, 1}, Pad: []int{0, 0, 0}},
		{Batch: 1, Group: 1, InChannels: 2, OutChannels: 3, In: []int{5, 5}, Kernel: []int{2, 2}, Out: []int{9, 9}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{2, 2}},   // out beyond all padding
		{Batch: 1, Group: 1, InChannels: 16, OutChannels: 16, In: []int{8, 8}, Kernel: []int{3, 3}, Out: []int{8, 8}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{2, 0}}, // asymmetric
		{Batch: 1, Group: 1, InChannels: 16, OutChannels: 16, In: []int{9, 9}, Kernel: []int{3, 3}, Out: []int{2, 2}, Stride: []int{5, 5}, Dilation: []int{1, 1}, Pad: []int{0, 0}}, // input not all read
	}
	table = append(table, columns...)
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(9, 10))
		for _, c := range table {
			if p := c.plan(); testing.Short() && p.Batch*p.Group*p.YSize*p.InChannels*p.Taps > 1<<20 {
				continue
			}
			if err := checkConv(w, rng, c); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestConvRandom(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(11, 12))
		for range kerneltest.Tries(150) {
			if err := checkConv(nil, rng, randomConv(rng)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func randomConv(rng *rand.Rand) Conv {
	c := Conv{Batch: 1 + rng.IntN(3), Group: 1 + rng.IntN(3)}
	c.InChannels = c.Group * (1 + rng.IntN(20))
	c.OutChannels = c.Group * (1 + rng.IntN(20))
	if rng.IntN(4) == 0 { // depthwise
		c.Group = 1 + rng.IntN(20)
		c.InChannels, c.OutChannels = c.Group, c.Group*(1+rng.IntN(2))
	}
	c.In, c.Kernel, c.Out, c.Stride, c.Dilation, c.Pad = kerneltest.RandomWindow(rng)
	return c
}

func TestConvSameForAnyThreads(t *testing.T) {
	rng := rand.New(rand.NewPCG(25, 26))
	for _, c := range []Conv{
		conv2(7, 1, 16, 16, 32, 3, 1, 1),  // Winograd
		conv2(13, 1, 16, 16, 32, 3, 1, 1), // its weights in parts
		conv2(7, 1, 16, 32, 32, 3, 2, 1),  // channels in the lanes
		conv2(7, 1, 6, 16, 14, 5, 1, 0),
		conv2(7, 1, 40, 40, 4, 1, 1, 0),
		conv2(9, 1, 40, 100, 2, 1, 1, 0),
		conv2(7, 1, 40, 10, 16, 1, 1, 0),
		conv2(7, 1, 1, 6, 28, 5, 1, 2), // positions in the lanes
		conv2(7, 24, 24, 24, 16, 3, 1, 1),
		conv2(7, 1, 30, 20, 5, 5, 1, 0),
		conv2(7, 2, 32, 32, 9, 3, 1, 1),
		conv2(1, 1, 20, 30, 40, 1, 1, 0),
		conv2(7, 1, 4, 40, 32, 1, 1, 0), // weights: the input is copied
		columns[0], columns[2], columns[4],
	} {
		p := c.plan()
		x, weight := kerneltest.Randoms(rng, p.Batch*p.Group*p.XSize), kerneltest.Randoms(rng, p.Group*p.WSize)
		bias, gy := kerneltest.Randoms(rng, c.OutChannels), kerneltest.Randoms(rng, p.Batch*p.Group*p.YSize)
		var want [4][]float32
		for threads := range 6 {
			w := parallel.NewWorkers(threads + 1)
			got := [4][]float32{make([]float32, len(gy)), make([]float32, len(x)), make([]float32, len(weight)), make([]float32, len(bias))}
			c.Forward(w, x, weight, bias, got[0])
			c.GradInput(w, gy, weight, got[1])
			c.GradWeight(w, x, gy, got[2], got[3])
			w.Close()
			if threads == 0 {
				want = got
				continue
			}
			for i := range got {
				if !slices.Equal(got[i], want[i]) {
					t.Errorf("%+v: part %d differs with %d threads", c, i, threads+1)
				}
			}
		}
	}
}

// TestForwardAccuracy bounds the error of convolutions that take a short cut by
// what summing directly in float32 loses: near a kink of what follows, a larger
// one would show.
func TestForwardAccuracy(t *testing.T) {
	kerneltest.ForEachPath(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(27, 28))
		for _, channels := range []int{16, 64, 200} {
			if testing.Short() && channels > 64 {
				break
			}
			c := conv2(1, 1, channels, channels, 8, 3, 1, 1)
			p := c.plan()
			x, weight := kerneltest.Randoms(rng, p.XSize), kerneltest.Randoms(rng, p.WSize)
			simd.Relu(x, x)
			want, direct := make([]float64, p.YSize), make([]float32, p.YSize)
			naiveConv(&c, func(i, k, o int) {
				want[o] += float64(x[i]) * float64(weight[k])
				direct[o] += x[i] * weight[k]
			})
			got := make([]float32, p.YSize)
			c.Forward(nil, x, weight, nil, got)
			if e, most := rmsError(got, want), rmsError(direct, want); e > most {
				t.Errorf("%d channels: error %.2g, summing directly %.2g", channels, e, most)
			}
		}
	})
}

func rmsError(got []float32, want []float64) float64 {
	var sum, size float64
	for i, v := range want {
		sum += (float64(got[i]) - v) * (float64(got[i]) - v)
		size += v * v
	}
	return math.Sqrt(sum / size)
}
