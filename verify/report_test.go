package verify_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

func report(t *testing.T, r verify.Report) string {
	t.Helper()
	var b strings.Builder
	if err := verify.WriteHTML(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// classified scores answers to four samples of the classes 0, 1, 2 and 1.
func classified(answers []int) *task.Score {
	logits := nd.New(nd.Float32, 4, 3)
	for i, k := range answers {
		logits.Float32s()[3*i+k] = 1
	}
	tally := task.Classification{}.NewTally()
	if err := tally.Add([]nd.Array{logits}, nd.Of([]int64{0, 1, 2, 1}, 4)); err != nil {
		panic(err)
	}
	score := tally.Score()
	return &score
}

func full(t *testing.T) verify.Report {
	t.Helper()
	original, locked := classified([]int{0, 1, 2, 2}), classified([]int{0, 0, 0, 0})
	return verify.Report{
		Tool: "advparams test", Created: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Files: []verify.File{{Role: "locked", Name: "<script>x.onnx", Size: 1234567, SHA256: [32]byte{0xab}}},
		Data:  "4 samples",
		Task:  "classification", Samples: 4,
		Original: original, Locked: locked, Unlocked: original,
		WithKey: true, BitExact: true, Parameters: 61706, Changed: 11,
		Timings: []verify.Timing{{Step: "measuring", Duration: 1500 * time.Millisecond}},
	}
}

func TestWriteHTML(t *testing.T) {
	page := report(t, full(t))
	for _, want := range []string{
		"bit for bit", "from 75.00 % to 25.00 %", "<td>original</td><td>3</td><td>4</td><td>75.00 %</td>", "<td>1.500</td></tr>", "11 of 61,706", "1,234,567", "ab0000", "1.50 s",
		"&lt;script&gt;x.onnx", "2026-01-02 03:04 UTC", `width="360.0"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if bad := regexp.MustCompile(`https?:|src=|href=|url\(|@import|<script|ZgotmplZ|NaN`).FindAllString(page, -1); bad != nil {
		t.Errorf("the page holds %q", bad)
	}
}

func TestWriteHTMLParts(t *testing.T) {
	r := full(t)
	r.Unlocked, r.BitExact, r.Tampered = nil, false, true
	if page := report(t, r); !strings.Contains(page, "not the one the key was made for") || strings.Contains(page, ">unlocked<") {
		t.Error("a tampered model is not reported as such")
	}
	r = full(t)
	r.BitExact = false
	if page := report(t, r); !strings.Contains(page, "the original given is another one") {
		t.Error("another original is not reported as such")
	}
	page := report(t, verify.Report{Tool: "advparams test"})
	for _, part := range []string{"<svg", "Class by class", "Files", "Time", "0001"} {
		if strings.Contains(page, part) {
			t.Errorf("a report of nothing has a part %q", part)
		}
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 61706: "61,706", 1234567: "1,234,567", -123: "-123", -1234: "-1,234"} {
		if got := verify.Thousands(n); got != want {
			t.Errorf("Thousands(%d) = %q, want %q", n, got, want)
		}
	}
}

// TestReportOfTask: the page shows the metrics of the task.
func TestReportOfTask(t *testing.T) {
	metrics := func(r2 float64) *task.Score {
		return &task.Score{
			Quality: r2, Luck: 0.05,
			Metrics: []task.Metric{{Name: "R²", Value: r2}, {Name: "RMSE", Value: 1 - r2, Useless: 1, Lower: true}},
		}
	}
	page := report(t, verify.Report{Tool: "advparams test", Task: "regression", Samples: 7, Original: metrics(0.9), Locked: metrics(-3)})
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
