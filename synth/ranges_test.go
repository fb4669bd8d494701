package synth

import (
	"context"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
)

// TestRanges: samples lie in their range, pixels reach its ends, and samples differ in
// brightness or loudness.
func TestRanges(t *testing.T) {
	m, _ := testmodel.Demo(t)
	for _, c := range []struct {
		within    Range
		low, high float32
	}{{Unit, 0, 1}, {Bytes, 0, 255}, {Signal, -1, 1}} {
		for _, family := range []Family{Dreams, DrawnDreams, Shapes, Noise} {
			made, err := Samples(context.Background(), m, Options{N: 8, Seed: 3, Family: family, Range: c.within})
			if err != nil {
				t.Fatal(err)
			}
			x := made["input"].Float32s()
			if slices.Min(x) < c.low || slices.Max(x) > c.high || slices.Max(x) < c.high/20 {
				t.Errorf("%q %s: from %v to %v", family, c.within, slices.Min(x), slices.Max(x))
			}
			if c.within != Signal && (!slices.Contains(x, c.low) || !slices.Contains(x, c.high)) {
				t.Errorf("%q %s: no pixel is at an end", family, c.within)
			}
			size, means := len(x)/8, []float32{}
			for i := range 8 {
				var sum float32
				for _, v := range x[i*size : (i+1)*size] {
					sum += v * v
				}
				means = append(means, sum/float32(size))
			}
			if slices.Max(means) < 1.5*slices.Min(means) {
				t.Errorf("%q %s: all samples are alike: %v", family, c.within, means)
			}
		}
	}
	for _, c := range []struct {
		shape []int
		want  Range
	}{{[]int{1, 16000}, Signal}, {[]int{16000}, Signal}, {[]int{1, 150}, Signal}, {[]int{150, 1}, Signal}, {[]int{150}, Normal}, {[]int{1, 28, 28}, Normal}, {[]int{1, 9}, Normal}} {
		if usual, _ := Ranges(c.shape); usual[0] != c.want {
			t.Errorf("samples of shape %v are made in %q first, not in %q", c.shape, usual, c.want)
		}
	}
	if usual, others := Ranges([]int{3, 32, 32}); !slices.Equal(usual, []Range{Normal, Unit}) || !slices.Equal(others, []Range{Bytes}) {
		t.Errorf("images are made in %q, then %q", usual, others)
	}
}
