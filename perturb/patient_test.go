package perturb

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/task"
)

// bands is a model that sums inputs in bands, as spectrograms are, with samples that have its
// outputs as the truth. Each band has to be emptied by itself.
func bands(t *testing.T, inputs, outputs, width int) (*onnxpb.ModelProto, *dataset.Set) {
	t.Helper()
	const n = 128
	rng := rand.New(rand.NewPCG(5, 6))
	w := make([]float32, inputs*outputs)
	for j := range outputs {
		at := j * (inputs - width) / (outputs - 1)
		for k := range width {
			w[(at+k)*outputs+j] = 0.5 + rng.Float32()
		}
	}
	x, y := nd.New(nd.Float32, n, inputs), nd.New(nd.Float32, n, outputs)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		for j := range outputs {
			for k := range inputs {
				y.Float32s()[i*outputs+j] += x.Float32s()[i*inputs+k] * w[k*outputs+j]
			}
		}
	}
	set, err := dataset.FromArrays(map[string]nd.Array{"x": x}, "x")
	if err != nil {
		t.Fatal(err)
	}
	return linear(w, inputs, outputs), set.WithTruth(y)
}

// linear is the model y = x·w.
func linear(w []float32, inputs, outputs int) *onnxpb.ModelProto {
	var raw []byte
	for _, v := range w {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	value := func(name string, width int) *onnxpb.ValueInfoProto {
		dims := []*onnxpb.TensorShapeProto_Dimension{{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "N"}}, {Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(width)}}}
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{ElemType: proto.Int32(1), Shape: &onnxpb.TensorShapeProto{Dim: dims}},
		}}}
	}
	return &onnxpb.ModelProto{
		IrVersion: proto.Int64(8), OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
		Graph: &onnxpb.GraphProto{
			Name: proto.String("linear"), Input: []*onnxpb.ValueInfoProto{value("x", inputs)}, Output: []*onnxpb.ValueInfoProto{value("y", outputs)},
			Node:        []*onnxpb.NodeProto{{OpType: proto.String("MatMul"), Input: []string{"x", "w"}, Output: []string{"y"}}},
			Initializer: []*onnxpb.TensorProto{{Name: proto.String("w"), Dims: []int64{int64(inputs), int64(outputs)}, DataType: proto.Int32(1), RawData: raw}},
		},
	}
}

// TestPatient: a search that has made as many changes as it may with hardly any work, because it
// added many at a time, begins again and chooses them one by one.
func TestPatient(t *testing.T) {
	t.Parallel()
	model, set := bands(t, 32, 16, 4)
	m := testmodel.Open(t, model)
	r, err := Search(t.Context(), m, set, Options{Task: task.Outputs{}, MaxParams: 64})
	if err != nil || len(r.Changes) > 60 || r.Locked.Quality > r.Target {
		t.Errorf("%v, %d changes, %v", err, len(r.Changes), r.Locked)
	}
	// Where that does not help, the changes of the first attempt are what there is, or better ones.
	r, err = Search(t.Context(), m, set, Options{Task: task.Outputs{}, MaxParams: 20})
	if !errors.Is(err, ErrTarget) || len(r.Changes) != 20 || r.Locked.Quality > 0.75 {
		t.Errorf("with 20: %v, %d changes, %v", err, len(r.Changes), r.Locked)
	}
}

// TestOnward: where the usual number of changes is not enough, a search without a bound of its own
// goes on to one in a thousand parameters.
func TestOnward(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]int{5_000: 128, 50_000: 500, 700_500: 1024, 5_000_500: 5000} {
		if got := MostChanges(n); got != want {
			t.Errorf("%d changes of %d parameters, want %d", got, n, want)
		}
	}
	model, set := bands(t, 32, 16, 4)
	m := testmodel.Open(t, model)
	s, err := newSearch(m, set, Options{Task: task.Outputs{}, MaxParams: 20})
	if err != nil {
		t.Fatal(err)
	}
	s.reserve = 96
	r, err := (&minimal{search: s}).run(t.Context())
	if err != nil || len(r.Changes) <= 20 || len(r.Changes) > 96 || r.Locked.Quality > r.Target {
		t.Errorf("%v, %d changes, %v", err, len(r.Changes), r.Locked)
	}
}

// TestProlong: a search that has come half of the way when its work is done may take three times as
// much, once, and one that has not ends.
func TestProlong(t *testing.T) {
	t.Parallel()
	s := examined(t, 64, Options{Target: 0.2})
	before := s.result.Before.Quality
	work := s.work
	for _, c := range []struct {
		far    float64 // of the way to the target
		longer bool
	}{{0, false}, {0.4, false}, {0.6, true}, {0.9, false}} {
		s.result.Locked.Quality = before - c.far*(before-s.result.Target)
		if c.longer {
			work *= 3
		}
		if got := s.prolong(); got != c.longer || s.work != work {
			t.Errorf("at %v of the way: %v, work %v, want %v, %v", c.far, got, s.work, c.longer, work)
		}
	}
	if s.usual(); s.work != work/3 {
		t.Errorf("work %v once the target is reached, want %v", s.work, work/3)
	}
	// Attempts with fewer changes get no more.
	s.longer, s.reached = false, new(state)
	if s.result.Locked.Quality = s.result.Target; s.prolong() {
		t.Error("prolonged after the target was reached")
	}
}

// TestFewSamples: of few samples, a quarter judges what the others have chosen.
func TestFewSamples(t *testing.T) {
	t.Parallel()
	for n, want := range map[int][2]int{64: {48, 16}, 128: {96, 32}, 400: {256, 100}, 2000: {256, 256}} {
		s := examined(t, n, Options{})
		if got := [2]int{s.calibration().n, s.heldOut()}; got != want {
			t.Errorf("of %d samples %d choose and %d judge, want %d", n, got[0], got[1], want)
		}
	}
}
