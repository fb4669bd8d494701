package attack

import (
	"math"
	"slices"
	"testing"
)

func TestSmoothRows(t *testing.T) {
	x := []float32{1, 2, 30, 4, 5, 1, 2, 3, 4, 5}
	far := slices.Clone(x)
	if n := smoothRows(x, 5, 0); n != 5 || !slices.Equal(x, []float32{2, 2, 4, 5, 5, 2, 2, 3, 4, 4}) {
		t.Errorf("%d changed: %v", n, x)
	}
	if n := smoothRows(far, 5, 2); n != 1 || far[2] != 4 || far[3] != 4 {
		t.Errorf("%d changed: %v", n, far)
	}
	short := []float32{1, 9, 2, 3}
	if smoothRows(short, 2, 0); !slices.Equal(short, []float32{2, 2, 3, 3}) {
		t.Errorf("rows of two: %v", short)
	}
}

func TestRound(t *testing.T) {
	x := []float32{-1, -0.4, 0.2, 1}
	round(x, 2) // levels -1, -1/3, 1/3, 1
	for i, want := range []float64{-1, -1. / 3, 1. / 3, 1} {
		if math.Abs(float64(x[i])-want) > 1e-6 {
			t.Errorf("element %d is %v, want %v", i, x[i], want)
		}
	}
	same := []float32{2, 2}
	round(same, 4)
	round(nil, 4)
	if same[0] != 2 {
		t.Errorf("equal elements: %v", same)
	}
}
