// Package ci tests the scripts of continuous integration.
package ci

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestVuln runs .ci/vuln with stand-ins for govulncheck and go. Only the status
// that govulncheck has for vulnerabilities in called code makes it fail.
func TestVuln(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("no bash")
	}
	for _, c := range []struct {
		name          string
		root          int // exit status of govulncheck in the root module
		storage       int // and in the module storage
		fails         bool
		says          string
		uninstallable bool // go cannot install govulncheck
	}{
		{name: "nothing found"},
		{name: "called in the root module", root: 3, fails: true, says: "called in module ."},
		{name: "called in storage", storage: 3, fails: true, says: "called in module storage"},
		{name: "called in storage, root unknown", root: 1, storage: 3, fails: true, says: "called in module storage"},
		{name: "no database", root: 1, storage: 1, says: "skipped: govulncheck could not check module ."},
		{name: "wrong usage", root: 2, says: "skipped: govulncheck could not check module . (exit status 2)"},
		{name: "cannot be installed", uninstallable: true, says: "skipped: govulncheck could not be installed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			fake := script(t, dir, "govulncheck", fmt.Sprintf(`[ "$2" = storage ] && exit %d; exit %d`, c.storage, c.root))
			cmd := exec.Command(bash, filepath.Join("..", "..", ".ci", "vuln"))
			cmd.Env = append(os.Environ(), "GOVULNCHECK="+fake)
			if c.uninstallable {
				cmd.Env = append(os.Environ(), "GOVULNCHECK=", "GO="+script(t, dir, "go", "exit 1"))
			}
			out, err := cmd.CombinedOutput()
			if failed := err != nil; failed != c.fails {
				t.Errorf("failed: %t (%v), want %t\n%s", failed, err, c.fails, out)
			}
			if exit := (*exec.ExitError)(nil); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
				t.Errorf("ended with %v, want exit status 1", err)
			}
			if !strings.Contains(string(out), c.says) {
				t.Errorf("said\n%s\nwithout %q", out, c.says)
			}
		})
	}
}

func script(t *testing.T, dir, name, body string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
