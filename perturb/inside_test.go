package perturb

import (
	"testing"

	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/nd"
)

// TestInsideOfFew: where few samples choose, values that are far enough for these may not be for
// others. Then values nearer to the end of the range are tried, and the end itself.
func TestInsideOfFew(t *testing.T) {
	t.Parallel()
	const n, chosen = 256, 32
	for _, test := range []struct {
		other float32 // what the changed weight is multiplied with on samples that do not choose
		value float32 // that the weight gets; 0 if the target is not reached
	}{{2, 0.7}, {1.286, 0.9}, {1.078, 0.97}, {1.017, 1}, {0.5, 0}} {
		s := ownAnswers{nd.New(nd.Float32, n, 2), make([]int, n)}
		for i := range n {
			x := s.x.Float32s()[2*i : 2*i+2]
			switch s.labels[i] = i % 2; {
			case i%2 == 1:
				x[0] = -1
			case i < chosen:
				x[0], x[1] = 1, 2
			case i%32 == 0:
				x[0], x[1] = 1, test.other
			default:
				x[0], x[1] = 1, 2
			}
		}
		shared, err := newSearch(testmodel.Open(t, linear([]float32{1, 0.1, 0.1, 0}, 2, 2)), s, Options{})
		if err != nil {
			t.Fatal(err)
		}
		m := &minimal{search: shared}
		if err := m.examine(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		if err := m.calibrate(t.Context(), chosen); err != nil {
			t.Fatal(err)
		}
		at := site{"w", 3}
		m.become([]candidate{{site: at, bound: m.bounds["w"].high}})
		reached, _, err := m.accept(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if reached != (test.value > 0) {
			t.Errorf("%v: reached %v", test.other, reached)
		}
		if a, _ := m.weights.Array("w"); reached && a.Float32s()[3] != test.value {
			t.Errorf("%v: the weight is %v, not %v", test.other, a.Float32s()[3], test.value)
		}
	}
}

// TestApproach: a search that does not reach the target ends with the changes that came nearest.
func TestApproach(t *testing.T) {
	t.Parallel()
	s := examined(t, 128, Options{Calibration: 64})
	list, err := s.round(t.Context(), 3)
	if err != nil || len(list) < 3 {
		t.Fatal(list, err)
	}
	for _, step := range []struct {
		list    []candidate
		quality float64
		want    int // changes that it would end with
	}{{list[:1], 0.5, 1}, {list[:2], 0.4, 2}, {list[:3], 0.6, 2}, {list[1:], 0.3, 2}} {
		s.become(step.list)
		s.result.Locked.Quality = step.quality
		s.approached()
		s.approach()
		if len(s.result.Changes) != step.want {
			t.Errorf("%v: %d changes, not %d", step.quality, len(s.result.Changes), step.want)
		}
	}
	if got, want := s.identity(), identity(list[1:]); got != want {
		t.Errorf("it ends with %s, not %s", got, want)
	}
}
