package batch

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/advparams/advparams"
)

// put writes a file below dir and returns its path.
func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsAndOverrides(t *testing.T) {
	m, err := parse("/x/m.yaml", []byte(`version: 1
defaults:
  data: {path: images, mean: [0.5], std: [0.25, 1.5, 2], limit: 100, task: regression}
  seal: {recipients_files: [team.txt]}
  samples: 500
  target_accuracy: 0.2
  exclude: ["*.bias"]
  timeout: 1h30m
  memory: 2GiB
models:
  - a.onnx
  - path: b.onnx
    data: {limit: 7, labels: model, task: language, output: logits}
    seal: {plain: true}
    samples: 0
    exclude: []
    target_accuracy: chance
    steps: [verify, protect]
    report: ""
`))
	if err != nil {
		t.Fatal(err)
	}
	a, b := m.entries[0], m.entries[1]
	if got := a.Data; !cmp.Equal(got, Data{Path: "images", Limit: 100, Preprocess: advparams.Preprocess{Mean: []float32{0.5}, Std: []float32{0.25, 1.5, 2}}, Task: "regression"}) {
		t.Errorf("data of a: %+v", got)
	}
	if got := b.Data; !cmp.Equal(got, Data{Path: "images", Limit: 7, Preprocess: advparams.Preprocess{Mean: []float32{0.5}, Std: []float32{0.25, 1.5, 2}}, Labels: "model", Task: "language", Output: "logits"}) {
		t.Errorf("data of b: %+v", got)
	}
	if *a.Samples != 500 || *b.Samples != 0 || a.TargetAccuracy != 0.2 || b.TargetAccuracy != 0 {
		t.Errorf("samples and targets: %v %v %v %v", *a.Samples, *b.Samples, a.TargetAccuracy, b.TargetAccuracy)
	}
	if len(a.Seal.RecipientsFiles) != 1 || a.Seal.Plain || len(b.Seal.RecipientsFiles) != 0 || !b.Seal.Plain {
		t.Errorf("a seal replaces the usual one as a whole: %+v %+v", a.Seal, b.Seal)
	}
	if len(a.Exclude) != 1 || len(b.Exclude) != 0 || *b.Report != "" || a.Report != nil {
		t.Errorf("lists and reports: %q %q %v %v", a.Exclude, b.Exclude, b.Report, a.Report)
	}
	if time.Duration(a.Timeout) != 90*time.Minute || a.Memory != 2<<30 || a.line != 11 || b.line != 12 {
		t.Errorf("timeout %v, memory %d, lines %d %d", a.Timeout, a.Memory, a.line, b.line)
	}
}

func TestMistakesHaveLines(t *testing.T) {
	const head = "version: 1\ndefaults:\n  data: {path: d}\n  seal: {plain: true}\n"
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "it is empty"},
		{"comment only", "# nothing\n", "it is empty"},
		{"no YAML", "version: 1\nmodels: [a\n", "did not find expected"},
		{"a list", "- a\n", "line 1: the manifest: got array, want object"},
		{"version", "version: 2\nmodels: [a]\n", "line 1: version: value must be 1"},
		{"no models", head, "line 1: models is missing"},
		{"models empty", head + "models: []\n", "line 5: models: minItems"},
		{"unknown at the top", head + "models: [a]\nworkers: 3\n", `line 6: there is no option "workers"`},
		{"unknown in a model", head + "models:\n- path: a\n  sampels: 3\n", `line 7: there is no option "sampels" in models.0`},
		{"unknown in defaults", "version: 1\ndefaults:\n  datum: x\nmodels: [a]\n", `line 3: there is no option "datum" in defaults`},
		{"unknown in data", head + "models:\n- path: a\n  data:\n    pth: x\n", `line 8: there is no option "pth" in models.0.data`},
		{"no path", head + "models:\n- samples: 3\n", "line 6: path is missing in models.0"},
		{"wrong type", head + "models:\n- path: a\n  samples: many\n", "line 7: models.0.samples: got string, want integer"},
		{"negative", head + "models:\n- path: a\n  samples: -1\n", "line 7: models.0.samples: minimum"},
		{"step", head + "models:\n- path: a\n  steps: [forget]\n", "line 7: models.0.steps.0: value must be one of 'protect', 'verify', 'attack'"},
		{"attack with the model's labels", head + "models:\n- path: a\n  steps: [attack]\n  data: {labels: model}\n", `line 6: "a": labels: model is of no use to attack`},
		{"attack on its own data", head + "models:\n- path: a\n  steps: [attack]\n  data: {path: x.npz}\n", `line 6: "a": attack would train and measure on the same samples`},
		{"attack with a key that nothing opens", "version: 1\nmodels:\n- path: a\n  data: {path: d}\n  steps: [attack]\n  attack: {key: true}\n", `line 3: "a": attack.key needs the key`},
		{"unknown in attack", head + "models:\n- path: a\n  attack: {epoch: 3}\n", `line 7: there is no option "epoch" in models.0.attack`},
		{"target", head + "models:\n- path: a\n  target_accuracy: 1.5\n", "line 7: models.0.target_accuracy"},
		{"share", head + "models:\n- path: a\n  share: 250%\n", "line 7: 250% is not a share"},
		{"timeout", head + "models:\n- path: a\n  timeout: soon\n", "line 7: models.0.timeout"},
		{"timeout 0", head + "models:\n- path: a\n  timeout: 0s\n", "0s is not more than 0"},
		{"memory", head + "models:\n- path: a\n  memory: 4GB\n", "line 7: models.0.memory"},
		{"not a number", head + "models:\n- path: a\n  data: {mean: [.nan]}\n", "line 7: .nan is not a number"},
		{"twice", head + "models:\n- path: a\n  samples: 1\n  samples: 2\n", `line 8: "samples" is given twice`},
		{"alias", "version: 1\ndefaults: &d {data: {path: d}}\nmodels: [a]\n", "line 2: anchors and aliases"},
		{"key is a list", "version: 1\n[a]: 1\n", "line 2: a key has to be a name"},
		{"two documents", head + "models: [a]\n---\nversion: 1\n", "more than one document"},
		{"two mistakes", "version: 1\ndefaults:\n  x: 1\nmodels:\n- path: a\n  y: 2\n", `line 3: there is no option "x" in defaults; line 6: there is no option "y"`},
		{"no data", "version: 1\ndefaults: {seal: {plain: true}}\nmodels: [a]\n", `line 3: "a": it has no data`},
		{"no seal", "version: 1\ndefaults: {data: {path: d}}\nmodels: [a]\n", `line 3: "a": nobody to seal the key for`},
		{"two seals", head + "models:\n- path: a\n  seal: {plain: true, passphrase: true}\n", "exclude one another"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := put(t, t.TempDir(), "m.yaml", c.text)
			_, err := Load(path)
			if err == nil || !strings.Contains(err.Error(), c.want) || !errors.Is(err, ErrManifest) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// TestSchemaMatchesTypes compares the options in the schema with the fields of the
// types that they are decoded into.
func TestSchemaMatchesTypes(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(Schema, &doc); err != nil {
		t.Fatal(err)
	}
	at := func(keys ...string) []string {
		v := any(doc)
		for _, k := range keys {
			v = v.(map[string]any)[k]
		}
		var names []string
		for name := range v.(map[string]any) {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	options := []string{"$defs", "options", "properties"}
	for _, c := range []struct {
		value any
		names []string
	}{
		{Options{}, at(options...)},
		{Seal{}, at(append(options, "seal", "properties")...)},
		{Verify{}, at(append(options, "verify", "properties")...)},
		{Attack{}, at(append(options, "attack", "properties")...)},
		{Test{}, at(append(options, "attack", "properties", "test", "properties")...)},
		{Data{}, at("$defs", "data", "properties")},
	} {
		fields := fieldsOf(reflect.TypeOf(c.value))
		slices.Sort(fields)
		if diff := cmp.Diff(fields, c.names); diff != "" {
			t.Errorf("fields of %T and schema differ:\n%s", c.value, diff)
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add("version: 1\ndefaults: {data: {path: d}, seal: {plain: true}}\nmodels: [a.onnx, {path: '*.onnx', except: [b*]}]\n")
	f.Add("{\"version\": 1, \"models\": [\"a\"]}")
	f.Add("a: &a [*a]")
	f.Add("? [x]\n: <<: {}")
	f.Add("version: !!binary aGk=\nmodels: 2001-01-01")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := parse("/x/m.yaml", []byte(text))
		if (m == nil) == (err == nil) {
			t.Errorf("manifest %v, error %v", m, err)
		}
	})
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"1": 1, "512MiB": 512 << 20, "4GiB": 4 << 30, "1TiB": 1 << 40} {
		if got, err := ParseSize(text); got != want || err != nil {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "4GB", "GiB", "9999999999TiB", "1.5GiB"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("%q: %d without an error", text, got)
		}
	}
}

// fieldsOf returns the names of a type's fields in YAML.
func fieldsOf(t reflect.Type) (names []string) {
	for f := range t.Fields() {
		switch name := f.Tag.Get("yaml"); name {
		case "-":
		case ",inline":
			names = append(names, fieldsOf(f.Type)...)
		default:
			names = append(names, name)
		}
	}
	return names
}
