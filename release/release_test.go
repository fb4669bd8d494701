package main

import (
	"debug/buildinfo"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"
)

func TestChoose(t *testing.T) {
	if all, err := choose(""); err != nil || len(all) != 6 {
		t.Errorf("%v, %v", all, err)
	}
	some, err := choose("darwin/arm64,linux/amd64")
	if err != nil || len(some) != 2 || some[0] != (target{"darwin", "arm64"}) {
		t.Errorf("%v, %v", some, err)
	}
	if _, err := choose("plan9/amd64"); err == nil || !strings.Contains(err.Error(), "plan9/amd64 is none of") {
		t.Error(err)
	}
}

// TestDefinitions writes everything but binaries and packages, for files that stand in.
func TestDefinitions(t *testing.T) {
	put := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r := &release{
		root: t.TempDir(), out: t.TempDir(), scratch: t.TempDir(), shared: t.TempDir(), version: "1.2.3", built: targets,
		date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		info: &buildinfo.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Path: "example.org/x", Version: "v1.2.3"}, Deps: []*debug.Module{{Path: "example.org/y", Version: "v2.0.0", Sum: "h1:abc"}}},
	}
	for _, name := range []string{"LICENSE", "README.md", "CHANGELOG.md", "THREAT-MODEL.md"} {
		put(filepath.Join(r.root, name), name)
	}
	put(filepath.Join(r.shared, "man", "man1", "advparams.1"), "page")
	for _, target := range targets {
		put(r.binary(target), target.String())
	}
	for _, step := range []func() error{r.archives, r.bill, r.formula, r.scoop, r.sums} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	read := func(name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	sum, err := digest(filepath.Join(r.out, "advparams_1.2.3_darwin_arm64.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if text := read("advparams.rb"); !strings.Contains(text, sum) || strings.Count(text, "sha256") != 4 {
		t.Errorf("formula:\n%s", text)
	}
	var manifest struct {
		Architecture map[string]struct {
			Hash   string `json:"hash"`
			Folder string `json:"extract_dir"`
		} `json:"architecture"`
	}
	if err := json.Unmarshal([]byte(read("advparams.json")), &manifest); err != nil {
		t.Fatal(err)
	}
	sum, err = digest(filepath.Join(r.out, "advparams_1.2.3_windows_amd64.zip"))
	if a := manifest.Architecture["64bit"]; err != nil || a.Hash != sum || a.Folder != "advparams_1.2.3_windows_amd64" {
		t.Errorf("%+v, %v", manifest, err)
	}
	if text := read("advparams_1.2.3.cdx.json"); !strings.Contains(text, "pkg:golang/example.org/y@v2.0.0") || !strings.Contains(text, "2026-01-02T03:04:05Z") {
		t.Errorf("bill of materials:\n%s", text)
	}
	if list := strings.Fields(read("SHA256SUMS")); len(list) != 2*9 {
		t.Errorf("sums of %d files: %v", len(list)/2, list)
	}
	// The same again.
	before := read("SHA256SUMS")
	r.out = t.TempDir()
	for _, step := range []func() error{r.archives, r.bill, r.formula, r.scoop, r.sums} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if again := read("SHA256SUMS"); again != before {
		t.Errorf("another run has other bytes:\n%s\n%s", before, again)
	}
}
