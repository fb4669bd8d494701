package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestOptionsAreFlags: what the root package calls an option has a flag, under the name
// that errors give it.
func TestOptionsAreFlags(t *testing.T) {
	// Operands, and options that the commands always set right.
	none := map[string]bool{"Model": true, "Path": true, "Secret": true, "Secrets": true}
	named := regexp.MustCompile(`optionf\("([A-Za-z.]+)"|Option: *"([A-Za-z.]+)"`)
	sources, err := filepath.Glob("../../*.go")
	if err != nil || len(sources) == 0 {
		t.Fatal("no sources", err)
	}
	root := newRoot(&app{})
	isFlag := func(flag string) bool {
		for _, cmd := range root.Commands() {
			if cmd.Flags().Lookup(flag) != nil {
				return true
			}
		}
		return false
	}
	found := 0
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			option := m[1] + m[2]
			found++
			if !none[option] && !isFlag(strings.TrimPrefix(flagOf(option), "--")) {
				t.Errorf("%s: %s is no flag", filepath.Base(source), flagOf(option))
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d options found", found)
	}
}
