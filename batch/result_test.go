package batch

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/advparams/advparams"
)

func results() []*Result {
	of := func(x float64) *float64 { return &x }
	exact := true
	return []*Result{
		{Model: "a & b.onnx", State: Done, Bytes: 10, Report: "out/a#1 b.html", AttackReport: "out/a#1 b.attacks.html", Log: "out/a.log", Work: 12.5,
			Protect: &advparams.Protection{ParamsChanged: 7, ParamsTotal: 340, Accuracy: advparams.BeforeAndLocked{Before: of(0.75), Locked: of(0.5)}},
			Verify:  &advparams.Verification{Accuracy: advparams.ByModel{Original: of(0.9), Locked: of(0.1)}, BitExact: &exact},
			Attack:  &advparams.AttackReport{Best: of(0.6), BestAttack: "fine-tune", ScratchAccuracy: of(0.5), Advantage: of(0.1)}},
		{Model: "b.onnx", State: Unchanged, Protect: &advparams.Protection{Accuracy: advparams.BeforeAndLocked{Before: of(0.75)}}},
		{Model: "<c>.onnx", State: Failed, Status: 5, Error: "no <operator>", Hint: "do"},
	}
}

func TestOverallStatus(t *testing.T) {
	for _, c := range []struct {
		results []*Result
		want    int
	}{
		{nil, 0},
		{[]*Result{{State: Done}, {State: Unchanged}}, 0},
		{[]*Result{{State: Done}, {State: Failed, Status: 5}, {State: Failed, Status: 3}}, 3},
		{[]*Result{{State: Failed, Status: 5}, {State: Failed, Status: 1}}, 1},
		{[]*Result{{State: Failed, Status: 5}, {State: Interrupted, Status: 1}}, 1},
		{[]*Result{{State: Failed, Status: 5}, {State: Waiting, Status: 1}}, 1},
	} {
		if got := overall(c.results); got != c.want {
			t.Errorf("status %d, want %d", got, c.want)
		}
	}
}

func TestFigures(t *testing.T) {
	f := results()[0].Figures()
	if *f.Changed != 7 || *f.Total != 340 || *f.Original != 0.9 || *f.Locked != 0.1 || !*f.BitExact ||
		*f.BestAttack != 0.6 || *f.Scratch != 0.5 || *f.Advantage != 0.1 {
		t.Errorf("%+v", f)
	}
	if f = results()[1].Figures(); *f.Original != 0.75 || f.Locked != nil || f.BitExact != nil || f.Advantage != nil {
		t.Errorf("without verify: %+v", f)
	}
}

func TestWriteResults(t *testing.T) {
	var b bytes.Buffer
	if err := WriteResults(&b, results()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines", len(lines))
	}
	var r Result
	if err := json.Unmarshal([]byte(lines[2]), &r); err != nil || r.Status != 5 || r.Error != "no <operator>" {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestWriteIndex(t *testing.T) {
	var b bytes.Buffer
	if err := WriteIndex(&b, "pages/index.html", "zoo.yaml", summarise(results()), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"a &amp; b.onnx", `href="./../out/a%231%20b.html"`, "90.00 %", "10.00 %", "yes", "60.00 %", "&#43;10.00",
		"&lt;c&gt;.onnx", "no &lt;operator&gt;", "failed (5)", "1 done, 1 unchanged, 1 failed", "✗ undone by fine-tune: &#43;10.0 points",
		`href="./../out/a%231%20b.attacks.html"`, `data-sort="12.5">12.5<`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s is missing in\n%s", want, b.String())
		}
	}
}

func TestVerdict(t *testing.T) {
	of := func(x float64) *float64 { return &x }
	verified := func(locked float64) *advparams.Verification {
		return &advparams.Verification{Metric: &advparams.MetricByModel{ByModel: advparams.ByModel{Original: of(0.9), Locked: of(locked)}, Useless: 0.1}}
	}
	for _, c := range []struct {
		result     Result
		kind, text string
	}{
		{Result{State: Done, Verify: verified(0.5)}, "bad", "failed: 50 %"},
		{Result{State: Done, Verify: verified(0.11)}, "good", "not attacked"},
		{Result{State: Unchanged, Verify: verified(0.11), Attack: &advparams.AttackReport{BestAttack: "repair", Advantage: of(0.8)}}, "bad", "undone by repair: +80.0 points"},
		{Result{State: Done, Verify: verified(0.11), Attack: &advparams.AttackReport{Advantage: of(0.01)}}, "", "ahead by 1.0"},
		{Result{State: Done, Verify: verified(0.11), Attack: &advparams.AttackReport{Advantage: of(-0.01)}}, "good", "withstood"},
		{Result{State: Done, Attack: &advparams.AttackReport{}}, "", "not measured"},
		{Result{State: Failed, Verify: verified(0.5)}, "bad", "not locked"},
	} {
		if v := c.result.verdict(); v.Kind != c.kind || !strings.Contains(v.Text, c.text) {
			t.Errorf("%+v, want %s %q", v, c.kind, c.text)
		}
	}
}

func TestWriteMetrics(t *testing.T) {
	var b bytes.Buffer
	if err := WriteMetrics(&b, `a"b\c`, Shard{1, 3}, 5, results(), 1500*time.Millisecond, time.Unix(77, 0)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`advparams_batch_models{manifest="a\"b\\c",shard="2/3",state="waiting"} 2`,
		`state="done"} 1`, `advparams_batch_failures{manifest="a\"b\\c",shard="2/3",status="5"} 1`,
		`advparams_batch_duration_seconds{manifest="a\"b\\c",shard="2/3"} 1.500`,
		`advparams_batch_complete{manifest="a\"b\\c",shard="2/3"} 0`,
		`advparams_batch_attacked{manifest="a\"b\\c",shard="2/3"} 1`, `advparams_batch_withstood{manifest="a\"b\\c",shard="2/3"} 0`,
		`advparams_batch_advantage_max{manifest="a\"b\\c",shard="2/3"} 0.1000`, "# TYPE advparams_batch_models gauge",
	} {
		if !strings.Contains(b.String(), want+"\n") {
			t.Errorf("%s is missing in\n%s", want, b.String())
		}
	}
}

// TestPublication: metrics exist from the beginning, and all files at the end. Files that
// cannot be written are found before the run.
func TestPublication(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	p := Publication{Results: file("results.jsonl"), Index: file("index.html"), Metrics: file("batch.prom")}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	contains := func(name, part string) {
		t.Helper()
		if text, err := os.ReadFile(file(name)); err != nil || !strings.Contains(string(text), part) {
			t.Errorf("%s (%v) does not have %q:\n%s", name, err, part, text)
		}
	}
	if err := p.Begin("zoo.yaml", Shard{}, make([]*Job, 3)); err != nil {
		t.Fatal(err)
	}
	contains("batch.prom", `state="waiting"} 3`)
	for _, r := range results() {
		if err := p.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	contains("batch.prom", `state="waiting"} 3`) // it was written a moment ago
	if err := p.Finish(t.Context(), nil, "", summarise(results())); err != nil {
		t.Fatal(err)
	}
	contains("batch.prom", `state="waiting"} 0`)
	contains("results.jsonl", `"model":"b.onnx"`)
	contains("index.html", "zoo.yaml")

	// What can be written is, and all that cannot is named.
	missing := []string{file("no such folder/batch.prom"), file("no such folder/results.jsonl")}
	broken := Publication{Metrics: missing[0], Results: missing[1], Index: file("second.html")}
	err := broken.Finish(t.Context(), nil, "", summarise(results()))
	for _, path := range missing {
		if err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%v does not name %s", err, path)
		}
	}
	contains("second.html", "b.onnx")

	p.Index = file("no such folder/index.html")
	if err := p.Check(); err == nil {
		t.Error("a file in a folder that does not exist can be written")
	}
	p.Index = "s3://zoo/index.html"
	if err := p.Check(); err != nil || !p.Remote() {
		t.Errorf("an index in object storage: %v, remote: %v", err, p.Remote())
	}
}
