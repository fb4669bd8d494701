package perturb

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/internal/testmodel"
	"github.com/advparams/advparams/models"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// demo opens the embedded model with part of its data.
func demo(t *testing.T, split dataset.Split, limit int) (*onnxio.Model, *dataset.Set) {
	t.Helper()
	m, dir := testmodel.Demo(t)
	set, err := dataset.Open(filepath.Join(dir, models.DataFolder), dataset.Spec{
		Inputs: []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}, DType: nd.Float32}},
		Split:  split, Limit: limit, NeedLabels: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, set
}

func TestSearchDemo(t *testing.T) {
	t.Parallel()
	m, train := demo(t, dataset.Train, 512)
	original, err := os.ReadFile(m.Path())
	if err != nil {
		t.Fatal(err)
	}
	workers := gradient.NewWorkers(2)
	defer workers.Close()
	first, err := Search(context.Background(), m, train, Options{Workers: workers, Calibration: 128})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Changes) == 0 || len(first.Changes) > 12 {
		t.Errorf("%d changes", len(first.Changes))
	}
	if first.Before.Quality < 0.9 || first.Locked.Quality > first.Target || first.Total != models.Parameters || first.Samples != 512 {
		t.Errorf("result %+v", first)
	}
	for _, c := range first.Changes {
		checkInRange(t, m, c)
		init := m.Weight(c.Tensor)
		b, _ := boundsOf(init, floats(init), false)
		if v := init.Decode(c.New); v == b.low.value || v == b.high.value {
			t.Errorf("%s[%d] = %v is at the end of its tensor's range", c.Tensor, c.Index, v)
		}
		if got := m.Weight(c.Tensor).Bits(c.Index); got != c.Old {
			t.Errorf("%s[%d]: old bits %#x, the file has %#x", c.Tensor, c.Index, c.Old, got)
		}
	}
	_, test := demo(t, dataset.Test, 512)
	if locked := accuracyOf(t, m, test, first.Changes, workers); locked > 0.125 {
		t.Errorf("test accuracy of the locked model is %.4f; chance is 0.0625", locked)
	}
	// The same again, on one thread: plans are part of reproducible batch runs.
	second, err := Search(context.Background(), m, train, Options{Calibration: 128})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first.Changes, second.Changes) {
		t.Errorf("two searches differ:\n%v\n%v", first.Changes, second.Changes)
	}
	if now, err := os.ReadFile(m.Path()); err != nil || !slices.Equal(now, original) {
		t.Errorf("the model's file has changed (%v)", err)
	}
}

func TestSearchLimits(t *testing.T) {
	t.Parallel()
	m, train := demo(t, dataset.Train, 128)
	result, err := Search(context.Background(), m, train, Options{MaxParams: 1, Calibration: 64})
	if !errors.Is(err, ErrTarget) {
		t.Fatalf("error %v, want ErrTarget", err)
	}
	if len(result.Changes) != 1 || result.Locked.Quality <= result.Target {
		t.Errorf("result %+v", result)
	}

	easy, err := Search(context.Background(), m, train, Options{Target: 0.9, Calibration: 64})
	if err != nil || easy.Locked.Quality > 0.9 {
		t.Errorf("target 0.9: accuracy %v, %v", easy.Locked.Quality, err)
	}

	only := func(name string) bool { return strings.HasPrefix(name, "stem") }
	part, err := Search(context.Background(), m, train, Options{Allow: only, Target: 0.8, Calibration: 64})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range part.Changes {
		if !only(c.Tensor) {
			t.Errorf("%s was changed, but not allowed", c.Tensor)
		}
	}
	if _, err := Search(context.Background(), m, train, Options{Allow: func(string) bool { return false }}); err == nil || !strings.Contains(err.Error(), "no parameter can be changed") {
		t.Errorf("nothing allowed: %v", err)
	}
	if _, err := Search(context.Background(), m, unlabelled{train}, Options{}); err == nil || !strings.Contains(err.Error(), "labelled") {
		t.Errorf("no labels: %v", err)
	}
	untried, err := Search(study.Without{Evaluation: true}.Context(t.Context()), m, train, Options{Target: 0.9, Calibration: 64})
	if err != nil || untried.Evaluations != 0 {
		t.Errorf("without evaluation: %d evaluations, %v", untried.Evaluations, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Search(ctx, m, train, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func floats(init *onnxio.Initializer) []float32 {
	x := make([]float32, init.Len())
	for i := range x {
		x[i] = init.Decode(init.Bits(i))
	}
	return x
}

// unlabelled hides the labels of a set.
type unlabelled struct{ *dataset.Set }

func (unlabelled) Labels() []int             { return nil }
func (unlabelled) Truth(lo, hi int) nd.Array { return nd.Array{} }

// TestEveryAnswer: where the answers but the most frequent one count as well, these are lost too.
func TestEveryAnswer(t *testing.T) {
	t.Parallel()
	m, train := demo(t, dataset.Train, 512)
	for _, every := range []bool{false, true} {
		r, err := Search(context.Background(), m, train, Options{EveryAnswer: every})
		if err != nil {
			t.Fatal(err)
		}
		if rest := r.Locked.Rest; (rest.Beyond > translatable) == every {
			t.Errorf("every answer %v: %d changes, right on %.3f without %v", every, len(r.Changes), rest.Accuracy, rest.Without)
		}
	}
	none, ok := errors.AsType[*NoAnswersError](second(Search(context.Background(), m, train, Options{EveryAnswer: true, Task: task.Embedding{}})))
	if !ok || none.Task != "embedding" {
		t.Errorf("%v", none)
	}
}

func second[T any](_ T, err error) error { return err }
