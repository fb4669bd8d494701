package gradient

import (
	"slices"
	"testing"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// TestUnsquashed: an output is what its activation is computed from, wherever operators that only lay
// numbers out again have moved them since, and only where that says the same.
func TestUnsquashed(t *testing.T) {
	x := nd.Of([]float32{3, 1, -2, 6, 2, 4}, 1, 2, 3)
	turned := []float32{3, 6, 1, 2, -2, 4}
	centred := []float32{-1.5, -0.5, -3, 1.5, 0.5, 3} // less the mean of both rows
	transposed := func(b *modelBuilder, activation string, attrs ...*onnxpb.AttributeProto) {
		b.node(activation, []string{"x"}, []string{"a"}, attrs...).node("Transpose", []string{"a"}, []string{"y"}, intsAttr("perm", 0, 2, 1))
	}
	for _, c := range []struct {
		name               string
		build              func(b *modelBuilder)
		logits, unsquashed []float32 // nil: the output as it is
	}{
		{"Softmax, Transpose", func(b *modelBuilder) { transposed(b, "Softmax", intAttr("axis", 1)) },
			turned, []float32{-1.5, 1.5, -0.5, 0.5, -3, 3}},
		{"Sigmoid, Transpose", func(b *modelBuilder) { transposed(b, "Sigmoid") }, turned, turned},
		{"Tanh, Transpose", func(b *modelBuilder) { transposed(b, "Tanh") }, nil, turned},
		{"Softmax, one class", func(b *modelBuilder) {
			b.node("Softmax", []string{"x"}, []string{"a"}, intAttr("axis", 1)).ints("one", 1).node("Gather", []string{"a", "one"}, []string{"y"}, intAttr("axis", 1))
		}, nil, centred[3:]},
		{"Softmax, the last class", func(b *modelBuilder) {
			b.node("Softmax", []string{"x"}, []string{"a"}, intAttr("axis", 1)).ints("one", 1).ints("two", 2).node("Slice", []string{"a", "one", "two", "one"}, []string{"y"})
		}, nil, centred[3:]},
		{"Sigmoid, Clip", func(b *modelBuilder) {
			b.node("Sigmoid", []string{"x"}, []string{"a"}).floats("lo", 0.1).floats("hi", 0.9).node("Clip", []string{"a", "lo", "hi"}, []string{"y"})
		}, x.Float32s(), x.Float32s()},
		{"Clip", func(b *modelBuilder) {
			b.floats("lo", 0).floats("hi", 1).node("Clip", []string{"x", "lo", "hi"}, []string{"y"})
		}, nil, x.Float32s()},
		{"1 - Sigmoid", func(b *modelBuilder) {
			b.node("Sigmoid", []string{"x"}, []string{"a"}).floats("hi", 1).node("Sub", []string{"hi", "a"}, []string{"y"})
		}, nil, x.Float32s()},
		{"Sigmoid, Concat with numbers", func(b *modelBuilder) {
			b.node("Sigmoid", []string{"x"}, []string{"a"}).node("Concat", []string{"x", "a"}, []string{"y"}, intAttr("axis", 2))
		}, nil, []float32{3, 1, -2, 3, 1, -2, 6, 2, 4, 6, 2, 4}},
		{"no activation", func(b *modelBuilder) { transposed(b, "Relu") }, nil, nil},
	} {
		b := newModel().input("x", -1, 2, 3).output("y")
		c.build(b)
		m := b.open(t)
		run := func(cfg Config) []float32 {
			cfg.Shapes = map[string][]int{"x": x.Shape}
			p, err := Compile(m, cfg)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			out, err := p.Forward(map[string]nd.Array{"x": x})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			return out[0].Float32s()
		}
		plain := run(Config{})
		for _, way := range []struct {
			name string
			cfg  Config
			want []float32
		}{{"logits", Config{Logits: true}, c.logits}, {"unsquashed", Config{Unsquashed: true}, c.unsquashed}} {
			want := way.want
			if want == nil {
				want = plain
			} else if slices.Equal(want, plain) {
				t.Errorf("%s: the activation does nothing", c.name)
			}
			if got := run(way.cfg); !slices.Equal(got, want) {
				t.Errorf("%s, %s: %v, want %v", c.name, way.name, got, want)
			}
		}
		if got := run(Config{Unsquashed: true, Logits: true, Raw: map[string]bool{"y": true}}); !slices.Equal(got, plain) {
			t.Errorf("%s: an output of Raw is %v, want %v", c.name, got, plain)
		}
	}
}
