package ci

import (
	"debug/buildinfo"
	"debug/elf"
	"os"
	"strings"
	"testing"
)

// TestStatic checks the program that `make build` has made: no loader, no libraries, and
// no paths of the machine that it was built on.
func TestStatic(t *testing.T) {
	path := os.Getenv("ADVPARAMS_BINARY")
	if path == "" {
		t.Skip("ADVPARAMS_BINARY does not name a program; .ci/run does")
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the program needs a loader")
		}
	}
	if libraries, _ := f.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("the program needs %q", libraries)
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if settings["CGO_ENABLED"] != "0" || settings["-trimpath"] != "true" {
		t.Errorf("built with CGO_ENABLED=%q, -trimpath=%q", settings["CGO_ENABLED"], settings["-trimpath"])
	}
}

// TestBuildIsStatic reads what `make build` does, without doing it.
func TestBuildIsStatic(t *testing.T) {
	text, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, "$(GO) build -") && strings.Contains(line, "bin/advparams") {
			found++
			if !strings.Contains(line, "CGO_ENABLED=0 $(GO) build -trimpath ") {
				t.Errorf("not static: %s", line)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d programs are built, want 2", found)
	}
}
