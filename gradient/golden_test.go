package gradient

import (
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// goldenTolerance is that of the corpus in ../shared. Some gradients are exactly
// zero, and come out as rounding noise.
const goldenTolerance = 1e-3

// TestCommittedCorpus compares outputs and gradients of the models of
// testdata/corpus with golden ones.
func TestCommittedCorpus(t *testing.T) {
	workers := NewWorkers(0)
	defer workers.Close()
	for _, g := range testmodel.Corpus(t) {
		t.Run(g.Name, func(t *testing.T) { compareGolden(t, workers, g.Model, g.Arrays, goldenTolerance) })
	}
}

// TestCommittedNodes does the same with testdata/nodes, one operator at a time.
func TestCommittedNodes(t *testing.T) {
	workers := NewWorkers(1)
	defer workers.Close()
	for _, g := range testmodel.Nodes(t) {
		t.Run(g.Name, func(t *testing.T) {
			npz, err := dataset.ReadNPZ(g.Arrays)
			if err != nil {
				t.Fatal(err)
			}
			for key := range npz.Arrays {
				if strings.HasPrefix(key, "grad/") {
					compareGolden(t, workers, g.Model, g.Arrays, goldenTolerance)
					return
				}
			}
			compareOutputs(t, workers, g.Model, npz.Arrays)
		})
	}
}

// TestContrib compares the outputs of the models of testdata/contrib with
// onnxruntime's.
func TestContrib(t *testing.T) {
	workers := NewWorkers(1)
	defer workers.Close()
	for _, g := range testmodel.Contrib(t) {
		t.Run(g.Name, func(t *testing.T) {
			npz, err := dataset.ReadNPZ(g.Arrays)
			if err != nil {
				t.Fatal(err)
			}
			compareOutputs(t, workers, g.Model, npz.Arrays)
		})
	}
}

// compareOutputs compares the outputs of a model that has no gradient.
func compareOutputs(t *testing.T, workers *Workers, model string, golden map[string]nd.Array) {
	t.Helper()
	m, err := onnxio.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	inputs, shapes := map[string]nd.Array{}, map[string][]int{}
	for key, a := range golden {
		if name, ok := strings.CutPrefix(key, "in/"); ok {
			inputs[name], shapes[name] = a, a.Shape
		}
	}
	p, err := Compile(m, Config{Shapes: shapes, Values: inputs, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := p.Forward(inputs)
	if err != nil {
		t.Fatal(err)
	}
	names, _ := p.Outputs()
	for i, name := range names {
		want := golden["out/"+name]
		if want.DType() == nd.Int64 && outputs[i].DType() == nd.Float32 && quantizes(m) {
			floats := make([]float32, want.Len())
			for k, v := range want.Int64s() {
				floats[k] = float32(v)
			}
			want.Data = floats
		}
		if err := closeTo(outputs[i], want); err != nil {
			t.Errorf("output %q: %v", name, err)
		}
	}
}

// quantizes reports whether the only node of a model has quantised outputs. They are whole
// numbers, but arrays of float32.
func quantizes(m *onnxio.Model) bool {
	name := m.Proto().GetGraph().GetNode()[0].GetOpType()
	return strings.HasPrefix(name, "Q") || slices.Contains([]string{"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger"}, name)
}
