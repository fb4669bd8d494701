package synth

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
)

// TestFamilies: all families make finite samples that vary, with about the mean and the
// deviation that was asked for, and the same ones for the same seed.
func TestFamilies(t *testing.T) {
	m, _ := testmodel.Demo(t)
	search, judge := Families(nil)
	for _, family := range append(search, judge...) {
		opt := Options{N: 64, Seed: 5, Family: family, Mean: []float32{0.5}, Std: []float32{0.25}}
		made, err := Samples(context.Background(), m, opt)
		if err != nil {
			t.Fatal(family, err)
		}
		x := made["input"].Float32s()
		var sum, squares float64
		for _, v := range x {
			sum, squares = sum+float64(v), squares+float64(v)*float64(v)
		}
		mean := sum / float64(len(x))
		if std := math.Sqrt(squares/float64(len(x)) - mean*mean); !(math.Abs(mean-0.5) < 0.1 && std > 0.15 && std < 0.5) {
			t.Errorf("%q: mean %v, deviation %v", family, mean, std)
		}
		if size := len(x) / 64; slices.Equal(x[:size], x[size:2*size]) {
			t.Errorf("%q: all samples are the same", family)
		}
		if again, err := Samples(context.Background(), m, opt); err != nil || !slices.Equal(x, again["input"].Float32s()) {
			t.Errorf("%q: the same seed gives other samples (%v)", family, err)
		}
	}
}

// TestShapes: shapes fill whole regions of a channel, unlike noise.
func TestShapes(t *testing.T) {
	m, _ := testmodel.Demo(t)
	rough := func(family Family) float64 {
		made, err := Samples(context.Background(), m, Options{N: 64, Seed: 5, Family: family})
		if err != nil {
			t.Fatal(err)
		}
		x, sum := made["input"].Float32s(), 0.0
		for i := 1; i < len(x); i++ {
			sum += math.Abs(float64(x[i] - x[i-1]))
		}
		return sum / float64(len(x))
	}
	if shapes, noise := rough(Shapes), rough(Noise); shapes > noise/4 {
		t.Errorf("neighbours differ by %v in shapes, by %v in noise", shapes, noise)
	}
}

// TestTones: only signals are judged with tones, which have one wave with some noise.
func TestTones(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  bool
	}{{[]int{1, 128}, true}, {[]int{50, 4}, true}, {[]int{3, 32, 32}, false}, {[]int{20}, false}, {[]int{16000}, true}, {nil, false}} {
		if _, judge := Families(c.shape); slices.Contains(judge, Tones) != c.want {
			t.Errorf("%v is judged with %q", c.shape, judge)
		}
	}
	rng, shape, most := rand.New(rand.NewPCG(1, 1)), []int{2, 128}, 0.0
	for range 20 {
		x := make([]float32, 256)
		Tones.start(rng, x, shape, 0)
		// A wave of one length has all its power at one frequency.
		power, best := 0.0, 0.0
		for k := 1; k < 64; k++ {
			var re, im float64
			for i, v := range x[:128] {
				sin, cos := math.Sincos(2 * math.Pi * float64(k*i) / 128)
				re, im = re+cos*float64(v), im+sin*float64(v)
			}
			power, best = power+re*re+im*im, max(best, re*re+im*im)
		}
		if best < 0.3*power {
			t.Errorf("only %.0f %% of a tone is one wave", 100*best/power)
		}
		most = max(most, best/power)
	}
	if most > 0.95 {
		t.Errorf("a tone has no noise: %v", most)
	}
}
