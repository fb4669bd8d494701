package clidoc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestInstall(t *testing.T) {
	make := func() *cobra.Command {
		root := &cobra.Command{Use: "tool", Short: "A tool"}
		root.AddCommand(&cobra.Command{Use: "cut FILE", Short: "Cut a file", Long: "Cut a file.\n\n  a  one\n", Run: func(*cobra.Command, []string) {}})
		root.AddCommand(&cobra.Command{Use: "secret", Hidden: true, Run: func(*cobra.Command, []string) {}})
		root.AddCommand(&cobra.Command{Use: "topic", Short: "A topic", Long: "Of a topic."})
		return root
	}
	date := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, two} {
		if err := Install(make(), dir, "v1", date); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		"man/man1/tool.1": "tool v1", "man/man1/tool-cut.1": "Cut a file", "completions/tool.bash": "bash", "completions/tool.fish": "fish",
		"completions/_tool": "#compdef tool", "completions/tool.ps1": "powershell",
	} {
		a, err := os.ReadFile(filepath.Join(one, file))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(two, file))
		if string(a) != string(b) || !strings.Contains(string(a), want) {
			t.Errorf("%s differs between runs, or lacks %q", file, want)
		}
	}
	if page, _ := os.ReadFile(filepath.Join(one, "man/man1/tool.1")); !strings.Contains(string(page), "Mar 2026") {
		t.Errorf("the page has another date:\n%s", page)
	}
	if _, err := os.Stat(filepath.Join(one, "man/man1/tool-secret.1")); err == nil {
		t.Error("a page of a hidden command")
	}
}
