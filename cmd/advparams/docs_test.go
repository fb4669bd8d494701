package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestReference compares docs/cli.md with what the commands say of themselves.
func TestReference(t *testing.T) {
	path := filepath.Join("..", "..", "docs", "cli.md")
	want := reference(newRoot(&app{}))
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, []byte(want)) {
		t.Errorf("docs/cli.md is not current, run go test ./cmd/advparams -update:\n%s", cmp.Diff(string(have), want))
	}
}

// TestHelp makes sure that every command explains itself and shows an example.
func TestHelp(t *testing.T) {
	for _, cmd := range newRoot(&app{}).Commands() {
		if cmd.Hidden {
			continue
		}
		if cmd.Short == "" || cmd.Example == "" || cmd.ValidArgsFunction == nil {
			t.Errorf("%s lacks a short text, an example or completion", cmd.Name())
		}
	}
}
