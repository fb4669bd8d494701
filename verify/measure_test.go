package verify_test

import (
	"context"
	"strings"
	"testing"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// measured are points with a truth of any kind.
type measured struct {
	points
	truth nd.Array
}

func (m measured) Truth(lo, hi int) nd.Array { return m.truth.Rows(lo, hi) }

func TestMeasure(t *testing.T) {
	m := linear(t, 1, 2, -1)
	x := []float32{1, 0, 0, 1, 3, 2, 1, 2, 5, 4}
	set := measured{points{x: x}, nd.Of([]float32{2, -1, 4, 0, 6}, 5)}
	got, err := verify.Measure(context.Background(), session(t, m), task.Regression{}, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Task != "regression" || got.Samples != 5 || got.Classifies() || !(got.Score.Quality > 0.9) {
		t.Errorf("%+v", got)
	}
	truth, err := verify.Truth(context.Background(), session(t, m), task.Regression{}, set, nil)
	if err != nil {
		t.Fatal(err)
	}
	set.truth = truth
	if got, err = verify.Measure(context.Background(), session(t, m), task.Regression{}, set, nil); err != nil || got.Score.Metrics[0].Value != 1 {
		t.Errorf("with the model's own answers: %+v, %v", got, err)
	}
	// A classifier is measured as ever.
	two := linear(t, 2, 1, 0, 0, 1)
	labelled := points{x: x, labels: []int{0, 1, 0, 1, 1}}
	if got, err = verify.Measure(context.Background(), session(t, two), nil, labelled, nil); err != nil || got.Accuracy != 0.8 || got.Score.Quality != 0.8 || !got.Classifies() {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestMeasureErrors(t *testing.T) {
	x := points{x: []float32{1, 0, 0, 1}}
	s, err := gradient.NewSession(linear(t, 1, 2, -1), gradient.Config{}, 2)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		task task.Task
		set  verify.Samples
		want string
	}{
		"no labels":    {task.Regression{}, x, "no labels"},
		"no fit":       {task.Regression{}, measured{x, nd.New(nd.Float32, 2, 3)}, "do not fit"},
		"no bits":      {task.Binary{}, measured{x, nd.Of([]float32{0.5, 1}, 2)}, "0 or 1"},
		"no positions": {task.Segmentation{}, measured{x, nd.New(nd.Int64, 2, 4, 4)}, "do not fit"},
	} {
		if _, err := verify.Measure(context.Background(), s, c.task, c.set, nil); err == nil || !strings.Contains(err.Error(), c.want) || hint.Of(err) == "" {
			t.Errorf("%s: error %v, hint %q", name, err, hint.Of(err))
		}
	}
}

// TestReportOfTask: the page shows the metrics of the task.
func TestReportOfTask(t *testing.T) {
	metrics := func(r2 float64) *verify.Metrics {
		return &verify.Metrics{Task: "regression", Samples: 7, Score: task.Score{
			Quality: r2, Luck: 0.05,
			Metrics: []task.Metric{{Name: "R²", Value: r2}, {Name: "RMSE", Value: 1 - r2, Useless: 1, Lower: true}},
		}}
	}
	page := report(t, verify.Report{Tool: "advparams test", Original: metrics(0.9), Locked: metrics(-3)})
	for _, want := range []string{
		"Quality for the task: regression", "Locking takes the R² from 0.900 to -3.000; outputs that have nothing to do with the sample would have 0.000.",
		"RMSE, lower is better", "<td>4.000</td>", "useless",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, wrong := range []string{"NaN", "bits", "Class by class", "Share of right answers"} {
		if strings.Contains(page, wrong) {
			t.Errorf("%q is there", wrong)
		}
	}
}
