package simd_test

import (
	"testing"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/internal/kernel/simd"
)

// TestFlushSubnormals: numbers below 2⁻¹²⁶ are zero while they are flushed, also for the
// goroutines that help, and as they are before and after.
func TestFlushSubnormals(t *testing.T) {
	restore := simd.FlushSubnormals()
	flushes := simd.Flushing()
	restore()
	if !flushes {
		t.Skip("this processor loses no time by them")
	}
	w := parallel.NewWorkers(3)
	defer w.Close()
	product := func() float32 { // of a subnormal and a number that makes it a normal one
		x, y := make([]float32, 1<<16), make([]float32, 1<<16)
		simd.Fill(x, 0x1p-140)
		simd.Fill(y, 0x1p100)
		w.For(len(x), 16, func(lo, hi int) { simd.Mul(x[lo:hi], x[lo:hi], y[lo:hi]) })
		least, most := x[0], x[0]
		for _, v := range x {
			least, most = min(least, v), max(most, v)
		}
		if least != most {
			t.Errorf("products from %g to %g", least, most)
		}
		return most
	}
	for range 3 {
		if got := product(); got != 0x1p-40 {
			t.Errorf("%g as usual, want 2⁻⁴⁰", got)
		}
		restore := simd.FlushSubnormals()
		if got := product(); got != 0 {
			t.Errorf("%g when flushed, want 0", got)
		}
		nested := simd.FlushSubnormals()
		nested()
		if !simd.Flushing() {
			t.Error("the inner call ends the outer one")
		}
		restore()
	}
	if simd.Flushing() {
		t.Error("still flushed")
	}
}
