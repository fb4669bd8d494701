package ops

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/advparams/advparams/internal/kernel/conv"
	"github.com/advparams/advparams/internal/kernel/strided"
	"github.com/advparams/advparams/nd"
	"gorgonia.org/gorgonia"
)

// pattern is a group of operators that exporters write where one operator exists. f
// builds it so that it is recognised, or with apart so that it is not.
type pattern struct {
	name   string
	op     string // that it becomes
	inputs [][]int
	f      func(b *Builder, apart bool, in []*Value) *Value
}

// opaque returns x through an operator that no pattern looks through.
func (b *Builder) opaque(x *Value) *Value {
	return b.Minimum(x, b.Full(float32(math.Inf(1)), x.Shape...))
}

// maybe returns opaque(x) if apart, and else x.
func (b *Builder) maybe(apart bool, x *Value) *Value {
	if apart {
		return b.opaque(x)
	}
	return x
}

func erfPlusOne(b *Builder, apart bool, x *Value) *Value {
	return b.Add(b.maybe(apart, b.unary(opErf, b.Div(x, b.Scalar(math.Sqrt2)))), b.Scalar(1))
}

// heads extracts [batch, heads, sequence, size] from a third of a layer's output,
// as exporters of transformers do.
func heads(b *Builder, qkv *Value, i int) *Value {
	x := b.Reshape(qkv, qkv.Shape[0], qkv.Shape[1], 3, 2, qkv.Shape[2]/6)
	x = b.Transpose(x, 2, 0, 3, 1, 4)
	x = b.Slice(x, 0, i, 1, 1)
	return b.Reshape(x, x.Shape[1:]...)
}

func attention4(b *Builder, apart bool, q, kt, v, mask *Value) *Value {
	s := b.Mul(b.MatMul(b.Mul(q, b.Scalar(0.7)), kt), b.Scalar(0.5))
	if mask != nil {
		s = b.Add(s, mask)
	}
	y := b.MatMul(b.maybe(apart, b.Softmax(s, 3)), v)
	y = b.Transpose(y, 0, 2, 1, 3)
	return b.Reshape(y, y.Shape[0], y.Shape[1], y.Shape[2]*y.Shape[3])
}

// conv3 describes a convolution of two images of 5×5 with kernels of 3×3.
func conv3(group, channels, outChannels int) conv.Conv {
	return conv.Conv{
		Batch: 2, Group: group, InChannels: channels, OutChannels: outChannels,
		In: []int{5, 5}, Kernel: []int{3, 3}, Out: []int{5, 5}, Stride: []int{1, 1}, Dilation: []int{1, 1}, Pad: []int{1, 1},
	}
}

var patterns = []pattern{
	{"bias", "Gemm", [][]int{{2, 3, 4}, {4, 5}, {5}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.Add(in[2], b.maybe(apart, b.MatMul(in[0], in[1])))
	}},
	{"half last", "Gelu", [][]int{{3, 5}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.Mul(b.Mul(in[0], erfPlusOne(b, apart, in[0])), b.Scalar(0.5))
	}},
	{"half first", "Gelu", [][]int{{3, 5}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.Mul(b.Mul(b.Scalar(0.5), in[0]), erfPlusOne(b, apart, in[0]))
	}},
	{"half in the middle", "Gelu", [][]int{{3, 5}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.Mul(in[0], b.Mul(erfPlusOne(b, apart, in[0]), b.Scalar(0.5)))
	}},
	{"scaled by channel", "Conv", [][]int{{2, 4, 5, 5}, {6, 2, 3, 3}, {6}, {6}, {6}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.scaleShift(b.maybe(apart, b.conv(conv3(2, 4, 6), in[0], in[1], in[2])), in[3], in[4])
	}},
	{"without a bias, scaled by channel", "Conv", [][]int{{2, 2, 5, 5}, {6, 2, 3, 3}, {6}, {6}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.scaleShift(b.maybe(apart, b.conv(conv3(1, 2, 6), in[0], in[1], nil)), in[2], in[3])
	}},
	{"transposed, scaled by channel", "Add", [][]int{{2, 2, 5, 5}, {2, 4, 3, 3}, {4}, {4}}, func(b *Builder, apart bool, in []*Value) *Value {
		return b.scaleShift(b.maybe(apart, b.convTranspose(conv3(1, 4, 2), in[0], in[1])), in[2], in[3])
	}},
	{"one value for Q, K and V", "Attention", [][]int{{2, 5, 24}}, func(b *Builder, apart bool, in []*Value) *Value {
		return attention4(b, apart, heads(b, in[0], 0), b.Transpose(heads(b, in[0], 1), 0, 1, 3, 2), heads(b, in[0], 2), nil)
	}},
	{"masked", "Attention", [][]int{{2, 5, 24}}, func(b *Builder, apart bool, in []*Value) *Value {
		mask := b.Const(nd.Of([]float32{0, 0, 0, -3, -1e9, 0, 0, 0, 0, 0}, 2, 1, 1, 5))
		return attention4(b, apart, heads(b, in[0], 0), b.Transpose(heads(b, in[0], 1), 0, 1, 3, 2), heads(b, in[0], 2), mask)
	}},
	{"guarded, scaled by a weight", "Attention", [][]int{{2, 5, 24}, {}}, func(b *Builder, apart bool, in []*Value) *Value {
		inf := float32(math.Inf(-1))
		mask := b.Const(nd.Of([]float32{0, 0, 0, -3, inf, inf, inf, 1, inf, 0}, 2, 1, 1, 5))
		q, kt, v := heads(b, in[0], 0), b.Transpose(heads(b, in[0], 1), 0, 1, 3, 2), heads(b, in[0], 2)
		p := b.Softmax(b.Add(b.Mul(b.MatMul(q, kt), in[1]), mask), 3)
		isNaN := b.classify("IsNaN", p, func(x float32) bool { return x != x })
		return b.Transpose(b.MatMul(b.maybe(apart, b.Where(isNaN, b.Full(0, 1), p)), v), 0, 2, 1, 3)
	}},
	{"three values", "Attention", [][]int{{2, 5, 8}, {2, 7, 8}, {2, 7, 8}}, func(b *Builder, apart bool, in []*Value) *Value {
		k := b.Transpose(b.Reshape(in[1], 2, 7, 2, 4), 0, 2, 3, 1)
		return attention4(b, apart, b.splitHeads(in[0], 2), k, b.splitHeads(in[2], 2), nil)
	}},
	{"part of the keys, nothing moved", "Attention", [][]int{{2, 3, 5, 8}, {2, 3, 8, 9}, {2, 3, 7, 8}}, func(b *Builder, apart bool, in []*Value) *Value {
		return attention4(b, apart, in[0], b.Slice(in[1], 3, 1, 7, 1), in[2], nil)
	}},
	{"all the same", "Attention", [][]int{{2, 5, 8}}, func(b *Builder, apart bool, in []*Value) *Value {
		x := b.splitHeads(in[0], 2)
		return attention4(b, apart, x, b.SwapLast(x), x, nil)
	}},
}

// TestPatterns compares recognised patterns, and their gradients, with the same
// operators computed one by one.
func TestPatterns(t *testing.T) {
	for _, p := range patterns {
		t.Run(p.op+" "+p.name, func(t *testing.T) {
			var results [2][]nd.Array
			for i, apart := range []bool{true, false} {
				results[i] = p.compute(t, apart)
			}
			for i, want := range results[0] {
				got := results[1][i].Float32s()
				for k, v := range want.Float32s() {
					if math.Abs(float64(got[k]-v)) > 1e-5*(1+math.Abs(float64(v))) {
						t.Fatalf("result %d: element %d is %g, one by one %g", i, k, got[k], v)
					}
				}
			}
		})
	}
}

// compute returns the pattern's result and its gradients.
func (p pattern) compute(t *testing.T, apart bool) []nd.Array {
	t.Helper()
	b := NewBuilder(nil)
	rng := rand.New(rand.NewPCG(1, 2))
	leaves := map[*Value]nd.Array{}
	var in []*Value
	var nodes gorgonia.Nodes
	random := func(name string, shape []int) *Value {
		v := b.Variable(name, nd.Float32, shape...)
		a := nd.New(nd.Float32, shape...)
		for i := range a.Float32s() {
			a.Float32s()[i] = float32(rng.NormFloat64())
		}
		leaves[v] = a
		return v
	}
	for i, shape := range p.inputs {
		v := random(fmt.Sprint("x", i), shape)
		in, nodes = append(in, v), append(nodes, b.Node(v))
	}
	y := p.f(b, apart, in)
	if name := behindAliases(y).op.Name(); name == p.op == apart {
		t.Errorf("apart %v: the last operator is %s", apart, name)
	}
	grads, err := gorgonia.Grad(b.Node(b.Dot(y, random("seed", y.Shape))), nodes...)
	if err != nil {
		t.Fatal(err)
	}
	memo := map[*Value]nd.Array{}
	out := []nd.Array{evaluate(y, leaves, memo)}
	for _, n := range grads {
		g, err := b.Value(n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, evaluate(g, leaves, memo))
	}
	return out
}

func TestCompose(t *testing.T) {
	for i := range 300 {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		inner, n := randomView(rng, []int{2, 3, 4, 5})
		outer, _ := randomView(rng, inner.Shape)
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i)
		}
		middle, want := make([]float32, nd.Size(inner.Shape)), make([]float32, nd.Size(outer.Shape))
		readView(inner, x, middle)
		readView(outer, middle, want)
		v, ok := compose(outer, inner)
		if !ok {
			t.Fatalf("%+v of %+v: axes of one are parts of axes of the other", outer, inner)
		}
		got := make([]float32, len(want))
		readView(v, x, got)
		for k := range want {
			if got[k] != want[k] {
				t.Fatalf("%+v of %+v is %+v: element %d is %v, want %v", outer, inner, v, k, got[k], want[k])
			}
		}
	}
}

// randomView slices and permutes an array of the given shape, of n elements.
func randomView(rng *rand.Rand, shape []int) (v strided.View, n int) {
	strides := nd.Strides(shape)
	for _, k := range rng.Perm(len(shape)) {
		first, step := rng.IntN(shape[k]), 1+rng.IntN(2)
		v.Offset += first * strides[k]
		v.Shape, v.Stride = append(v.Shape, (shape[k]-first+step-1)/step), append(v.Stride, step*strides[k])
	}
	return v, nd.Size(shape)
}

func readView(v strided.View, x, y []float32) { strided.Read(nil, v, x, y) }
