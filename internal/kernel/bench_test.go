package kernel

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// measure runs f, which does flops operations, and reports the speed of its
// fastest run: on a machine that others use as well, the only one that repeats.
func measure(b *testing.B, flops int, f func()) {
	runtime.LockOSThread() // for clock
	defer runtime.UnlockOSThread()
	runs, best := 1, time.Duration(0)
	for best < 200*time.Microsecond { // long enough to time
		runs *= 2
		start := clock()
		for range runs {
			f()
		}
		best = clock() - start
	}
	b.ResetTimer()
	for range b.N {
		start := clock()
		for range runs {
			f()
		}
		best = min(best, clock()-start)
	}
	seconds := best.Seconds() / float64(runs)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(seconds*1e6, "µs")
	b.ReportMetric(float64(flops)/seconds/1e9, "GFLOP/s")
	b.ReportMetric(100*float64(flops)/seconds/1e9/peak(), "%peak")
}

// clock reads the time since some instant.
var clock = func() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}()

var measuredPeak float64

// peak measures, once, the GFLOP/s of one core on the largest tile from L1.
func peak() float64 {
	if measuredPeak == 0 {
		n, high := isaLanes()*microVecs(), microRows()
		// Rows of B overlap, so that all is in L1.
		s := strip{rows: high, cols: n, panels: newPanels(n), k: 256, a: make([]float32, high*256), lda: high, b: make([]float32, 256*16+n), ldb: 16, c: make([]float32, high*n), ldc: n}
		for i := range s.a {
			s.a[i] = float32(i%17) - 8
		}
		for i := range s.b {
			s.b[i] = float32(i%13) - 6
		}
		for range 200 {
			start := clock()
			for range 300 {
				s.run()
			}
			measuredPeak = max(measuredPeak, 300*2*256*float64(high*n)/(clock()-start).Seconds()/1e9)
		}
	}
	return measuredPeak
}

func BenchmarkGemm(b *testing.B) {
	for _, s := range []struct {
		m, n, k        int
		transA, transB bool
	}{
		{1024, 1024, 1024, false, false}, {1024, 1024, 1024, false, true}, {1024, 1024, 1024, true, false}, {512, 512, 512, false, false},
		{256, 256, 256, false, false}, {128, 128, 128, false, false}, {64, 64, 64, false, false},
		{100, 10, 84, false, true}, {100, 84, 120, false, true}, {100, 120, 400, false, true}, {10, 84, 100, true, false}, {120, 400, 100, true, false}, {100, 400, 120, false, false},
		{16, 1024, 144, false, false}, {64, 64, 576, false, false}, {197, 192, 64, false, false}, {6500, 192, 192, false, true}, {6500, 768, 192, false, true}, {1, 1000, 1000, false, true}, {1, 1000, 1000, false, false},
		{32, 4096, 512, false, true}, {192, 768, 6500, true, false}, {768, 192, 6500, true, false}, {6500, 192, 768, false, true}, {6500, 576, 192, false, false},
	} {
		name := fmt.Sprintf("%dx%dx%d", s.m, s.n, s.k)
		lda, ldb := s.k, s.n
		if s.transA {
			name, lda = name+"TA", s.m
		}
		if s.transB {
			name, ldb = name+"TB", s.k
		}
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y, z := randoms(rng, s.m*s.k), randoms(rng, s.n*s.k), make([]float32, s.m*s.n)
			measure(b, 2*s.m*s.n*s.k, func() {
				Gemm(nil, s.transA, s.transB, s.m, s.n, s.k, 1, x, lda, y, ldb, 0, z, s.n)
			})
		})
	}
}

func BenchmarkConv(b *testing.B) {
	for _, s := range []struct {
		name                                             string
		batch, ic, oc, size, kernel, stride, pad, groups int
	}{
		{"resnet20-32", 100, 16, 16, 32, 3, 1, 1, 1}, {"resnet20-16", 100, 32, 32, 16, 3, 1, 1, 1}, {"resnet20-8", 100, 64, 64, 8, 3, 1, 1, 1},
		{"resnet20-32s2", 100, 16, 32, 32, 3, 2, 1, 1}, {"resnet20-16s2", 100, 32, 64, 16, 3, 2, 1, 1}, {"resnet20-skip", 100, 16, 32, 32, 1, 2, 0, 1},
		{"resnet20-stem", 100, 3, 16, 32, 3, 1, 1, 1},
		{"lenet-1", 100, 1, 6, 28, 5, 1, 2, 1}, {"lenet-2", 100, 6, 16, 14, 5, 1, 0, 1}, {"lenet-3", 100, 16, 120, 5, 5, 1, 0, 1},
		{"mobilenet-dw", 100, 96, 96, 16, 3, 1, 1, 96}, {"mobilenet-dws2", 100, 144, 144, 16, 3, 2, 1, 144},
		{"mobilenet-96to24", 100, 96, 24, 16, 1, 1, 0, 1}, {"mobilenet-24to144", 100, 24, 144, 16, 1, 1, 0, 1}, {"mobilenet-320to64", 100, 320, 64, 4, 1, 1, 0, 1},
		{"vgg-64", 8, 64, 64, 64, 3, 1, 1, 1}, {"vgg-128", 8, 128, 128, 32, 3, 1, 1, 1}, {"vgg-256", 8, 256, 256, 16, 3, 1, 1, 1}, {"vgg-512", 32, 512, 512, 4, 3, 1, 1, 1}, {"vgg-512-2", 32, 512, 512, 2, 3, 1, 1, 1},
		{"mobilenet-16to96", 100, 16, 96, 32, 1, 1, 0, 1}, {"mobilenet-96to576", 100, 96, 576, 4, 1, 1, 0, 1}, {"mobilenet-160to960", 100, 160, 960, 2, 1, 1, 0, 1}, {"mobilenet-576to96", 100, 576, 96, 4, 1, 1, 0, 1}, {"mobilenet-32to192", 100, 32, 192, 8, 1, 1, 0, 1},
		{"mobilenet-dws2-32", 100, 96, 96, 32, 3, 2, 1, 96},
		{"vit", 32, 3, 192, 32, 4, 4, 0, 1},
	} {
		c := conv2(s.batch, s.groups, s.ic, s.oc, s.size, s.kernel, s.stride, s.pad)
		p := c.plan()
		rng := rand.New(rand.NewPCG(1, 1))
		x, y := randoms(rng, p.batch*p.group*p.xSize), randoms(rng, p.batch*p.group*p.ySize)
		weight, bias := randoms(rng, p.group*p.wSize), randoms(rng, s.oc)
		flops := 2 * p.batch * p.group * p.wSize * p.out.size()
		b.Run(s.name+"/forward", func(b *testing.B) { measure(b, flops, func() { c.Forward(nil, x, weight, bias, y) }) })
		b.Run(s.name+"/input", func(b *testing.B) { measure(b, flops, func() { c.GradInput(nil, y, weight, x) }) })
		b.Run(s.name+"/weight", func(b *testing.B) { measure(b, flops, func() { c.GradWeight(nil, x, y, weight, nil) }) })
	}
}

func BenchmarkGemmBatch(b *testing.B) {
	for _, s := range []struct {
		batch, m, n, k int
		transA, transB bool
	}{{300, 65, 65, 64, false, true}, {300, 65, 64, 65, false, false}, {300, 65, 64, 65, true, false}, {1000, 17, 17, 8, false, true}} {
		b.Run(fmt.Sprintf("%dx%dx%dx%d", s.batch, s.m, s.n, s.k), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			x, y, z := randoms(rng, s.batch*s.m*s.k), randoms(rng, s.batch*s.n*s.k), make([]float32, s.batch*s.m*s.n)
			measure(b, 2*s.batch*s.m*s.n*s.k, func() {
				GemmBatch(nil, s.transA, s.transB, s.batch, s.m, s.n, s.k, x, s.m*s.k, y, s.n*s.k, 0, z, s.m*s.n)
			})
		})
	}
}

func BenchmarkVectors(b *testing.B) {
	const n = 1 << 14
	rng := rand.New(rand.NewPCG(1, 1))
	x, y, z := randoms(rng, n), randoms(rng, n), make([]float32, n)
	for _, f := range []struct {
		name string
		run  func()
	}{
		{"add", func() { AddSlice(z, x, y) }}, {"relu", func() { ReluSlice(z, x) }}, {"reluGrad", func() { reluGradSlice(z, x, y) }},
		{"exp", func() { ExpSlice(z, x) }}, {"tanh", func() { TanhSlice(z, x) }}, {"sigmoid", func() { SigmoidSlice(z, x) }},
		{"gelu", func() { GeluSlice(z, x) }}, {"geluGrad", func() { geluGradSlice(z, x, y) }}, {"log", func() { LogSlice(z, y) }},
		{"softmax65", func() { Softmax(nil, n/65, 65, 1, x, z) }}, {"layernorm192", func() { LayerNorm(nil, n/192, 192, 1e-5, x, y[:192], y[:192], z) }},
	} {
		b.Run(f.name, func(b *testing.B) { measure(b, n, f.run) })
	}
}

// BenchmarkHeads measures attention as in the ViT of the benchmarks and in a
// large language model's.
func BenchmarkHeads(b *testing.B) {
	for _, s := range []struct{ batch, heads, sequence, size int }{{100, 3, 65, 64}, {8, 12, 128, 64}, {1, 12, 512, 64}} {
		width := 3 * s.heads * s.size // Q, K and V side by side
		a := Heads{Batch: []int{s.batch, s.heads}, Queries: s.sequence, Keys: s.sequence, Size: s.size, Values: s.size, Scale: 0.125}
		for i, l := range []*HeadLayout{&a.Q, &a.K, &a.V} {
			*l = HeadLayout{Offset: i * s.heads * s.size, Batch: []int{s.sequence * width, s.size}, Row: width}
		}
		a.Out = HeadLayout{Batch: []int{s.sequence * width / 3, s.size}, Row: width / 3}
		rng := rand.New(rand.NewPCG(1, 1))
		x, g, y := randoms(rng, s.batch*s.sequence*width), make([]float32, s.batch*s.sequence*width), make([]float32, s.batch*s.sequence*width/3)
		flops := 4 * s.batch * s.heads * s.sequence * s.sequence * s.size
		name := fmt.Sprintf("%dx%dx%dx%d", s.batch, s.heads, s.sequence, s.size)
		b.Run(name+"/forward", func(b *testing.B) { measure(b, flops, func() { a.Forward(nil, x, x, x, nil, y) }) })
		b.Run(name+"/gradient", func(b *testing.B) { measure(b, 5*flops/2, func() { a.Gradient(nil, x, x, x, nil, y, g, g, g) }) })
	}
}
