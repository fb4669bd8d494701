package clidoc

import (
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// Install writes the man pages of a command and its subcommands into dir/man/man1, and
// completion for shells into dir/completions. date is that of the pages.
func Install(root *cobra.Command, dir, version string, date time.Time) error {
	man, completions := filepath.Join(dir, "man", "man1"), filepath.Join(dir, "completions")
	for _, folder := range []string{man, completions} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	root.DisableAutoGenTag = true // which has the date of today
	header := &doc.GenManHeader{Section: "1", Date: &date, Source: root.Name() + " " + version, Manual: "User Commands"}
	if err := doc.GenManTree(root, header, man); err != nil {
		return err
	}
	name := root.Name()
	for file, write := range map[string]func(path string) error{
		name + ".bash": func(path string) error { return root.GenBashCompletionFileV2(path, true) },
		name + ".fish": func(path string) error { return root.GenFishCompletionFile(path, true) },
		name + ".ps1":  root.GenPowerShellCompletionFileWithDesc,
		"_" + name:     root.GenZshCompletionFile,
	} {
		if err := write(filepath.Join(completions, file)); err != nil {
			return err
		}
	}
	return nil
}
