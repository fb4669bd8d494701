package attack

import (
	"math"
	"strings"
	"testing"
)

// TestPage: every figure is there, names cannot write markup, and nothing is loaded.
func TestPage(t *testing.T) {
	of := func(x float64) *float64 { return &x }
	r := &Report{
		Task: "classification", Locked: 0.1034, Samples: Samples{Train: 540, Validation: 60, Test: 5000}, Changed: 61000, WrongSigns: 30500,
		Attacks: []Result{
			{Name: "fine-tune", Accuracy: 0.7022, Validation: 0.71, Setting: "all <weights>", Control: &Result{Accuracy: 0.6911}},
			{Name: "partial-key", Accuracy: 0.9, Setting: "half", Insider: true},
		},
		Scratch: &Result{Accuracy: 0.7916, Setting: "small"}, ScratchAccuracy: of(0.7916), Best: of(0.7022), BestAttack: "fine-tune",
		Zero: &ZeroLine{From: Scratch, Accuracy: 0.7916}, Advantage: of(-0.0894), Unfinished: []string{"repair"},
		Detectors: []Detector{{"|gradient|", 0.502, 0.499}},
		Curve: []Point{
			{Fraction: 0.001, Samples: 60, Best: of(0.5111), Zero: of(0.5222), Advantage: of(-0.0111), BestAttack: "fine-tune"},
			{Fraction: 0.01, Samples: 600, Best: of(0.7022), Zero: of(0.7916), Advantage: of(-0.0894), BestAttack: "fine-tune"},
		},
	}
	var b strings.Builder
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"70.22 %", "69.11 %", "79.16 %", "10.34 %", "-8.94 points", "✓ no attack", "all &lt;weights&gt;", "not counted", "Not finished in time: repair",
		"0.1 %", "51.11 %", "0.502", "of wrong sign", "30,500", "540 samples", "5,000 other", "<polyline", "68.9 to 71.5",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing", want)
		}
	}
	for _, no := range []string{"http:", "https:", "<script", "<weights>", "ZgotmplZ", "NaN"} {
		if strings.Contains(b.String(), no) {
			t.Errorf("there is %q", no)
		}
	}
	b.Reset()
	if err := (&Report{}).WriteHTML(&b); err != nil || !strings.Contains(b.String(), "no verdict") {
		t.Errorf("nothing finished: %v", err)
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct{ p, n, low, high float64 }{{0.5, 100, 0.4038, 0.5962}, {0, 10, 0, 0.2775}, {1, 10, 0.7225, 1}} {
		if low, high := wilson(c.p, c.n); math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("%v of %v: %v to %v", c.p, c.n, low, high)
		}
	}
}
