package attack

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/shared"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
	"github.com/advparams/advparams/sealed"
)

// sealModel seals the first share of a model's weights, and opens the result.
func sealModel(t *testing.T, m *onnxio.Model, share float64, key *seal.Key) *onnxio.Model {
	t.Helper()
	p, err := sealed.NewPlan(m, sealed.Options{Share: share})
	if err != nil {
		t.Fatal(err)
	}
	var ranges []seal.Range
	for _, r := range p.Ranges {
		ranges = append(ranges, r.Range)
	}
	in, err := os.Open(m.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "sealed.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := key.Seal(t.Context(), out, in, info.Size(), ranges, 1); err != nil {
		t.Fatal(err)
	}
	return open(t, out.Name())
}

// exponents counts the exponents of each block.
func exponents(x []float32) (counts []map[uint32]int) {
	for block := range slices.Chunk(x, seal.BlockLen) {
		n := map[uint32]int{}
		for _, v := range block {
			n[math.Float32bits(v)>>23&0xff]++
		}
		counts = append(counts, n)
	}
	return counts
}

// TestRedrawElements keeps what a sealed file shows, and nothing else.
func TestRedrawElements(t *testing.T) {
	l := testLab(t, 40, Options{})
	before := l.snapshot()
	l.redrawElements()
	for _, name := range l.names {
		x, old := l.values(name), before[name]
		for k, n := range exponents(x) {
			for e, count := range exponents(old)[k] {
				if n[e] != count {
					t.Fatalf("%s, block %d: %d elements of exponent %d, there were %d", name, k, n[e], e, count)
				}
			}
		}
		if len(x) < 100 {
			continue
		}
		same, negative, product, squares := 0, 0, 0.0, 0.0
		for i, v := range x {
			if v == old[i] {
				same++
			}
			if v < 0 {
				negative++
			}
			product += float64(v) * float64(old[i])
			squares += float64(v) * float64(v) * float64(old[i]) * float64(old[i])
		}
		n := float64(len(x))
		if same > len(x)/50 || math.Abs(float64(negative)-n/2) > 2.5*math.Sqrt(n) || math.Abs(product) > 5*math.Sqrt(squares) {
			t.Errorf("%s: %d of %d elements are the same, %d negative; correlation %.1f deviations", name, same, len(x), negative, product/math.Sqrt(squares))
		}
	}
}

// TestRedrawStatistics leaves a batch normalisation valid.
func TestRedrawStatistics(t *testing.T) {
	_, dir := testmodel.Demo(t)
	opt := Options{}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(open(t, normalisedModel(t)), samples(t, dir, dataset.Train, 40), samples(t, dir, dataset.Test, 20), opt)
	if err != nil {
		t.Fatal(err)
	}
	for _, draw := range []func(*lab) error{(*lab).redrawElements, (*lab).drawScales} {
		l.restore(l.locked)
		l.rng = l.seeded("")
		if err := draw(l); err != nil {
			t.Fatal(err)
		}
		if v := l.values("variance"); slices.Min(v) <= 0 || slices.Equal(v, l.locked["variance"]) {
			t.Errorf("variances %v", v)
		}
	}
}

// TestControlDrawsWhatIsSealed: an attack on a sealed file and its control start from draws of
// one distribution only if the control draws anew just what is sealed.
func TestControlDrawsWhatIsSealed(t *testing.T) {
	folder, _ := shared.Find("models")
	paths, err := filepath.Glob(filepath.Join(folder, "*.onnx")) // none without ../shared
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range testmodel.Corpus(t) {
		paths = append(paths, g.Model)
	}
	for _, path := range paths {
		t.Run(filepath.Base(path), func(t *testing.T) {
			m := open(t, path)
			plan, err := sealed.NewPlan(m, sealed.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var hidden []string
			for _, r := range plan.Ranges {
				if r.Tensor.Kind != seal.Bytes { // whose codes are drawn
					hidden = append(hidden, r.Name)
				}
			}
			l := &lab{model: m, constants: constantsOf(m)}
			if l.weights, err = gradient.LoadWeights(m); err != nil {
				t.Fatal(err)
			}
			l.anatomy = anatomyOf(m.Proto().GetGraph(), l.weights, "")
			drawn := l.drawable()
			slices.Sort(hidden)
			slices.Sort(drawn)
			if len(drawn) == 0 || !slices.Equal(hidden, drawn) {
				t.Errorf("sealed are %q, drawn %q", hidden, drawn)
			}
		})
	}
}

// TestControlOfSealed: against a sealed file the attacks are their own controls, so that
// the attacker gains nothing beyond noise. The original file, attacked in the same way,
// shows that the measure would notice.
func TestControlOfSealed(t *testing.T) {
	if testing.Short() {
		t.Skip("trains")
	}
	m, dir := testmodel.Demo(t)
	train, test := samples(t, dir, dataset.Train, 200), samples(t, dir, dataset.Test, 300)
	advantage := func(m *onnxio.Model, seed uint64) float64 {
		opt := quick()
		opt.Seed, opt.Batch, opt.Epochs = seed, 16, 2
		opt.Attacks = []string{"fine-tune", "reset-outliers"}
		opt.Settings = func(name, setting string) bool { return name != Scratch || setting == "Kaiming initialisation" }
		r, err := Run(context.Background(), m, train, test, opt)
		if err != nil {
			t.Fatal(err)
		}
		return *r.Advantage
	}
	sum := 0.0
	const seeds = 2
	for seed := range uint64(seeds) {
		sum += advantage(sealModel(t, m, 0, testKey(t, int(seed))), seed) / seeds
	}
	if sum > 0.05 {
		t.Errorf("sealed: advantage %+.3f", sum)
	}
	if a := advantage(m, 0); a < 0.2 {
		t.Errorf("not locked at all: advantage %+.3f", a)
	}
}
