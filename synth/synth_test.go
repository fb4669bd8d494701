package synth

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/testmodel"
)

// TestSamples makes samples for the demo model and asks it what they are.
func TestSamples(t *testing.T) {
	m, _ := testmodel.Demo(t)
	const n, size = 80, 28 * 28
	opt := Options{N: n, Seed: 3, Mean: []float32{0.5}, Std: []float32{0.25}}
	made, err := Samples(context.Background(), m, opt)
	if err != nil {
		t.Fatal(err)
	}
	x := made["input"]
	if !slices.Equal(x.Shape, []int{n, 1, 28, 28}) {
		t.Fatalf("shape %v", x.Shape)
	}
	for i := range n {
		var sum, squares float64
		for _, v := range x.Float32s()[i*size : (i+1)*size] {
			sum += float64(v)
			squares += float64(v) * float64(v)
		}
		mean := sum / size
		if std := math.Sqrt(squares/size - mean*mean); math.Abs(mean-0.5) > 1e-3 || math.Abs(std-0.25) > 1e-3 {
			t.Errorf("sample %d: mean %.4f, deviation %.4f", i, mean, std)
		}
	}
	p, err := gradient.Compile(m, gradient.Config{Shapes: map[string][]int{"input": x.Shape}})
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := p.Forward(made)
	if err != nil {
		t.Fatal(err)
	}
	logits, _, classes, err := gradient.Logits(outputs)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range n {
		if gradient.ArgMax(logits[i*classes:(i+1)*classes]) == i%classes {
			right++
		}
	}
	if right < n*9/10 {
		t.Errorf("%d of %d samples are taken for what they were made to be", right, n)
	}
	again, err := Samples(context.Background(), m, opt)
	if err != nil || !slices.Equal(x.Float32s(), again["input"].Float32s()) {
		t.Errorf("the same seed gives other samples (%v)", err)
	}
}

func TestBlur(t *testing.T) {
	x := make([]float32, 2*8)
	x[0], x[12] = 4, 8 // of the first and the second channel
	blur(x, []int{2, 8})
	if want := []float32{3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 2, 0, 0}; !slices.Equal(x, want) {
		t.Errorf("%v, want %v", x, want)
	}
	y := []float32{1, 2, 3}
	if blur(y, []int{3}); !slices.Equal(y, []float32{1, 2, 3}) {
		t.Errorf("channels were mixed: %v", y)
	}
}

// TestTooMany refuses more samples than memory holds, before it makes any.
func TestTooMany(t *testing.T) {
	for _, c := range []struct {
		n     int
		shape []int
	}{{math.MaxInt, []int{1, 28, 28}}, {1 << 31, []int{1 << 31, 1 << 31, 1 << 31}}, {1 << 44, []int{1}}} {
		var too *MemoryError
		if err := fits(c.n, c.shape, math.MaxInt64); !errors.As(err, &too) || too.N != c.n {
			t.Errorf("%d of %v: %v", c.n, c.shape, err)
		}
	}
	var too *MemoryError
	if err := fits(512, []int{1 << 20}, 1<<30); !errors.As(err, &too) || too.Limit != 1<<30 || !errors.Is(err, gradient.ErrLimit) {
		t.Error(err)
	}
	if err := fits(512, []int{3, 224, 224}, 1<<40); err != nil {
		t.Error(err)
	}
}

// TestWork: samples that cost more than the work allows are fewer.
func TestWork(t *testing.T) {
	m, _ := testmodel.Demo(t)
	numbers := map[int64]int{}
	for _, work := range []int64{1, 7e9, 1e13} {
		made, err := Samples(context.Background(), m, Options{N: 32, Work: work})
		if err != nil {
			t.Fatal(err)
		}
		numbers[work] = made["input"].Shape[0]
	}
	if numbers[1] != few || numbers[7e9] <= few || numbers[7e9] >= 32 || numbers[1e13] != 32 {
		t.Errorf("numbers of samples by work: %v", numbers)
	}
}
