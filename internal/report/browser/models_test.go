package browser

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/models"
)

// made is a report, with the result that the command prints as JSON.
type made struct {
	name, path string
	result     []byte
}

// reports locks, verifies and attacks models in a folder, and returns what it reported.
func reports(t *testing.T, dir string) []made {
	t.Helper()
	heads, err := filepath.Abs("../../../testdata/heads")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	if err := models.Install(".", false); err != nil {
		t.Fatal(err)
	}
	var list []made
	add := func(name string, result any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := json.Marshal(result)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, made{name, filepath.Join(dir, name+".html"), text})
	}
	verify := func(name, original string, data advparams.Data) {
		t.Helper()
		v, err := advparams.Verify(t.Context(), advparams.VerifyOptions{Original: original, Locked: name + ".onnx", Key: advparams.KeyFile{Path: name + ".key"}, Data: data, Report: name + ".html"})
		add(name, v, err)
	}
	protect := func(name, original string, data advparams.Data) advparams.ProtectOptions {
		return advparams.ProtectOptions{Model: original, Data: data, Locked: name + ".onnx", Key: name + ".key", PlainKey: true}
	}

	glyphs := advparams.Data{Path: models.DataFolder, Limit: 800}
	opt := protect("lock", models.ModelFile, glyphs)
	opt.Report = "lock.html"
	p, err := advparams.Protect(t.Context(), opt)
	add("lock", p, err)

	opt = protect("classifier", models.ModelFile, advparams.Data{Path: models.DataFolder}) // as the demo does
	if _, err := advparams.Protect(t.Context(), opt); err != nil {
		t.Fatal(err)
	}
	verify("classifier", models.ModelFile, advparams.Data{Path: models.DataFolder})

	opt = protect("sealed", models.ModelFile, glyphs)
	opt.Profile, opt.Report = advparams.Sealed, "sealed.html"
	p, err = advparams.Protect(t.Context(), opt)
	add("sealed", p, err)

	shapes := filepath.Join(heads, "shapes.onnx")
	data := advparams.Data{Path: filepath.Join(heads, "shapes.npz")}
	if _, err := advparams.Protect(t.Context(), protect("detector", shapes, data)); err != nil {
		t.Fatal(err)
	}
	verify("detector", shapes, data)

	writeText(t)
	text := advparams.Data{Path: "text.npz", Vocabulary: "vocabulary.txt"}
	if _, err := advparams.Protect(t.Context(), protect("text", "bigrams.onnx", text)); err != nil {
		t.Fatal(err)
	}
	verify("text", "bigrams.onnx", text)

	for _, name := range []string{"lines", "denoise", "tags", "events", "encoder"} {
		original := filepath.Join(heads, name+".onnx")
		data := advparams.Data{Path: filepath.Join(heads, name+".npz")}
		if _, err := advparams.Protect(t.Context(), protect(name, original, data)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		verify(name, original, data)
	}
	for _, write := range []func(*testing.T) (name string){writeMasks, writePictures, writeSeries} {
		name := write(t)
		data := advparams.Data{Path: name + ".npz"}
		opt := protect(name, name+"-original.onnx", data)
		if name != "masks" { // linear models, of which a few changes leave much
			opt.Profile = advparams.Sealed
		}
		if _, err := advparams.Protect(t.Context(), opt); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		verify(name, name+"-original.onnx", data)
	}

	a, err := advparams.Attack(t.Context(), advparams.AttackOptions{
		Locked: "lock.onnx", Key: advparams.KeyFile{Path: "lock.key"}, Data: advparams.Data{Path: models.DataFolder, Limit: 400}, Test: advparams.Data{Path: models.DataFolder, Limit: 200},
		Fraction: 0.5, Curve: true, Epochs: 1, Attacks: []string{"fine-tune", "prune", "reset-outliers", "smooth"}, Grid: advparams.DefaultGrid()[:1], Report: "attack.html",
	})
	add("attack", a, err)
	f, err := os.Create("index.html")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := batch.WriteIndex(f, filepath.Join(dir, "index.html"), "zoo.yaml", zoo(dir), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	return append(list, made{"index", filepath.Join(dir, "index.html"), nil})
}

// zoo is the outcome of a batch with a lock of each kind.
func zoo(dir string) *batch.Summary {
	of := func(x float64) *float64 { return &x }
	exact := true
	verified := func(original, locked float64) *advparams.Verification {
		metric := advparams.MetricByModel{ByModel: advparams.ByModel{Original: &original, Locked: &locked}, Useless: 0.1}
		return &advparams.Verification{Accuracy: metric.ByModel, Metric: &metric, BitExact: &exact}
	}
	report := filepath.Join(dir, "classifier.html")
	return &batch.Summary{Shard: "1/1", Seconds: 812, Counts: map[batch.State]int{batch.Done: 3, batch.Unchanged: 1, batch.Failed: 1}, Models: []*batch.Result{
		{Model: "models/vision/resnet20.onnx", State: batch.Done, Bytes: 1 << 20, Work: 301.4, Report: report, AttackReport: report, Log: report, Verify: verified(0.8227, 0.1041), Attack: &advparams.AttackReport{Best: of(0.91), BestAttack: "repair", Advantage: of(0.802)}},
		{Model: "models/vision/lenet5.onnx", State: batch.Unchanged, Bytes: 250_000, Work: 62.1, Report: report, Verify: verified(0.9049, 0.1056), Attack: &advparams.AttackReport{Best: of(0.45), BestAttack: "fine-tune", Advantage: of(-0.012)}},
		{Model: "models/text/a-model-with-a-rather-long-name-that-has-to-be-broken.onnx", State: batch.Done, Bytes: 90 << 20, Work: 180, Report: report, Verify: verified(0.75, 0.55)},
		{Model: "models/sound/vad.onnx", State: batch.Done, Bytes: 5914, Work: 0.8, Report: report, Verify: verified(0.99, 0.11)},
		{Model: "models/trees/forest.onnx", State: batch.Failed, Status: 5, Bytes: 12_345, Work: 0.2, Log: report, Error: "models/trees/forest.onnx: TreeEnsembleClassifier has no gradient", Hint: "trees cannot be locked"},
	}}
}
