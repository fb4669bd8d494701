package clidoc

import (
	"testing"

	"github.com/spf13/cobra"
)

func TestMarkdown(t *testing.T) {
	root := &cobra.Command{Use: "tool", Long: "A tool for:\n  a  one\n  b  two\nand more."}
	root.PersistentFlags().Bool("quiet", false, "say nothing")
	cut := &cobra.Command{Use: "cut FILE", Short: "Cut a file", Example: "  tool cut a.txt", Run: func(*cobra.Command, []string) {}}
	cut.Flags().StringP("out", "o", "", "write to `PATH`, a|b")
	cut.Flags().Int("at", 3, "cut at `N`")
	hidden := &cobra.Command{Use: "secret", Short: "Not to be seen", Hidden: true, Run: func(*cobra.Command, []string) {}}
	for _, cmd := range []*cobra.Command{cut, hidden} {
		cmd.DisableFlagsInUseLine = true
		root.AddCommand(cmd)
	}
	want := "# tool\n\nA note.\n\nA tool for:\n\n    a  one\n    b  two\n\nand more.\n" +
		"\n## Every command\n\n| flag | |\n|---|---|\n| `--quiet` | say nothing |\n" +
		"\n## tool cut\n\nCut a file.\n\n    tool cut FILE\n\n```sh\ntool cut a.txt\n```\n" +
		"\n| flag | |\n|---|---|\n| `--at N` | cut at N (default 3) |\n| `-o, --out PATH` | write to PATH, a|b |\n"
	if have := Markdown(root, "A note."); have != want {
		t.Errorf("%s\nwant\n%s", have, want)
	}
}
