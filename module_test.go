package advparams_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program protects, verifies and unlocks a model in another module.
const program = `package main

import (
	"context"
	"fmt"

	"filippo.io/age"

	"github.com/advparams/advparams"
)

func main() {
	ctx, id, data := context.Background(), must(age.GenerateX25519Identity()), advparams.Data{Path: "data"}
	key := advparams.KeyFile{Path: "model.key", Identities: []age.Identity{id}}
	p := must(advparams.Protect(ctx, advparams.ProtectOptions{Model: "glyphs.onnx", Data: data, Locked: "locked.onnx",
		Key: key.Path, Recipients: []age.Recipient{id.Recipient()}}))
	v := must(advparams.Verify(ctx, advparams.VerifyOptions{Locked: p.Locked, Key: key, Data: data}))
	u := must(advparams.Unlock(ctx, advparams.UnlockOptions{Locked: p.Locked, Key: key, Out: "unlocked.onnx"}))
	fmt.Println(p.ParamsChanged, *v.Accuracy.Locked < 0.1, *v.Accuracy.Unlocked > 0.95, u.SHA256 == p.SHA256.Original)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
`

// TestModule builds and runs a program of ten lines in a module of its own.
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
	if err != nil || strings.TrimSpace(string(out)) != "2 true true true" {
		t.Errorf("%v: %s", err, out)
	}
}
