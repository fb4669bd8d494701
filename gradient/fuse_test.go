package gradient

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
)

// fusedNet has operators that fuse with convolutions, and values that must not: one
// that is read again later (s1), one that is added to itself, one that a later
// operator computes, and one that the convolution itself reads. The gradients of
// depthwise convolutions after an activation (k1, r5) are computed in place.
func fusedNet() *modelBuilder {
	return newModel().
		input("x", -1, 2, 6, 6).
		weight("w1", 4, 2, 3, 3).weight("b1", 4).weight("w2", 4, 4, 3, 3).weight("w3", 4, 1, 3, 3).
		weight("w4", 4, 4, 1, 1).weight("w5", 4, 1, 3, 3).weight("b5", 4).weight("w6", 4, 1, 3, 3).weight("plane", 4, 6, 6).weight("lo").weight("unused", 2).
		node("Conv", []string{"x", "w1", "b1"}, []string{"c1"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Swish", []string{"c1"}, []string{"s1"}).
		node("Conv", []string{"s1", "w2"}, []string{"c2"}, intsAttr("pads", 1, 1, 1, 1)).
		node("Add", []string{"c2", "s1"}, []string{"a1"}).
		node("Relu", []string{"a1"}, []string{"r1"}).
		node("Conv", []string{"r1", "w3"}, []string{"c3"}, intsAttr("pads", 1, 1, 1, 1), intAttr("group", 4)).
		node("Clip", []string{"c3", "lo"}, []string{"k1"}).
		node("Conv", []string{"k1", "w5", "b5"}, []string{"c5"}, intsAttr("pads", 1, 1, 1, 1), intAttr("group", 4)).
		node("Relu", []string{"c5"}, []string{"r5"}).
		node("Conv", []string{"r5", "w6"}, []string{"c6"}, intsAttr("pads", 1, 1, 1, 1), intAttr("group", 4)).
		node("Conv", []string{"r1", "w4"}, []string{"c4"}).
		node("Add", []string{"c4", "c6"}, []string{"a2"}).
		node("Add", []string{"a2", "plane"}, []string{"a3"}).
		node("Relu", []string{"a3"}, []string{"r2"}).
		node("Add", []string{"r2", "r2"}, []string{"a4"}).
		node("Sigmoid", []string{"a4"}, []string{"g"}).
		node("Mul", []string{"g", "r2"}, []string{"y"}).
		output("y", "a1")
}

// companionNet has operators whose gradients have companions.
func companionNet() *modelBuilder {
	return newModel().
		input("x", -1, 2, 6, 6).
		weight("w", 6, 6).weight("b", 6).weight("s1", 6).weight("b1", 6).weight("s2", 6).
		node("MatMul", []string{"x", "w"}, []string{"m"}).
		node("Add", []string{"m", "b"}, []string{"a"}).
		node("LayerNormalization", []string{"a", "s1", "b1"}, []string{"l"}).
		node("RMSNormalization", []string{"l", "s2"}, []string{"y"}).
		output("y")
}

// TestFusion: operators that run together compute what each computes by itself.
func TestFusion(t *testing.T) {
	for _, c := range []struct {
		name  string
		net   *modelBuilder
		least int // steps joined to others
	}{
		{"pointwise", fusedNet(), 12},
		{"companions", companionNet(), 3},
	} {
		t.Run(c.name, func(t *testing.T) { testFusion(t, c.net, c.least) })
	}
}

func testFusion(t *testing.T, b *modelBuilder, least int) {
	b.opset = 24
	m := b.open(t)
	workers := NewWorkers(2)
	defer workers.Close()
	apart := compile(t, m, Config{Gradients: All, Keep: true}, 5)
	joined := 0
	for i := range apart.steps {
		if apart.steps[i].joined {
			joined++
		}
		apart.steps[i].joined = false
	}
	if joined < least {
		t.Errorf("%d of %d steps are joined to others, want %d and more", joined, len(apart.steps), least)
	}
	x := randomInput(5, 2, 6, 6)
	same := func(got, want []nd.Array) bool {
		return slices.EqualFunc(got, want, func(a, b nd.Array) bool { return slices.Equal(a.Float32s(), b.Float32s()) })
	}
	want, outWant, err := apart.Gradients(x, Probe)
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg := range []Config{{Gradients: All, Workers: workers}, {Gradients: All, Keep: true, Workers: workers}} {
		p := compile(t, m, cfg, 5)
		for range 2 {
			got, out, err := p.Gradients(x, Probe)
			if err != nil {
				t.Fatal(err)
			}
			if got != want || !same(out, outWant) {
				t.Fatalf("loss %v, one by one %v", got, want)
			}
			for _, name := range p.GradientNames() {
				got, _ := p.Gradient(name)
				if want, _ := apart.Gradient(name); !slices.Equal(got, want) {
					t.Errorf("gradient of %s differs", name)
				}
			}
		}
	}
	forward := compile(t, m, Config{Workers: workers}, 5)
	out, err := forward.Forward(x)
	if err != nil {
		t.Fatal(err)
	}
	if !same(out, outWant) {
		t.Error("outputs without gradients differ")
	}
}
