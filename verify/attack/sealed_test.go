package attack

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"os"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
	"github.com/advparams/advparams/sealed"
)

// testKey returns the key of a number, so that tests repeat.
func testKey(t *testing.T, n int) *seal.Key {
	t.Helper()
	key, err := seal.DeriveKey([]byte("a secret of the test, thirty-two"), binary.LittleEndian.AppendUint32(nil, uint32(n)))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sealer seals the weights of a lab in memory.
type sealer struct {
	*lab
	ranges []onnxio.SealedRange
}

func newSealer(t *testing.T, m *onnxio.Model, l *lab) *sealer {
	t.Helper()
	p, err := sealed.NewPlan(m, sealed.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range p.Ranges {
		if r.Tensor.Kind != seal.Float32 {
			t.Fatalf("%s is no float32", r.Name)
		}
	}
	return &sealer{l, p.Ranges}
}

func (s *sealer) seal(t *testing.T, from snapshot, key *seal.Key) {
	t.Helper()
	s.restore(from)
	for _, r := range s.ranges {
		var b bytes.Buffer
		if err := binary.Write(&b, binary.LittleEndian, from[r.Name]); err != nil {
			t.Fatal(err)
		}
		c, err := key.Cipher(r.Tensor)
		if err != nil {
			t.Fatal(err)
		}
		c.Seal(b.Bytes(), 0, 1)
		for i := range s.values(r.Name) {
			s.values(r.Name)[i] = math.Float32frombits(binary.LittleEndian.Uint32(b.Bytes()[4*i:]))
		}
	}
}

// TestDetectSealed: no detector tells which weights of a sealed model have the wrong sign.
func TestDetectSealed(t *testing.T) {
	m, train, test := intact(t, 60)
	original, err := gradient.LoadWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	opt := Options{Original: original.Clone()}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(m, train, test, opt)
	if err != nil {
		t.Fatal(err)
	}
	s := newSealer(t, m, l)
	for n := range 2 {
		s.seal(t, l.locked, testKey(t, n))
		list, wrong, err := l.detect(t.Context())
		if err != nil || len(list) != len(detectors) || math.Abs(float64(wrong)/float64(l.count(1))-0.5) > 0.02 {
			t.Fatalf("%v, %d wrong signs, %v", list, wrong, err)
		}
		for _, d := range list {
			t.Logf("%s: AUC %.3f, precision %.3f", d.Name, d.AUC, d.Precision)
			if math.Abs(d.AUC-0.5) > 0.02 || math.Abs(d.Precision-0.5) > 0.02 {
				t.Errorf("key %d: %+v", n, d)
			}
		}
	}
}

// distinguishers look at the weights of a lab that are those of a sealed model, and return
// numbers that are larger if they think that it is the trained one. They know both.
func distinguishers(ctx context.Context, t *testing.T, l *lab, trained, other snapshot) map[string]float64 {
	t.Helper()
	found := map[string]float64{}
	for name, of := range map[string]snapshot{"trained": trained, "other": other} {
		for _, w := range l.names {
			x, y := l.values(w), of[w]
			product, xx, yy := 0.0, 0.0, 0.0
			for i, v := range x {
				product += float64(v) * float64(y[i])
				xx += float64(v) * float64(v)
				yy += float64(y[i]) * float64(y[i])
				if v*y[i] > 0 {
					found["signs of "+name]++
				}
			}
			if xx*yy > 0 {
				found["correlation with "+name] += product / math.Sqrt(xx*yy)
			}
		}
	}
	for _, w := range l.names {
		x := l.values(w)
		for i := 1; i < len(x); i++ {
			found["neighbours"] += float64(x[i] * x[i-1])
		}
	}
	for name, x := range l.scores(roughness) {
		for i, v := range x {
			found["roughness"] += v
			found["weighted roughness of "+name[:1]] += v * math.Abs(float64(l.values(name)[i]))
		}
	}
	accuracy, err := l.measure(ctx, l.test)
	if err != nil {
		t.Fatal(err)
	}
	inputs, cost, err := l.minibatch(l.train, 0, l.batch)
	if err != nil {
		t.Fatal(err)
	}
	p, err := l.program(everything)
	if err != nil {
		t.Fatal(err)
	}
	loss, _, err := p.Gradients(inputs, cost)
	if err != nil {
		t.Fatal(err)
	}
	found["accuracy"], found["loss"] = accuracy, -loss
	for k, y := range l.anatomy.layers {
		g, _ := p.Gradient(y.weight)
		for i, v := range g {
			found["gradient"] += math.Abs(float64(v))
			if k == 0 {
				found["gradient × weight"] += float64(v) * float64(l.values(y.weight)[i])
			}
		}
	}
	return found
}

// TestGame: of two models of one shape and leakage, a trained one and one that is random,
// one is sealed. Telling which is no better than a coin, even for somebody who knows both
// and has data.
func TestGame(t *testing.T) {
	if testing.Short() {
		t.Skip("seals 100 times")
	}
	m, train, test := intact(t, 40)
	opt := Options{Batch: 32}
	if err := opt.complete(); err != nil {
		t.Fatal(err)
	}
	l, err := newLab(m, train, test.Limit(60, 1), opt)
	if err != nil {
		t.Fatal(err)
	}
	ctx, s := t.Context(), newSealer(t, m, l)
	trained := l.snapshot()
	l.rng = l.seeded("other")
	l.redrawElements()
	other := l.snapshot()
	games := 50
	if os.Getenv("ADVPARAMS_LONG_TESTS") != "" {
		games = 100
	}
	scores := map[string][]suspicion{}
	for n := range 2 * games {
		from := trained
		if n%2 == 1 {
			from = other
		}
		s.seal(t, from, testKey(t, n))
		for name, v := range distinguishers(ctx, t, l, trained, other) {
			scores[name] = append(scores[name], suspicion{v, n%2 == 0})
		}
	}
	deviation := math.Sqrt(float64(2*games+1) / float64(12*games*games)) // of Mann and Whitney's statistic
	for name, all := range scores {
		auc, _, ok := rate(all)
		if !ok || math.Abs(auc-0.5) > 4*deviation {
			t.Errorf("%s: AUC %.3f", name, auc)
		}
		t.Logf("%s: AUC %.3f", name, auc)
	}
	if len(scores) < 10 {
		t.Errorf("%d distinguishers", len(scores))
	}
	l.restore(trained) // unsealed, all is plain
	plain := distinguishers(ctx, t, l, trained, other)
	l.restore(other)
	hollow := distinguishers(ctx, t, l, trained, other)
	for _, name := range []string{"accuracy", "loss", "correlation with trained", "signs of trained"} {
		if plain[name] <= hollow[name] {
			t.Errorf("%s: %v of the trained model, %v of the other", name, plain[name], hollow[name])
		}
	}
}
