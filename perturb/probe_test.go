package perturb

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// words are texts that repeat a token.
type words struct{ ids nd.Array }

func (s words) Len() int      { return s.ids.Shape[0] }
func (s words) Labels() []int { return nil }
func (s words) Batch(lo, hi int) (map[string]nd.Array, error) {
	return map[string]nd.Array{"input_ids": s.ids.Rows(lo, hi)}, nil
}

func (s words) Truth(lo, hi int) nd.Array {
	batch, _ := s.Batch(lo, hi)
	truth, _ := task.NextTokens(batch)
	return truth
}

const (
	vocabulary = 12
	channels   = 16
	units      = 8
	textLength = 8
)

func repeatedTokens() words {
	ids := nd.New(nd.Int64, 64, textLength)
	for i := range ids.Int64s() {
		ids.Int64s()[i] = int64(i / textLength * 7 % vocabulary)
	}
	return words{ids}
}

// parrot is a model with a residual connection that repeats the token it reads. One channel is
// large on every token. The gain of the first normalisation is 0 there, so that the units
// behind it rest: no gradient tells what they do when it is not. Without whole, normalisations
// are single operators.
func parrot(t *testing.T, whole bool) *onnxio.Model {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 4))
	g := &onnxpb.GraphProto{Name: proto.String("parrot")}
	weight := func(name string, at func(i int) float64, dims ...int64) {
		init := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(1), Dims: dims}
		n := 1
		for _, d := range dims {
			n *= int(d)
		}
		for i := range n {
			init.FloatData = append(init.FloatData, float32(at(i)))
		}
		g.Initializer = append(g.Initializer, init)
	}
	node := func(op, out string, attrs []*onnxpb.AttributeProto, in ...string) {
		g.Node = append(g.Node, &onnxpb.NodeProto{OpType: &op, Input: in, Output: []string{out}, Attribute: attrs})
	}
	norm := func(out, in, gain string) {
		if whole {
			node("LayerNormalization", out, nil, in, gain)
			return
		}
		node("Mul", out+".square", nil, in, in)
		node("ReduceMean", out+".mean", []*onnxpb.AttributeProto{{Name: proto.String("axes"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: []int64{-1}}}, out+".square")
		node("Sqrt", out+".size", nil, out+".mean")
		node("Div", out+".unit", nil, in, out+".size")
		node("Mul", out, nil, out+".unit", gain)
	}
	const large = 20
	embedding := make([]float64, vocabulary*channels)
	for i := range embedding {
		if embedding[i] = 2 * rng.NormFloat64(); i%channels == 0 {
			embedding[i] = large + float64(i/channels)/100
		}
	}
	weight("embedding", func(i int) float64 { return embedding[i] }, vocabulary, channels)
	weight("gain1", func(i int) float64 { return math.Min(float64(i), 1) * (1 + float64(i)/80) }, channels)
	weight("up", func(i int) float64 {
		if i < units {
			return 1
		}
		return 0.05 * rng.NormFloat64()
	}, channels, units)
	weight("rest", func(i int) float64 { return -2 - float64(i)/100 }, units)
	weight("down", func(i int) float64 { return 20 * rng.NormFloat64() }, units, channels)
	weight("gain2", func(i int) float64 { return math.Min(float64(i), 1) }, channels)
	weight("head", func(i int) float64 { // [channels, vocabulary]
		if i < vocabulary {
			return 0
		}
		return embedding[i%vocabulary*channels+i/vocabulary]
	}, channels, vocabulary)
	node("Gather", "x", nil, "embedding", "input_ids")
	norm("n", "x", "gain1")
	node("MatMul", "u", nil, "n", "up")
	node("Add", "v", nil, "u", "rest")
	node("Relu", "h", nil, "v")
	node("MatMul", "d", nil, "h", "down")
	node("Add", "y", nil, "x", "d")
	norm("z", "y", "gain2")
	node("MatMul", "logits", nil, "z", "head")
	value := func(name string, dt onnxpb.TensorProto_DataType, dims ...int64) *onnxpb.ValueInfoProto {
		shape := &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "n"}}}}
		for _, d := range dims {
			shape.Dim = append(shape.Dim, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: d}})
		}
		return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(int32(dt)), Shape: shape}}}}
	}
	g.Input = []*onnxpb.ValueInfoProto{value("input_ids", onnxpb.TensorProto_INT64, textLength)}
	g.Output = []*onnxpb.ValueInfoProto{value("logits", onnxpb.TensorProto_FLOAT, textLength, vocabulary)}
	return testmodel.Open(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}}, Graph: g})
}

// TestSwamp: one gain that no gradient points at ends a model with a residual stream, whatever
// operators its normalisations are made of. Without the first pass the search needs more.
func TestSwamp(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string]bool{"layer normalisation": true, "root mean square, several operators": false} {
		m, samples := parrot(t, whole), repeatedTokens()
		r, err := Search(t.Context(), m, samples, Options{Task: task.Language{}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if r.Before.Quality < 0.8 || r.Locked.Quality > r.Target {
			t.Errorf("%s: quality %v → %v, target %v", name, r.Before.Quality, r.Locked.Quality, r.Target)
		}
		if len(r.Changes) != 1 || r.Changes[0].Tensor != "gain1" || r.Changes[0].Index != 0 || r.GradientPasses != 0 {
			t.Errorf("%s: changes %v after %d gradients", name, r.Changes, r.GradientPasses)
		}
		for _, c := range r.Changes {
			checkInRange(t, m, c)
		}
		without, err := Search(study.Without{Swamp: true}.Context(context.Background()), m, samples, Options{Task: task.Language{}})
		if err != nil && !errors.Is(err, ErrTarget) {
			t.Fatalf("%s: %v", name, err)
		}
		if err == nil && len(without.Changes) < 2 {
			t.Errorf("%s: without the first pass, changes %v", name, without.Changes)
		}
	}
}

// TestLastAloneTokens: some weights of the last layer make a language model say one token
// always, as the search computes for a share of the positions and as running it shows.
func TestLastAloneTokens(t *testing.T) {
	t.Parallel()
	m, samples := parrot(t, true), repeatedTokens()
	s, err := newSearch(m, samples, Options{Task: task.Language{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.examine(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	list := s.lastAlone(s.opt.MaxParams)
	if len(list) == 0 {
		t.Fatal("none was found")
	}
	for _, c := range list {
		if c.tensor != "head" {
			t.Errorf("%s was changed", c.tensor)
		}
		a, _ := s.weights.Array(c.tensor)
		a.Float32s()[c.index] = c.value
	}
	if reached, err := s.locked(t.Context()); err != nil || !reached {
		t.Errorf("quality %v with %d changes, target %v, %v", s.result.Locked.Quality, len(list), s.result.Target, err)
	}
}
