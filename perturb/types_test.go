package perturb

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// storedModel makes a classifier of two layers, x[N,16] → 24 → 6, whose weights
// are stored in the given type: floats behind a Cast, integers behind a
// DequantizeLinear, of one scale each or of one a channel.
type storedModel struct {
	graph      *onnxpb.GraphProto
	dt         onnxpb.TensorProto_DataType
	perChannel bool
	rng        *rand.Rand
}

func (b *storedModel) tensor(name string, dt onnxpb.TensorProto_DataType, raw []byte, dims ...int64) {
	b.graph.Initializer = append(b.graph.Initializer, &onnxpb.TensorProto{
		Name: proto.String(name), DataType: proto.Int32(int32(dt)), Dims: dims, RawData: raw,
	})
}

func (b *storedModel) node(op, out string, attrs []*onnxpb.AttributeProto, in ...string) {
	b.graph.Node = append(b.graph.Node, &onnxpb.NodeProto{OpType: proto.String(op), Name: proto.String(out), Input: in, Output: []string{out}, Attribute: attrs})
}

func number(name string, v int) []*onnxpb.AttributeProto {
	return []*onnxpb.AttributeProto{{Name: proto.String(name), Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(v))}}
}

// weight adds a matrix of normal numbers, or a vector, and what makes it FLOAT.
func (b *storedModel) weight(name string, dims ...int64) {
	n, last := int64(1), dims[len(dims)-1]
	for _, d := range dims {
		n *= d
	}
	var raw []byte
	const scale = 1.0 / 32
	for range n {
		v := b.rng.NormFloat64()
		switch b.dt {
		case onnxpb.TensorProto_DOUBLE:
			raw = binary.LittleEndian.AppendUint64(raw, math.Float64bits(v))
		case onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16:
			bits, _ := (&onnxio.Initializer{DataType: b.dt}).Encode(float32(v))
			raw = binary.LittleEndian.AppendUint16(raw, uint16(bits))
		case onnxpb.TensorProto_UINT8:
			raw = append(raw, uint8(math.Round(128+v/scale)))
		default:
			raw = append(raw, uint8(int8(math.Round(v/scale))))
		}
	}
	b.tensor(name+".stored", b.dt, raw, dims...)
	if b.dt != onnxpb.TensorProto_INT8 && b.dt != onnxpb.TensorProto_UINT8 {
		b.node("Cast", name, number("to", int(onnxpb.TensorProto_FLOAT)), name+".stored")
		return
	}
	var scales, zeros []byte
	count := int64(1)
	if b.perChannel {
		count = last
	}
	for i := range count {
		scales = binary.LittleEndian.AppendUint32(scales, math.Float32bits(scale*(1+float32(i)/8)))
		zeros = append(zeros, map[bool]byte{true: 128}[b.dt == onnxpb.TensorProto_UINT8])
	}
	b.tensor(name+".scale", onnxpb.TensorProto_FLOAT, scales, count)
	b.tensor(name+".zero", b.dt, zeros, count)
	b.node("DequantizeLinear", name, number("axis", len(dims)-1), name+".stored", name+".scale", name+".zero")
}

func (b *storedModel) write(t *testing.T) string {
	t.Helper()
	b.graph = &onnxpb.GraphProto{Name: proto.String("test")}
	b.rng = rand.New(rand.NewPCG(3, 4))
	info := func(name string, width int64) *onnxpb.ValueInfoProto {
		batch := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: "batch"}}
		fixed := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: width}}
		return &onnxpb.ValueInfoProto{Name: proto.String(name), Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
			TensorType: &onnxpb.TypeProto_Tensor{
				ElemType: proto.Int32(int32(onnxpb.TensorProto_FLOAT)),
				Shape:    &onnxpb.TensorShapeProto{Dim: []*onnxpb.TensorShapeProto_Dimension{batch, fixed}},
			},
		}}}
	}
	b.graph.Input = append(b.graph.Input, info("x", 16))
	b.graph.Output = append(b.graph.Output, info("y", 6))
	b.weight("w1", 16, 24)
	b.weight("b1", 24)
	b.weight("w2", 24, 6)
	b.node("MatMul", "m1", nil, "x", "w1")
	b.node("Add", "a1", nil, "m1", "b1")
	b.node("Relu", "h", nil, "a1")
	b.node("MatMul", "y", nil, "h", "w2")
	data, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion: proto.Int64(8), Graph: b.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// ownAnswers are random samples with a model's own answers as labels.
type ownAnswers struct {
	x      nd.Array
	labels []int
}

func (s ownAnswers) Len() int      { return s.x.Shape[0] }
func (s ownAnswers) Labels() []int { return s.labels }
func (s ownAnswers) Batch(lo, hi int) (map[string]nd.Array, error) {
	return map[string]nd.Array{"x": s.x.Rows(lo, hi)}, nil
}

func answers(t *testing.T, m *onnxio.Model, s ownAnswers) []int {
	t.Helper()
	session, err := gradient.NewSession(m, gradient.Config{}, 64)
	if err != nil {
		t.Fatal(err)
	}
	var labels []int
	err = session.Forward(s, func(_, n int, outputs []nd.Array) error {
		logits, _, classes, err := gradient.Logits(outputs)
		for i := range n {
			labels = append(labels, gradient.ArgMax(logits[i*classes:(i+1)*classes]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return labels
}

// TestSearchTypes locks models whose weights are not FLOAT, checks that the file
// is as bad as the search says, and restores it.
func TestSearchTypes(t *testing.T) {
	for name, model := range map[string]*storedModel{
		"float16":           {dt: onnxpb.TensorProto_FLOAT16},
		"bfloat16":          {dt: onnxpb.TensorProto_BFLOAT16},
		"double":            {dt: onnxpb.TensorProto_DOUBLE},
		"int8 per tensor":   {dt: onnxpb.TensorProto_INT8},
		"int8 per channel":  {dt: onnxpb.TensorProto_INT8, perChannel: true},
		"uint8 per tensor":  {dt: onnxpb.TensorProto_UINT8},
		"uint8 per channel": {dt: onnxpb.TensorProto_UINT8, perChannel: true},
	} {
		t.Run(name, func(t *testing.T) {
			path := model.write(t)
			m := open(t, path)
			samples := ownAnswers{x: nd.New(nd.Float32, 300, 16)}
			rng := rand.New(rand.NewPCG(5, 6))
			for i := range samples.x.Float32s() {
				samples.x.Float32s()[i] = float32(rng.NormFloat64())
			}
			samples.labels = answers(t, m, samples)
			r, err := Search(context.Background(), m, samples, Options{Calibration: 128, Unbounded: model.perChannel})
			if err != nil {
				t.Fatal(err)
			}
			if want := 16*24 + 24 + 24*6; r.Total != want || r.Before.Quality != 1 {
				t.Errorf("%d parameters, want %d; accuracy %v, want 1", r.Total, want, r.Before.Quality)
			}
			for _, c := range r.Changes {
				if !model.perChannel {
					checkInRange(t, m, c)
				}
				if dt := m.Weight(c.Tensor).DataType; dt != model.dt {
					t.Errorf("%s of type %v was changed", c.Tensor, dt)
				}
			}
			locked, rec := rewrite(t, m, r.Edits())
			right := 0
			for i, k := range answers(t, open(t, locked), samples) {
				if k == samples.labels[i] {
					right++
				}
			}
			if got := float64(right) / float64(samples.Len()); got != r.Locked.Quality {
				t.Errorf("the locked file has accuracy %v, the search says %v", got, r.Locked.Quality)
			}
			checkRestored(t, path, locked, rec)
		})
	}
}

func open(t *testing.T, path string) *onnxio.Model {
	t.Helper()
	m, err := onnxio.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

func rewrite(t *testing.T, m *onnxio.Model, edits []onnxio.Edit) (locked string, rec *onnxio.Record) {
	t.Helper()
	out := new(atomicfile.Set)
	locked = filepath.Join(t.TempDir(), "locked.onnx")
	rec, err := m.Rewrite(out, locked, edits)
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	return locked, rec
}

func checkRestored(t *testing.T, original, locked string, rec *onnxio.Record) {
	t.Helper()
	out := new(atomicfile.Set)
	back := filepath.Join(t.TempDir(), "back.onnx")
	if err := onnxio.Restore(context.Background(), locked, rec, out, back, nil); err != nil {
		t.Fatal(err)
	}
	if err := out.Commit(); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(original)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(back); err != nil || !bytes.Equal(got, want) {
		t.Errorf("the restored file is not the original (%v)", err)
	}
}
