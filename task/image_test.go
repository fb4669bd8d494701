package task

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/nd"
)

// patterns returns two images of 12×12 numbers between 0 and 1.
func patterns() (x, y []float32) {
	for i := range 12 {
		for j := range 12 {
			x, y = append(x, float32((i*7+j*3+i*j)%11)/10), append(y, float32((i*5+j*2+i*j)%13)/12)
		}
	}
	return x, y
}

// TestSSIM: structural similarity and PSNR are those of scikit-image 0.26.
func TestSSIM(t *testing.T) {
	x, y := patterns()
	half := make([]float32, len(x))
	for i := range x {
		half[i] = (x[i] + y[i]) / 2
	}
	p := planesOf([]int{1, 1, 12, 12})
	for _, c := range []struct {
		y    []float32
		want float64
	}{{y, 0.0029422029875180067}, {half, 0.6780315440162551}, {x, 1}} {
		if got := p.similarity(x, c.y, region{high: 12, wide: 12}, 1); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("SSIM %v, want %v", got, c.want)
		}
	}
	tally := Image{}.NewTally()
	if err := tally.Add([]nd.Array{nd.Of(x, 1, 1, 12, 12)}, nd.Of(y, 1, 1, 12, 12)); err != nil {
		t.Fatal(err)
	}
	s := tally.Score()
	if psnr, _ := s.Metric("PSNR"); math.Abs(psnr.Value-7.032383547960651) > 1e-5 || psnr.Unit != "dB" {
		t.Errorf("%+v", psnr)
	}
	if ssim, _ := s.Metric("SSIM"); math.Abs(ssim.Value-0.0029422029875180067) > 1e-6 {
		t.Errorf("%+v", ssim)
	}
}

// TestSISNR: the scale-invariant ratio of a signal with noise of a tenth of its power is 10 dB,
// whatever its scale and place.
func TestSISNR(t *testing.T) {
	const n = 1000
	x, y := nd.New(nd.Float32, 1, 1, n), nd.New(nd.Float32, 1, 1, n)
	for i := range n {
		s, c := math.Sincos(2 * math.Pi * float64(i) / 20)
		y.Float32s()[i] = float32(s)
		x.Float32s()[i] = float32(7 - 3*(s+c*math.Sqrt(0.1)))
	}
	s := func() Score {
		tally := Image{}.NewTally()
		if err := tally.Add([]nd.Array{x}, y); err != nil {
			t.Fatal(err)
		}
		return tally.Score()
	}()
	if m, ok := s.Metric("SI-SNR"); !ok || math.Abs(m.Value-10) > 1e-3 {
		t.Errorf("%+v", s.Metrics)
	}
}

// TestPlanes: channels are on axis 1 or on the last.
func TestPlanes(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  planes
	}{
		{[]int{2, 3, 8, 9}, planes{2, 3, 8, 9, false}},
		{[]int{2, 8, 9, 3}, planes{2, 3, 8, 9, true}},
		{[]int{2, 1, 1, 64}, planes{2, 1, 1, 64, false}},
		{[]int{2, 1, 64}, planes{2, 1, 1, 64, false}},
		{[]int{2, 64, 1}, planes{2, 1, 1, 64, true}},
		{[]int{2, 64}, planes{2, 1, 1, 64, false}},
		{[]int{2, 5, 3, 8, 9}, planes{2, 15, 8, 9, false}},
	} {
		if got := planesOf(c.shape); got != c.want {
			t.Errorf("%v: %+v, want %+v", c.shape, got, c.want)
		}
	}
}

// TestImageUseless: pictures that are darker, paler or negative can be seen. Those of other
// samples are useless, and one for all.
func TestImageUseless(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	const n, side = 300, 16
	y := nd.New(nd.Float32, n, 1, side, side)
	for i := range n {
		top, left := rng.IntN(side-6), rng.IntN(side-6)
		for k := range side * side {
			v := float32(0.2)
			if r, c := k/side-top, k%side-left; r >= 0 && r < 6 && c >= 0 && c < 6 {
				v = 0.9
			}
			y.Float32s()[i*side*side+k] = v
		}
	}
	at := func(i, by int) float32 { return y.Float32s()[(i+by)%y.Len()] }
	for _, c := range []struct {
		name    string
		f       func(i int, v float32) float32
		useless bool
	}{
		{"right", func(_ int, v float32) float32 { return v }, false},
		{"negative and pale", func(_ int, v float32) float32 { return 0.6 - v/5 }, false},
		{"much brighter", func(_ int, v float32) float32 { return v + 40 }, false},
		{"those of other samples", func(i int, _ float32) float32 { return at(i, 7*side*side) }, true},
		{"one for all", func(i int, _ float32) float32 { return float32(i % side) }, true},
		{"noise", func(int, float32) float32 { return float32(rng.NormFloat64()) }, true},
		{"NaN", func(int, float32) float32 { return float32(math.NaN()) }, true},
	} {
		s := score(t, Image{}, map1(y, c.f), y)
		if useless := s.Quality <= s.Useless(); useless != c.useless {
			t.Errorf("%s: quality %.3f, useless at %.3f", c.name, s.Quality, s.Useless())
		}
	}
}

// TestPeak: the peak follows from the numbers of all labels.
func TestPeak(t *testing.T) {
	for _, c := range []struct {
		x    []float32
		want float64
	}{{[]float32{0, 0.5, 1}, 1}, {[]float32{-1, 1}, 2}, {[]float32{0, 200}, 255}, {[]float32{-3, 5}, 8}, {[]float32{300, 300}, 1}} {
		got, _, err := Image{}.Settle(nd.Of(c.x, len(c.x)), nil)
		if image, ok := got.(Image); !ok || err != nil || image.Peak != c.want {
			t.Errorf("%v: %+v, %v", c.x, got, err)
		}
	}
}
