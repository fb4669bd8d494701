package kerneltest

import (
	"runtime"
	"testing"
	"time"

	"github.com/advparams/advparams/internal/kernel/micro"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// Measure runs f, which does flops operations, and reports the speed of its
// fastest run: on a machine that others use as well, the only one that repeats.
func Measure(b *testing.B, flops int, f func()) {
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
		n, high := simd.Lanes()*micro.Vecs(), micro.Rows()
		// Rows of B overlap, so that all is in L1.
		s := micro.Strip{Rows: high, Cols: n, Panels: micro.NewPanels(n), K: 256, A: make([]float32, high*256), Lda: high, B: make([]float32, 256*16+n), Ldb: 16, C: make([]float32, high*n), Ldc: n}
		for i := range s.A {
			s.A[i] = float32(i%17) - 8
		}
		for i := range s.B {
			s.B[i] = float32(i%13) - 6
		}
		for range 200 {
			start := clock()
			for range 300 {
				s.Run()
			}
			measuredPeak = max(measuredPeak, 300*2*256*float64(high*n)/(clock()-start).Seconds()/1e9)
		}
	}
	return measuredPeak
}
