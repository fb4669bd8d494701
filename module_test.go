package advparams_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/advparams/advparams/dataset"
)

// program protects, verifies and unlocks models in another module.
const program = `package main

import (
	"context"
	"fmt"

	"filippo.io/age"

	"github.com/advparams/advparams"
)

func lock(model, path string) {
	ctx, id, data := context.Background(), must(age.GenerateX25519Identity()), advparams.Data{Path: path, Limit: 500}
	key := advparams.KeyFile{Path: model + ".key", Identities: []age.Identity{id}}
	p := must(advparams.Protect(ctx, advparams.ProtectOptions{Model: model + ".onnx", Data: data, Locked: "locked-" + model + ".onnx",
		Key: key.Path, Recipients: []age.Recipient{id.Recipient()}}))
	v := must(advparams.Verify(ctx, advparams.VerifyOptions{Original: p.Model, Locked: p.Locked, Key: key, Data: data}))
	u := must(advparams.Unlock(ctx, advparams.UnlockOptions{Locked: p.Locked, Key: key, Out: "unlocked-" + model + ".onnx"}))
	fmt.Println(p.Task, v.Metric.Name, *v.Metric.Original, *v.Metric.Locked, *v.BitExact && u.SHA256 == p.SHA256.Original)
}

func main() {
	lock("glyphs", "data")
	lock("text", "text.npz")
	lock("sum", "sum.npz")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
`

// TestModule builds and runs a program in a module of its own. Its ten lines lock an image
// classifier, a text model and a regression.
func TestModule(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a program")
	}
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := writeDemo(dir); err != nil {
		t.Fatal(err)
	}
	if err := writeTextModel(filepath.Join(dir, "text.onnx")); err != nil {
		t.Fatal(err)
	}
	text, err := texts(300)
	if err != nil {
		t.Fatal(err)
	}
	writeSamples(t, filepath.Join(dir, "text.npz"), text)
	if err := writeRegression(filepath.Join(dir, "sum.onnx")); err != nil {
		t.Fatal(err)
	}
	numbers, err := measurements(300)
	if err != nil {
		t.Fatal(err)
	}
	writeSamples(t, filepath.Join(dir, "sum.npz"), numbers)
	// The same requirements, so that nothing has to be looked up.
	requirements := regexp.MustCompile(`(?m)^module .*$`).ReplaceAllString(string(read(t, "go.mod")), "module example.com/tenlines")
	requirements += "\nrequire github.com/advparams/advparams v0.0.0\n\nreplace github.com/advparams/advparams => " + root + "\n"
	for name, text := range map[string]string{"go.mod": requirements, "go.sum": string(read(t, "go.sum")), "main.go": program} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "run", "-mod=mod", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off", "GOWORK=off")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	lines := bytes.NewReader(out)
	for _, want := range []struct {
		task, metric string
		good         func(original, locked float64) bool
	}{
		{"classification", "accuracy", func(original, locked float64) bool { return original > 0.95 && locked < 0.1 }},
		{"language", "perplexity", func(original, locked float64) bool { return original < 2.5 && locked > letters-1 }},
		{"regression", "R²", func(original, locked float64) bool { return original > 0.8 && locked < 0.1 }},
	} {
		var task, metric string
		var original, locked float64
		var same bool
		if _, err := fmt.Fscanln(lines, &task, &metric, &original, &locked, &same); err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if task != want.task || metric != want.metric || !want.good(original, locked) || !same {
			t.Errorf("%s: %s %g, locked %g, the same bytes: %v", task, metric, original, locked, same)
		}
	}
}

// writeSamples writes all samples of a set to an .npz file, with the truth as labels.
func writeSamples(t *testing.T, path string, set *dataset.Set) {
	t.Helper()
	inputs, err := set.Batch(0, set.Len())
	if err != nil {
		t.Fatal(err)
	}
	var arrays []dataset.Named
	for name, array := range inputs {
		arrays = append(arrays, dataset.Named{Name: name, Array: array})
	}
	if truth := set.Truth(0, set.Len()); truth.Data != nil {
		arrays = append(arrays, dataset.Named{Name: "labels", Array: truth})
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := dataset.WriteNPZ(f, arrays); err != nil {
		t.Fatal(err)
	}
}
