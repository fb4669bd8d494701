package perturb

import (
	"context"
	"math"
	"os"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// reference is one of the trained models of ../shared/models.
type reference struct {
	file, data string
	mean, std  []float32
	limit      int // of changed parameters, that a good search stays under
	long       bool
}

var references = []reference{
	{"fmnist-lenet5.onnx", "fashion-mnist", []float32{0.286}, []float32{0.353}, 24, false},
	{"fmnist-lenet5-dynamo.onnx", "fashion-mnist", []float32{0.286}, []float32{0.353}, 24, false},
	{"fmnist-keras-cnn.onnx", "fashion-mnist", nil, nil, 40, false},
	{"cifar10-resnet20.onnx", "cifar10", []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}, 48, false},
	{"cifar10-resnet20-dynamo.onnx", "cifar10", []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}, 48, true},
}

func (r reference) open(t testing.TB, split dataset.Split, limit int) (*onnxio.Model, *dataset.Set) {
	t.Helper()
	m, err := onnxio.Open(shared.Path(t, "models", r.file))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	inputs, err := gradient.Inputs(m)
	if err != nil {
		t.Fatal(err)
	}
	spec := dataset.Spec{Split: split, Limit: limit, Seed: 1, Preprocess: dataset.Preprocess{Mean: r.mean, Std: r.std}, Classes: 10, NeedLabels: true}
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	set, err := dataset.Open(shared.Path(t, "data", r.data), spec)
	if err != nil {
		t.Fatal(err)
	}
	return m, set
}

// TestSearchReferences locks the reference models and measures the lock on test
// data that the search has not seen.
func TestSearchReferences(t *testing.T) {
	workers := gradient.NewWorkers(0)
	defer workers.Close()
	for _, r := range references {
		t.Run(r.file, func(t *testing.T) {
			if testing.Short() {
				t.Skip("takes seconds")
			}
			if r.long && os.Getenv("ADVPARAMS_LONG_TESTS") == "" {
				t.Skip("takes half a minute, and is another export of the network before it")
			}
			m, train := r.open(t, dataset.Train, 2000)
			result, err := Search(context.Background(), m, train, Options{
				Workers: workers, Progress: func(p Progress) { t.Logf("%+v", p) },
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := len(result.Changes); n > r.limit {
				t.Errorf("%d changes, want at most %d", n, r.limit)
			}
			_, test := r.open(t, dataset.Test, 2000)
			before, locked := accuracyOf(t, m, test, nil, workers), accuracyOf(t, m, test, result.Changes, workers)
			t.Logf("%d changes, %d gradient passes, %d evaluations; test accuracy %.4f, locked %.4f", len(result.Changes), result.GradientPasses, result.Evaluations, before, locked)
			if locked > 0.125 {
				t.Errorf("test accuracy of the locked model is %.4f", locked)
			}
			for _, c := range result.Changes {
				checkInRange(t, m, c)
			}
		})
	}
}

func accuracyOf(t *testing.T, m *onnxio.Model, set *dataset.Set, changes []Change, workers *gradient.Workers) float64 {
	t.Helper()
	w, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		a, _ := w.Array(c.Tensor)
		a.Float32s()[c.Index] = m.Weight(c.Tensor).Decode(c.New)
	}
	s, err := gradient.NewSession(m, gradient.Config{Weights: w, Workers: workers}, 200)
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	err = s.Forward(set, func(lo, n int, out []nd.Array) error {
		logits, _, classes, err := gradient.Logits(out)
		for i := range n {
			if gradient.ArgMax(logits[i*classes:(i+1)*classes]) == set.Labels()[lo+i] {
				right++
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return float64(right) / float64(set.Len())
}

// exactly is Decode without rounding.
func exactly(init *onnxio.Initializer, bits uint64) float64 {
	if init.DataType == onnxpb.TensorProto_DOUBLE {
		return math.Float64frombits(bits)
	}
	return float64(init.Decode(bits))
}

// checkInRange: a new value lies between the smallest and the largest original
// element of its tensor.
func checkInRange(t *testing.T, m *onnxio.Model, c Change) {
	t.Helper()
	init := m.Weight(c.Tensor)
	low, high := math.Inf(1), math.Inf(-1)
	for i := range init.Len() {
		v := exactly(init, init.Bits(i))
		low, high = min(low, v), max(high, v)
	}
	if v := exactly(init, c.New); !(v >= low && v <= high) {
		t.Errorf("%s[%d] = %v is outside [%v, %v]", c.Tensor, c.Index, v, low, high)
	}
	if c.Old == c.New {
		t.Errorf("%s[%d] does not change", c.Tensor, c.Index)
	}
}
