package verify

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// TestWorth: the table of THREAT-MODEL.md is that of reports.
func TestWorth(t *testing.T) {
	text, err := os.ReadFile("../THREAT-MODEL.md")
	if err != nil {
		t.Fatal(err)
	}
	var table [][3]string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) == 3 && !strings.Contains(line, "---") {
			table = append(table, [3]string{strings.TrimPrefix(cells[0], "| "), cells[1], strings.TrimSuffix(cells[2], " |")})
		}
	}
	minimal, sealed := Worth("minimal"), Worth("sealed")
	if len(table) != len(minimal)+1 || len(minimal) != len(sealed) {
		t.Fatalf("the table has %d rows, reports %d and %d", len(table)-1, len(minimal), len(sealed))
	}
	for i, row := range table[1:] {
		if got := [3]string{minimal[i].Holder, minimal[i].Gets, sealed[i].Gets}; got != row {
			t.Errorf("%q in reports, %q in THREAT-MODEL.md", got, row)
		}
	}
	if Worth("other") != nil {
		t.Error("an unknown profile is worth something")
	}
}

func TestWilson(t *testing.T) {
	for _, c := range []struct {
		p         float64
		n         int
		low, high float64
	}{{0.5, 100, 0.4038, 0.5962}, {0, 10, 0, 0.2775}, {1, 10, 0.7225, 1}, {0.3, 0, 0, 1}} {
		low, high := Wilson(c.p, c.n)
		if math.Abs(low-c.low) > 1e-4 || math.Abs(high-c.high) > 1e-4 {
			t.Errorf("%v of %d: %.4f to %.4f, want %.4f to %.4f", c.p, c.n, low, high, c.low, c.high)
		}
	}
}

func TestConfusion(t *testing.T) {
	before := pairs{}.add(nd.Of([]int64{0, 1, 2, -1}, 4), nd.Of([]int64{0, 1, 2, 2}, 4))
	after := pairs{}.add(nd.Of([]int64{0, 1, 2, 2}, 4), nd.Of([]int64{1, 1, 1, 0}, 4))
	c := confusion(before, after)
	if len(c.Locked) != 3 || !slices.Equal(c.Locked[2], []int{1, 1, 0}) || !slices.Equal(c.Original[2], []int{0, 0, 1}) {
		t.Errorf("%+v", c)
	}
	if want := (Mistake{Label: 0, Answer: 1, Count: 1}); len(c.Frequent) != 3 || c.Frequent[0] != want {
		t.Errorf("%+v", c.Frequent)
	}
	if (pairs{}).add(nd.Of([]float32{0.5}, 1), nd.Of([]float32{0.25}, 1)) != nil || confusion(nil, nil) != nil {
		t.Error("numbers are counted as classes")
	}
	if many := (pairs{}).add(nd.Of([]int64{100}, 1), nd.Of([]int64{3}, 1)); confusion(many, many).Locked != nil {
		t.Error("a matrix of 101 classes")
	}
}

func TestHistogram(t *testing.T) {
	before := []float32{0, 1, 2, 3, float32(math.NaN())}
	after := slices.Clone(before)
	var same, one Tensor
	same.compare(before, before)
	after[1] = 4
	one.compare(before, after)
	if same.Changed != 0 || same.Histogram != nil || one.Changed != 1 {
		t.Fatalf("%d and %d changed", same.Changed, one.Changed)
	}
	h := one.Histogram
	if h.Low != 0 || h.High != 4 || !slices.Equal(h.Values, []float64{4}) || h.Before[10] != 1 || h.Locked[10] != 0 || h.Locked[len(h.Locked)-1] != 1 {
		t.Errorf("%+v", h)
	}
	equal := Tensor{}
	equal.compare([]float32{5, 5}, []float32{5, float32(math.Inf(1))})
	if equal.Changed != 1 || !(equal.Histogram.High > equal.Histogram.Low) {
		t.Errorf("%+v", equal.Histogram)
	}
}

func TestExamples(t *testing.T) {
	r := &Runs{Task: task.Classification{}, Vocabulary: []string{"[PAD]", "un", "##lock", "the", "Ġcat"}}
	if s := r.text(unpadded([]int64{1, 2, 3, 4, 9, 0, 0})); s != "unlock the cat 9" {
		t.Errorf("tokens read %q", s)
	}
	tokens := map[string]nd.Array{"attention_mask": nd.Of([]int64{1, 1, 0}, 1, 3), "input_ids": nd.Of([]int64{3, 4, 0}, 1, 3)}
	if s := r.view(tokens, 0).Text; s != "the cat" {
		t.Errorf("a sample with a mask reads %q", s)
	}
	if got := answered([]int64{0, 2, 1, 0}, []float64{0, -1, 1, 0}); !slices.Equal(got, []int64{0, 1, 0}) {
		t.Errorf("answers %v", got)
	}
	if got := answered([]int64{2, 3, -1}, []float64{2, 3}); !slices.Equal(got, []int64{2, 3}) {
		t.Errorf("a text that was read: %v", got)
	}
	a := nd.Of([]float32{1, 10, 2, 10, 6, 10}, 3, 2)
	if got := apart(a, 2); math.Abs(got[0]-3) > 1e-12 || math.Abs(got[1]) > 1e-12 {
		t.Errorf("apart %v", got)
	}
	if got := apart(a.Rows(0, 2), 1); got[0] != 2 || got[1] != 10 {
		t.Errorf("of two samples %v", got)
	}
	if got := likeness([]float64{1, 0}, []float64{2, 0}); got != 1 {
		t.Errorf("likeness %v", got)
	}
	if got := likeness([]float64{0, 0}, []float64{2, 0}); got != 0 {
		t.Errorf("likeness of nothing %v", got)
	}
	if got := agreement([]float64{1, 2, 3}, []float64{1, 5, -1}); got != 0.5 {
		t.Errorf("agreement %v", got)
	}
	view := r.view(map[string]nd.Array{"x": nd.New(nd.Float32, 1, 3, 200, 100)}, 0)
	if view.Width != 100 || view.Height != 200 || len(view.Picture) == 0 {
		t.Errorf("a picture of %d×%d", view.Width, view.Height)
	}
	line := make([]float32, 5000)
	line[1234] = 9
	series := r.view(map[string]nd.Array{"x": nd.Of(line, 1, 1, 5000)}, 0).Series
	if len(series) != 1 || len(series[0]) > 300 || slices.Max(series[0]) != 9 {
		t.Errorf("%d lines", len(series))
	}
	found := boxes([]float32{2, 10, 20, 30, 60, 0.5, -1, 0, 0, 0, 0, 0}, View{Width: 100, Height: 200})
	if want := (Box{X: 0.1, Y: 0.1, Width: 0.2, Height: 0.2, Class: 2, Score: 0.5}); len(found) != 1 || math.Abs(found[0].Width-want.Width) > 1e-6 || found[0].X != float64(float32(0.1)) || found[0].Class != 2 {
		t.Errorf("%+v", found)
	}
}

func TestEvidenceJSON(t *testing.T) {
	text, err := json.Marshal(Evidence{Files: []File{{Role: "locked", SHA256: Digest{0xab}}}, Timings: []Timing{{"all", 1500 * time.Millisecond}}})
	if err != nil || !strings.Contains(string(text), `"sha256":"ab00`) || !strings.Contains(string(text), `"seconds":1.5`) {
		t.Errorf("%s, %v", text, err)
	}
	var back Evidence
	if err := json.Unmarshal(text, &back); err != nil || back.Files[0].SHA256 != (Digest{0xab}) || back.Timings[0].Duration != 1500*time.Millisecond {
		t.Errorf("%+v, %v", back, err)
	}
}

// TestTextAgreement: texts are compared as texts, not place by place.
func TestTextAgreement(t *testing.T) {
	for _, c := range []struct {
		answer, label []float64
		want          float64
	}{
		{[]float64{1, 2, 3, -1}, []float64{1, 2, 3, -1, -1}, 1},
		{[]float64{2, 3, 4, -1}, []float64{1, 2, 3, 4}, 0.75},
		{[]float64{1, 9, 3, 4}, []float64{1, 2, 3, 4}, 0.75},
		{nil, []float64{1, 2}, 0},
		{[]float64{5, 5, 5, 5, 5}, []float64{1}, 0},
		{nil, nil, 1},
	} {
		if got := textAgreement(c.answer, c.label); got != c.want {
			t.Errorf("%v for %v: %v, want %v", c.answer, c.label, got, c.want)
		}
	}
}

// TestConfusionOfNothing: answers that are none, as behind the end of a text, are not counted.
func TestConfusionOfNothing(t *testing.T) {
	truth, answers := nd.New(nd.Int64, 2, 2), nd.New(nd.Int64, 2, 2)
	copy(truth.Int64s(), []int64{0, 1, 1, -1})
	copy(answers.Int64s(), []int64{0, -1, 1, 1})
	counts := pairs{}.add(truth, answers)
	if c := confusion(counts, counts); len(c.Locked) != 2 || c.Locked[0][0] != 1 || c.Locked[1][1] != 1 || len(counts) != 2 {
		t.Errorf("%v, %+v", counts, c)
	}
}
