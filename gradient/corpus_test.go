package gradient

import (
	"encoding/csv"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// TestCorpus compares outputs and gradients of real exports with golden ones
// (../shared/corpus/README.md, which also defines the tolerance).
func TestCorpus(t *testing.T) {
	f, err := os.Open(shared.Path(t, "corpus", "index.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	workers := NewWorkers(0)
	defer workers.Close()
	for _, row := range rows[1:] {
		name := row[0]
		noise, err := strconv.ParseFloat(row[8], 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) {
			dir := shared.Unpack(t, shared.Path(t, "corpus", name+".tar.xz"))
			compareGolden(t, workers, filepath.Join(dir, name, name+".onnx"), filepath.Join(dir, name, "golden.npz"), max(1e-3, 5*noise))
		})
	}
}

func compareGolden(t *testing.T, workers *Workers, model, golden string, tolerance float64) {
	t.Helper()
	m, err := onnxio.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	npz, err := dataset.ReadNPZ(golden)
	if err != nil {
		t.Fatal(err)
	}
	arrays := npz.Arrays
	inputs := map[string]nd.Array{}
	shapes := map[string][]int{}
	for key, a := range arrays {
		if name, ok := strings.CutPrefix(key, "in/"); ok {
			inputs[name], shapes[name] = a, a.Shape
		}
	}
	p, err := Compile(m, Config{Shapes: shapes, Gradients: All, Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	loss, outputs, err := p.Gradients(inputs, Probe)
	if err != nil {
		t.Fatal(err)
	}
	names, _ := p.Outputs()
	for i, name := range names {
		want, ok := arrays["out/"+name]
		if !ok {
			t.Errorf("output %q is not in the golden file", name)
			continue
		}
		if err := compareOutput(outputs[i], want); err != nil {
			t.Errorf("output %q: %v", name, err)
		}
	}
	if want := arrays["loss"].Float32s()[0]; math.Abs(loss-float64(want)) > 1e-2*max(1, math.Abs(float64(want))) {
		t.Errorf("loss %g, want %g", loss, want)
	}
	compareGradients(t, p, arrays, tolerance)
}

func compareOutput(got, want nd.Array) error {
	if !slices.Equal(got.Shape, want.Shape) {
		return fmt.Errorf("shape %v, want %v", got.Shape, want.Shape)
	}
	if got.DType() != want.DType() {
		return fmt.Errorf("type %v, want %v", got.DType(), want.DType())
	}
	if got.DType() != nd.Float32 {
		if fmt.Sprint(got.Data) != fmt.Sprint(want.Data) {
			return errors.New("elements differ")
		}
		return nil
	}
	worst, scale := 0.0, 0.0
	for i, v := range want.Float32s() {
		worst = max(worst, math.Abs(float64(v)-float64(got.Float32s()[i])))
		scale = max(scale, math.Abs(float64(v)))
	}
	if !(worst <= 1e-3*scale) {
		return fmt.Errorf("differs by %g where the largest is %g", worst, scale)
	}
	return nil
}

// compareGradients applies the tolerance of the corpus.
func compareGradients(t *testing.T, p *Program, golden map[string]nd.Array, tolerance float64) {
	t.Helper()
	norms := map[string]float64{}
	largest := 0.0
	for key, a := range golden {
		if name, ok := strings.CutPrefix(key, "grad/"); ok {
			norms[name] = norm(a.Float32s())
		} else if name, ok := strings.CutPrefix(key, "gradsum/"); ok {
			norms[name] = float64(a.Float32s()[1])
		}
		largest = max(largest, largestOf(norms))
	}
	checked := 0
	for name, size := range norms {
		got, ok := p.Gradient(name)
		if !ok {
			t.Errorf("no gradient for initializer %q", name)
			continue
		}
		checked++
		floor := max(size, 1e-4*largest)
		w, _ := p.weights.Array(name)
		if got == nil {
			got = make([]float32, w.Len())
		}
		if want, ok := golden["grad/"+name]; ok {
			if err := distance(got, want.Float32s()) / floor; !(err <= tolerance) {
				t.Errorf("gradient of %q %v: error %.3g, tolerance %.3g", name, w.Shape, err, tolerance)
			}
			continue
		}
		idx, val := golden["gradidx/"+name].Int64s(), golden["gradval/"+name].Float32s()
		some := make([]float32, len(idx))
		for i, k := range idx {
			some[i] = got[k]
		}
		n := float64(w.Len())
		if err := distance(some, val) * math.Sqrt(n/256) / floor; !(err <= tolerance) {
			t.Errorf("gradient of %q %v: error %.3g, tolerance %.3g", name, w.Shape, err, tolerance)
		}
		sum := 0.0
		for _, v := range got {
			sum += float64(v)
		}
		want := golden["gradsum/"+name].Float32s()
		if d := math.Abs(sum - float64(want[0])); !(d <= tolerance*math.Sqrt(n)*floor) {
			t.Errorf("gradient of %q: sum %g, want %g", name, sum, want[0])
		}
		if d := math.Abs(norm(got) - size); !(d <= tolerance*floor) {
			t.Errorf("gradient of %q: norm %g, want %g", name, norm(got), size)
		}
	}
	if checked == 0 {
		t.Error("the golden file has no gradients")
	}
}

func largestOf(norms map[string]float64) float64 {
	m := 0.0
	for _, n := range norms {
		m = max(m, n)
	}
	return m
}

func norm(x []float32) float64 { return distance(x, make([]float32, len(x))) }

func distance(x, y []float32) float64 {
	sum := 0.0
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}
