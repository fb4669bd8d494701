package gradient

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// TestProfile: what operators do is counted by the definition of a product, and arrays once;
// what runs in an epilogue counts with the product.
func TestProfile(t *testing.T) {
	m := newModel().input("x", -1, 3).weight("w", 3, 5).
		node("MatMul", []string{"x", "w"}, []string{"h"}).node("Relu", []string{"h"}, []string{"y"}).
		output("y").open(t)
	profile := new(Profile)
	p, err := Compile(m, Config{Shapes: map[string][]int{"x": {4, 3}}, Profile: profile, Gradients: All})
	if err != nil {
		t.Fatal(err)
	}
	x := nd.New(nd.Float32, 4, 3)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%5) - 2
	}
	const runs = 3
	for range runs {
		if _, _, err := p.Gradients(map[string]nd.Array{"x": x}, Probe); err != nil {
			t.Fatal(err)
		}
	}
	find := func(gradient bool, shape ...int) *OperatorTime {
		list := profile.Operators()
		i := slices.IndexFunc(list, func(o OperatorTime) bool {
			return o.Gradient == gradient && slices.Equal(o.Shape, shape) && o.MultiplyAdds > 0
		})
		if i < 0 {
			t.Fatalf("no product of shape %v, gradient %v, in %+v", shape, gradient, list)
		}
		return &list[i]
	}
	forward, weights := find(false, 4, 5), find(true, 3, 5)
	for _, o := range []*OperatorTime{forward, weights} {
		if o.Runs != runs || o.MultiplyAdds != runs*4*3*5 || o.Time <= 0 {
			t.Errorf("%+v", o)
		}
	}
	// Operands and result; the ReLU overwrites the result, or writes another array.
	if least := float64(runs * 4 * (12 + 15 + 20)); forward.Bytes < least || forward.Bytes > least+runs*4*20 {
		t.Errorf("forward, %v bytes, at least %v", forward.Bytes, least)
	}
	if profile.Reset(); len(profile.Operators()) != 0 {
		t.Error("reset does not forget")
	}
}

// TestPeaks: no machine that runs this is as slow as the bounds.
func TestPeaks(t *testing.T) {
	w := NewWorkers(1)
	defer w.Close()
	if p := MeasurePeaks(w); p.MultiplyAdds < 1e7 || p.Bytes < 1e7 {
		t.Errorf("%+v", p)
	}
}
