package gradient

import (
	"maps"
	"slices"
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// TestVisit: gradients that are given away are those that Gradient returns, to the bit, and
// each is given once. The program takes less memory.
func TestVisit(t *testing.T) {
	t.Parallel()
	m, _ := testmodel.Demo(t)
	x := nd.New(nd.Float32, 4, 1, 28, 28)
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i%17)/17 - 0.5
	}
	inputs := map[string]nd.Array{"input": x}
	cfg := Config{Shapes: map[string][]int{"input": x.Shape}, Gradients: All, Keep: true}
	whole := compiled(t, m, cfg)
	if _, _, err := whole.Gradients(inputs, Probe); err != nil {
		t.Fatal(err)
	}
	given := map[string][]float32{}
	cfg.Visit = func(name string, g []float32) {
		if given[name] != nil {
			t.Errorf("%s was given twice", name)
		}
		given[name] = slices.Clone(g)
	}
	visited := compiled(t, m, cfg)
	if _, _, err := visited.Gradients(inputs, Probe); err != nil {
		t.Fatal(err)
	}
	for _, name := range whole.GradientNames() {
		want, _ := whole.Gradient(name)
		if want != nil && !slices.Equal(given[name], want) {
			t.Errorf("the gradient by %s differs", name)
		}
		delete(given, name)
	}
	if len(given) > 0 {
		t.Errorf("also given: %v", slices.Collect(maps.Keys(given)))
	}
	if _, ok := visited.Gradient(whole.GradientNames()[0]); ok {
		t.Error("Gradient has an array that is used again")
	}
	if n := whole.Kept(); n < int64(4*x.Len()) || n > int64(memoryOf(whole)) {
		t.Errorf("%d bytes are kept, of %d", n, memoryOf(whole))
	}
	if a, b := memoryOf(visited), memoryOf(whole); a >= b {
		t.Errorf("%d bytes with Visit, %d without", a, b)
	}
}

// memoryOf returns the memory of the values of a program.
func memoryOf(p *Program) (n int) {
	seen := map[*float32]bool{}
	for _, a := range p.slots {
		if x := a.Float32s(); len(x) > 0 && !seen[&x[0]] {
			seen[&x[0]] = true
			n += 4 * cap(x)
		}
	}
	return n
}

func compiled(t *testing.T, m *onnxio.Model, cfg Config) *Program {
	t.Helper()
	p, err := Compile(m, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
