package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/advparams/advparams/internal/clidoc"
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
		if cmd.Hidden || cmd.IsAdditionalHelpTopicCommand() {
			continue
		}
		if cmd.Short == "" || cmd.Example == "" || cmd.ValidArgsFunction == nil {
			t.Errorf("%s lacks a short text, an example or completion", cmd.Name())
		}
	}
}

// TestHelpFits: help is no wider than a terminal, in any command.
func TestHelpFits(t *testing.T) {
	for _, cmd := range append(newRoot(&app{}).Commands(), newRoot(&app{})) {
		if !cmd.IsAvailableCommand() && cmd.HasParent() {
			continue
		}
		var b strings.Builder
		clidoc.Help(&b, cmd, 80)
		for line := range strings.Lines(b.String()) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", cmd.Name(), n, line)
			}
		}
		if cmd.Example == "" {
			t.Errorf("%s has no example", cmd.Name())
		}
	}
}

// TestExamples: the help of every command has examples, which call that command.
func TestExamples(t *testing.T) {
	for _, cmd := range newRoot(&app{}).Commands() {
		if cmd.Hidden || !cmd.IsAvailableCommand() || cmd.Name() == "help" || cmd.Name() == "completion" {
			continue
		}
		if !strings.Contains(cmd.Example, "advparams "+cmd.Name()) {
			t.Errorf("%s has no example", cmd.Name())
		}
	}
}
