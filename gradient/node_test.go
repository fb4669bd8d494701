package gradient

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// knownGaps are cases of ONNX's node tests that do not pass, with the reason.
var knownGaps = map[string]string{
	"test_cast_FLOAT_to_BFLOAT16":             noRounding,
	"test_attention_3d_causal_bf16":           noRounding,
	"test_attention_4d_attn_mask_causal_bf16": noRounding,
	"test_attention_4d_causal_bf16":           noRounding,
	"test_attention_4d_causal_padded_kv_bf16": noRounding,
	"test_attention_4d_padded_kv_bf16":        noRounding,
	"test_equal_string":                       noNumbers,
	"test_equal_string_broadcast":             noNumbers,
	"test_identity_opt":                       noTensors,
	"test_identity_sequence":                  noTensors,
	"test_loop13_seq":                         noTensors,
	"test_loop16_seq_none":                    noTensors,
}

const (
	noRounding = "BFLOAT16 is computed in float32, unrounded, so that the gradient is that of the model as it was meant"
	noNumbers  = "strings are no numbers and have no gradient"
	noTensors  = "only tensors are computed, no sequences and optional values"
)

// TestNodes runs ONNX's own single-operator cases (../shared/onnx-node-tests.tar.xz).
func TestNodes(t *testing.T) {
	dir := shared.Unpack(t, shared.Path(t, "onnx-node-tests.tar.xz"))
	cases, err := filepath.Glob(filepath.Join(dir, "*", "*", "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	if more, _ := filepath.Glob(filepath.Join(dir, "*", "model.onnx")); len(more) > 0 {
		cases = append(cases, more...)
	}
	passed, failed := 0, 0
	for _, path := range cases {
		name := filepath.Base(filepath.Dir(path))
		t.Run(name, func(t *testing.T) {
			err := runNodeCase(path)
			reason, gap := knownGaps[name]
			switch {
			case err == nil && gap:
				t.Errorf("passes, but is listed as a gap: %s", reason)
			case err == nil:
				passed++
			case gap:
				failed++
				t.Skipf("known gap: %s (%v)", reason, err)
			default:
				failed++
				t.Error(err)
			}
		})
	}
	total := passed + failed
	t.Logf("%d of %d cases pass", passed, total)
	if total == 0 || float64(passed) < 0.98*float64(total) {
		t.Errorf("%d of %d cases pass, which is less than 98 %%", passed, total)
	}
}

func runNodeCase(path string) error {
	m, err := onnxio.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	inputs := map[string]nd.Array{}
	shapes := map[string][]int{}
	data := filepath.Join(filepath.Dir(path), "test_data_set_0")
	for i, v := range m.Proto().GetGraph().GetInput() {
		a, err := readTensor(filepath.Join(data, fmt.Sprintf("input_%d.pb", i)))
		if err != nil {
			return err
		}
		inputs[v.GetName()], shapes[v.GetName()] = a, a.Shape
	}
	p, err := Compile(m, Config{Shapes: shapes, Values: inputs})
	if err != nil {
		return err
	}
	outputs, err := p.Forward(inputs)
	if err != nil {
		return err
	}
	for i := range m.Proto().GetGraph().GetOutput() {
		want, err := readTensor(filepath.Join(data, fmt.Sprintf("output_%d.pb", i)))
		if err != nil {
			return err
		}
		if err := closeTo(outputs[i], want); err != nil {
			return fmt.Errorf("output %d: %w", i, err)
		}
	}
	return nil
}

// closeTo compares as ONNX's runner does: |got - want| ≤ 1e-7 + 1e-3·|want|,
// with an absolute tolerance fit for float32.
func closeTo(got, want nd.Array) error {
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("shape %v, want %v", got.Shape, want.Shape)
	}
	if got.DType() != want.DType() {
		return fmt.Errorf("type %v, want %v", got.DType(), want.DType())
	}
	if want.DType() != nd.Float32 {
		if g, w := fmt.Sprint(got.Data), fmt.Sprint(want.Data); g != w {
			return fmt.Errorf("%.100s, want %.100s", g, w)
		}
		return nil
	}
	for i, w := range want.Float32s() {
		g := got.Float32s()[i]
		same := g == w || (g != g && w != w)
		if !same && (math.IsInf(float64(w), 0) || !(math.Abs(float64(g)-float64(w)) <= 1e-5+1e-3*math.Abs(float64(w)))) {
			return fmt.Errorf("element %d is %v, want %v", i, g, w)
		}
	}
	return nil
}

// readTensor reads a file that holds one TensorProto, by way of a model that
// has it as its initializer.
func readTensor(path string) (nd.Array, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nd.Array{}, err
	}
	var t onnxpb.TensorProto
	if err := proto.Unmarshal(data, &t); err != nil {
		return nd.Array{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	t.Name = proto.String("tensor")
	model, err := proto.Marshal(&onnxpb.ModelProto{
		IrVersion:   proto.Int64(10),
		Graph:       &onnxpb.GraphProto{Name: proto.String("g"), Initializer: []*onnxpb.TensorProto{&t}},
		OpsetImport: []*onnxpb.OperatorSetIdProto{{Version: proto.Int64(17)}},
	})
	if err != nil {
		return nd.Array{}, err
	}
	wrapped := strings.TrimSuffix(path, ".pb") + ".onnx"
	if err := os.WriteFile(wrapped, model, 0o644); err != nil {
		return nd.Array{}, err
	}
	m, err := onnxio.Open(wrapped)
	if err != nil {
		return nd.Array{}, err
	}
	defer m.Close()
	a, err := m.Initializers()[0].Array()
	if err != nil || len(m.Initializers()) != 1 {
		return nd.Array{}, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return copyOf(a), nil
}

// copyOf detaches an array from a file's mapping.
func copyOf(a nd.Array) nd.Array {
	switch d := a.Data.(type) {
	case []int64:
		return nd.Array{Shape: a.Shape, Data: slices.Clone(d)}
	case []bool:
		return nd.Array{Shape: a.Shape, Data: slices.Clone(d)}
	default:
		return nd.Array{Shape: a.Shape, Data: slices.Clone(a.Float32s())}
	}
}
