package attack

import (
	"context"
	"math"
	"testing"

	"github.com/advparams/advparams/gradient"
)

func TestRate(t *testing.T) {
	for _, c := range []struct {
		name           string
		all            []suspicion
		auc, precision float64
	}{
		{"all told", []suspicion{{1, false}, {3, true}, {2, false}, {4, true}}, 1, 1},
		{"the wrong way round", []suspicion{{4, false}, {1, true}}, 0, 0},
		{"equal", []suspicion{{1, false}, {1, true}}, 0.5, 1},
		{"in between", []suspicion{{1, false}, {2, true}, {3, false}, {4, true}}, 0.75, 0.5},
	} {
		auc, precision, ok := rate(c.all)
		if !ok || auc != c.auc || c.name != "equal" && precision != c.precision {
			t.Errorf("%s: AUC %v, precision %v, %v", c.name, auc, precision, ok)
		}
	}
	for _, all := range [][]suspicion{nil, {{1, true}}, {{1, false}}} {
		if _, _, ok := rate(all); ok {
			t.Errorf("%v is rated", all)
		}
	}
}

// TestDetect plants outliers, and silences a unit.
func TestDetect(t *testing.T) {
	m, train, test := intact(t, 40)
	original, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Original: original}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if list, _, err := l.detect(ctx); list != nil || err != nil {
		t.Errorf("nothing changed: %v, %v", list, err)
	}
	auc := func() map[string]float64 {
		t.Helper()
		list, wrong, err := l.detect(ctx)
		if err != nil || wrong != 0 || len(list) != len(detectors) {
			t.Fatalf("%v, %v", list, err)
		}
		found := map[string]float64{}
		for _, d := range list {
			found[d.Name] = d.AUC
			if math.IsNaN(d.AUC) || d.AUC < 0 || d.AUC > 1 || d.Precision < 0 || d.Precision > 1 {
				t.Errorf("%+v", d)
			}
		}
		return found
	}
	w := l.values(l.anatomy.layers[2].weight)
	w[3], w[40] = 5, -5
	if found := auc(); found["|z| in the tensor"] < 0.999 || found["distance from neighbours"] < 0.999 {
		t.Errorf("outliers: %v", found)
	}
	y := &l.anatomy.layers[0]
	for i := range l.values(y.weight) {
		if y.unitOf(i) == 1 {
			l.values(y.weight)[i] = -0.01
		}
	}
	w[3], w[40] = original1(original, l.anatomy.layers[2].weight, 3), original1(original, l.anatomy.layers[2].weight, 40)
	l.biasOf(y)[1] = -3
	if found := auc(); found["silence of the unit"] < 0.9 {
		t.Errorf("a silent unit: %v", found)
	}
}

func original1(w *gradient.Weights, name string, i int) float32 {
	a, _ := w.Array(name)
	return a.Float32s()[i]
}
