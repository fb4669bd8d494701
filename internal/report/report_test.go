package report

import (
	"encoding/json"
	"fmt"
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams/verify"
	"github.com/advparams/advparams/verify/attack"
)

func of[T any](x T) *T { return &x }

// result is what a command prints, with evidence.
type result struct {
	Changed  int              `json:"params_changed"`
	Total    int              `json:"params_total"`
	KeyBytes int              `json:"key_bytes"`
	BitExact *bool            `json:"bit_exact"`
	Tampered *bool            `json:"tampered"`
	Evidence *verify.Evidence `json:"evidence"`
}

// classifier returns evidence of a lock of a classifier with names that try to write markup.
func classifier() *verify.Evidence {
	original := verify.Measured{Name: "original", Metrics: []verify.Figure{{Name: "accuracy", Value: 0.9717, Low: of(0.966), High: of(0.976), Useless: 0.0625, Better: "higher", Share: true}, {Name: "information", Value: 3.77, Better: "higher", Unit: "bits"}}, Quality: 0.9717, Chance: 0.0625}
	locked := original
	locked.Name, locked.Quality = "locked", 0.0703
	locked.Metrics = []verify.Figure{{Name: "accuracy", Value: 0.0703, Low: of(0.063), High: of(0.079), Useless: 0.0625, Better: "higher", Share: true}, {Name: "information", Value: 0.055, Better: "higher", Unit: "bits"}}
	return &verify.Evidence{
		Tool: "advparams test", Created: time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC),
		Machine:  verify.Machine{System: "linux/amd64", CPU: "A <b>CPU</b>", Threads: 2, Kernel: "avx2"},
		Files:    []verify.File{{Role: "original", Name: "<script>x.onnx", Size: 1234567, SHA256: verify.Digest{0xab}}},
		Settings: []verify.Setting{{Name: "data", Value: "<i>data</i>"}}, Timings: []verify.Timing{{Step: "all", Duration: 1500 * time.Millisecond}},
		Profile: "minimal", Task: "classification", Data: "4,000 samples", Preprocessing: "scaled", Samples: 4000,
		Models:     []verify.Measured{original, locked},
		ClassNames: []string{"cat & dog", "<u>bird</u>"},
		Classes:    []verify.ClassResult{{Class: 0, Samples: 2000, Before: 0.9, Locked: 0.1, Answered: 0.2}, {Class: 1, Samples: 2000, Before: 1, Locked: 0.04, Answered: 0.8}},
		Confusion:  &verify.Confusion{Original: [][]int{{1800, 200}, {0, 2000}}, Locked: [][]int{{200, 1800}, {1920, 80}}, Frequent: []verify.Mistake{{Label: 1, Answer: 0, Count: 1920}, {Label: 0, Answer: 1, Count: 1800}}},
		Steps:      &verify.Steps{Order: "search", Metric: "accuracy", Share: true, Samples: 4000, Points: []verify.Step{{Changed: 0, Value: 0.9717}, {Changed: 1, Value: 0.28}, {Changed: 2, Value: 0.0703}}},
		Tensors: []verify.Tensor{
			{Name: "stem.weight", Operator: "Conv", Shape: []int{16, 1, 3, 3}, Elements: 144},
			{Name: "stem<bias>", Operator: "Conv", Shape: []int{16}, Elements: 16, Changed: 2, Histogram: &verify.Histogram{Low: -1, High: 2, Before: []int{1, 0, 13, 2}, Locked: []int{1, 0, 11, 4}, Values: []float64{1.5, 1.75}}},
		},
		Examples: []verify.Example{{Sample: 3, By: "class", Label: of(1.0), Original: of(1.0), Locked: 0, View: verify.View{Picture: []byte{1, 2, 3}, Width: 2, Height: 2}}},
		Worth:    verify.Worth("minimal"),
	}
}

func attacked() *attack.Report {
	return &attack.Report{
		Task: "classification", Locked: 0.1034, Samples: attack.Samples{Train: 540, Validation: 60, Test: 5000}, Changed: 61000, WrongSigns: 30500,
		Attacks: []attack.Result{
			{Name: "fine-tune", Accuracy: 0.7022, Validation: 0.71, Setting: "all <weights>", Control: &attack.Result{Accuracy: 0.6911}},
			{Name: "partial-key", Accuracy: 0.9, Setting: "half", Insider: true},
		},
		Scratch: &attack.Result{Accuracy: 0.7916, Setting: "small"}, ScratchAccuracy: of(0.7916), Best: of(0.7022), BestAttack: "fine-tune",
		Zero: &attack.ZeroLine{From: attack.Scratch, Accuracy: 0.7916}, Advantage: of(-0.0894), Unfinished: []string{"repair"},
		Detectors: []attack.Detector{{Name: "|gradient|", AUC: 0.502, Precision: 0.499}},
		Curve: []attack.Point{
			{Fraction: 0.001, Samples: 60, Best: of(0.5111), Zero: of(0.5222), Advantage: of(-0.0111), BestAttack: "fine-tune"},
			{Fraction: 0.01, Samples: 600, Best: of(0.7022), Zero: of(0.7916), Advantage: of(-0.0894), BestAttack: "fine-tune"},
		},
		Evidence: &verify.Evidence{Intervals: map[string]verify.Interval{"best": {Low: 0.6893, High: 0.7147}}, Settings: []verify.Setting{}, Files: []verify.File{}},
	}
}

func pages() map[string]Page {
	e := classifier()
	sealed := &verify.Evidence{Profile: "sealed", Worth: verify.Worth("sealed"), Tensors: classifier().Tensors[:1]}
	number := classifier()
	number.Classes, number.Confusion, number.Task = nil, nil, "regression"
	number.Models = []verify.Measured{{Name: "original", Metrics: []verify.Figure{{Name: "r²", Value: 0.98, Useless: 0}}}, {Name: "locked", Metrics: []verify.Figure{{Name: "r²", Value: -3.25}}}}
	number.Steps.Share = false
	number.Examples = []verify.Example{
		{By: "value", Label: of(1.5), Original: of(1.25), Locked: -7, View: verify.View{Features: []float64{1, 2}}},
		{By: "right", Original: of(0.75), View: verify.View{Text: "the <b>cat", Answered: [2]string{"cat sat", "of of"}}},
		{By: "objects", Original: of(2.0), View: verify.View{Picture: []byte{1}, Boxes: [2][]verify.Box{{{X: 0.1, Y: 0.2, Width: 0.3, Height: 0.4}}, {}}}},
		{By: "likeness", Original: of(1.0), Locked: 0.25, View: verify.View{Series: [][]float64{{1, 2, 1, 3}}}},
		{By: "right", Original: of(1.0), Locked: 0.5, View: verify.View{Picture: []byte{1}, Masks: [2][]byte{{1}, {2}}}},
	}
	a := attacked()
	none := &attack.Report{Evidence: &verify.Evidence{}}
	return map[string]Page{
		"lock":         {Kind: Lock, Result: result{Changed: 2, Total: 45200, KeyBytes: 420, Evidence: e}, Evidence: e},
		"sealed":       {Kind: Lock, Result: result{Changed: 45200, Total: 45200, KeyBytes: 2420, Evidence: sealed}, Evidence: sealed},
		"verification": {Kind: Verification, Result: result{BitExact: of(true), Tampered: of(false), Evidence: e}, Evidence: e},
		"regression":   {Kind: Verification, Result: result{Evidence: number}, Evidence: number},
		"attack":       {Kind: Attack, Result: a, Evidence: a.Evidence, Attacks: a},
		"nothing":      {Kind: Attack, Result: none, Evidence: none.Evidence, Attacks: none},
	}
}

func write(t *testing.T, p Page) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, p); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWrite(t *testing.T) {
	for name, want := range map[string][]string{
		"lock":         {"of <data", "Confidential", "as good as guesses", "cat &amp; dog", "&lt;u&gt;bird", "96.6", "stem&lt;bias&gt;", "1,234,567", "ab0000", "2026-01-02 03:04 UTC", "linux/amd64", "the model, in seconds", "✗ cat"},
		"sealed":       {"are encrypted", "not measured", "left with the architecture"},
		"verification": {"bit for bit", "✓ locked files match the key", "97.17\u00a0%", "7.03\u00a0%"},
		"regression":   {"no key given", "-3.250", "the &lt;b&gt;cat", "of of", "found", "likeness"},
		"attack":       {"70.22\u00a0%", "69.11\u00a0%", "79.16\u00a0%", "10.34\u00a0%", "-8.94</data> points", "✓ no attack", "all &lt;weights&gt;", "not counted", "Not finished in time", "0.502", "of wrong sign", "30,500", "68.9", "71.5"},
		"nothing":      {"No attack was finished", "no verdict"},
	} {
		page := write(t, pages()[name])
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: %q is missing", name, w)
			}
		}
		for _, no := range []string{"http:", "https:", "<script", "<weights>", "<bias>", "<i>data", "<b>CPU", "ZgotmplZ", "NaN", "%!"} {
			if strings.Contains(page, no) {
				t.Errorf("%s: there is %q", name, no)
			}
		}
		if strings.Count(page, "<svg role") != strings.Count(page, "<desc>") || strings.Count(page, "<main>") != 1 {
			t.Errorf("%s: charts without a description", name)
		}
	}
}

var (
	marked = regexp.MustCompile(`<data value="([^"]*)" data-json="([^"]*)" data-form="([^"]*)">([^<]*)</data>`)
	tags   = regexp.MustCompile(`(?s)<style>.*?</style>|<svg.*?</svg>|<title>.*?</title>|<[^>]*>`)
	other  = regexp.MustCompile(`(?s)<(span|td|th|dd|code|p|blockquote|h4)[^>]* ?class="[^"]*(name|static)[^"]*"[^>]*>.*?</(span|td|th|dd|code|p|blockquote|h4)>`)
)

// TestFigures: each number of a page is marked with where the result has it, and is that
// number. Text that is not marked has no digits, names and fixed words left out.
func TestFigures(t *testing.T) {
	for name, p := range pages() {
		page := write(t, p)
		text, err := json.Marshal(p.Result)
		if err != nil {
			t.Fatal(err)
		}
		var f figures
		if err := json.Unmarshal(text, &f.root); err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range marked.FindAllStringSubmatch(page, -1) {
			n++
			shown, err := strconv.ParseFloat(m[1], 64)
			if x, ok := f.at(m[2]).(float64); err != nil || !ok || x != shown {
				t.Errorf("%s: %s is %v in the result, and %s on the page", name, m[2], f.at(m[2]), m[1])
			}
			if s, err := format(m[3], shown); err != nil || !strings.HasPrefix(m[4], s) {
				t.Errorf("%s: %s reads %q, want %q", name, m[2], m[4], s)
			}
		}
		if n == 0 && name != "nothing" {
			t.Errorf("%s has no figures", name)
		}
		rest := html.UnescapeString(tags.ReplaceAllString(other.ReplaceAllString(marked.ReplaceAllString(page, ""), ""), " "))
		if i := strings.IndexAny(strings.ReplaceAll(rest, "r²", ""), "0123456789"); i >= 0 {
			t.Errorf("%s: a number without a source: …%s", name, strings.Join(strings.Fields(rest[max(0, i-60):min(len(rest), i+20)]), " "))
		}
	}
}

// TestMissingFigure: a page with a number that the result does not have is an error.
func TestMissingFigure(t *testing.T) {
	e := classifier()
	err := Write(&strings.Builder{}, Page{Kind: Lock, Result: map[string]any{"evidence": e}, Evidence: e})
	if err == nil || !strings.Contains(err.Error(), "params_changed") {
		t.Errorf("error %v", err)
	}
}

// TestRows: of many tensors, runs of unchanged ones are a row.
func TestRows(t *testing.T) {
	e := &verify.Evidence{}
	for i := range 100 {
		one := verify.Tensor{Name: fmt.Sprint("t", i), Elements: 10}
		if i == 30 || i == 31 {
			one.Changed = 1
		}
		e.Tensors = append(e.Tensors, one)
	}
	rows := (&view{Page: Page{Evidence: e}}).Rows()
	if len(rows) != 4 || rows[0].Skipped != 30 || rows[1].Name != "t30" || rows[3].Skipped != 68 || rows[3].Sum != 680 {
		t.Errorf("%+v", rows)
	}
}
