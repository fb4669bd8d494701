package parallel

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestForCoversEveryIndexOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		w := NewWorkers(threads)
		for _, n := range []int{0, 1, 2, 7, 64, 1000} {
			for _, grain := range []int{-1, 1, 3, 64, 5000} {
				hits := make([]atomic.Int32, n)
				w.For(n, grain, func(lo, hi int) {
					if g := max(grain, 1); lo%g != 0 || (hi != n && hi%g != 0) {
						t.Errorf("range [%d,%d) does not keep to grain %d", lo, hi, grain)
					}
					for i := lo; i < hi; i++ {
						hits[i].Add(1)
					}
				})
				for i := range hits {
					if hits[i].Load() != 1 {
						t.Fatalf("threads %d, n %d, grain %d: index %d ran %d times", threads, n, grain, i, hits[i].Load())
					}
				}
			}
		}
		w.Close()
	}
}

func TestForNestedAndConcurrent(t *testing.T) {
	w := NewWorkers(4)
	defer w.Close()
	var sum atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			w.For(50, 1, func(lo, hi int) {
				for i := lo; i < hi; i++ {
					w.For(20, 1, func(lo, hi int) { sum.Add(int64(hi - lo)) })
				}
			})
		})
	}
	wg.Wait()
	if got := sum.Load(); got != 8*50*20 {
		t.Errorf("ran %d iterations, want %d", got, 8*50*20)
	}
}

func TestForNil(t *testing.T) {
	var w *Workers
	calls := 0
	w.For(10, 1, func(lo, hi int) { calls += hi - lo })
	if calls != 10 || w.Threads() != 1 {
		t.Errorf("ran %d of 10, threads %d", calls, w.Threads())
	}
	w.Close()
}

func TestForPanics(t *testing.T) {
	w := NewWorkers(2)
	defer w.Close()
	func() {
		defer func() {
			if recover() != "lost" {
				t.Error("panic did not reach the caller")
			}
		}()
		w.For(100, 1, func(lo, hi int) {
			if lo >= 50 {
				panic("lost")
			}
		})
	}()
	ran := 0
	w.For(1, 1, func(lo, hi int) { ran++ }) // still usable
	if ran != 1 {
		t.Error("workers unusable after a panic")
	}
}
