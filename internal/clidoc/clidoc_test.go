package clidoc

import (
	"strings"
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
		"\n| flag | |\n|---|---|\n| `--at N` | cut at N (default 3) |\n| `-o, --out PATH` | write to PATH, a\\|b |\n"
	if have := Markdown(root, "A note."); have != want {
		t.Errorf("%s\nwant\n%s", have, want)
	}
}

// tools is a flag with many values.
type tools struct{}

func (*tools) String() string   { return "" }
func (*tools) Set(string) error { return nil }
func (*tools) Type() string     { return "scissors|knife|saw|axe|teeth|laser|water" }

// TestHelp pins the help of a command on a narrow terminal.
func TestHelp(t *testing.T) {
	root := &cobra.Command{Use: "tool"}
	root.PersistentFlags().BoolP("quiet", "q", false, "say nothing")
	cut := &cobra.Command{Use: "cut FILE [--at N] -o OUT", Short: "Cut a file", Run: func(*cobra.Command, []string) {},
		Long:    "Cut a file into two, at a place that\ncan be chosen.\n\nStatus:\n  0  it is cut, and both of its halves have been written\n  1  it is not",
		Example: "  tool cut 'a long name.txt' --at 12 --out half.txt"}
	cut.Flags().StringP("out", "o", "", "write to `PATH`")
	cut.Flags().Int("at-which-of-all-the-places", 3, "cut at place `N` of those that there are")
	cut.Flags().Var(new(tools), "with", "cut with that")
	cut.DisableFlagsInUseLine = true
	root.AddCommand(cut)
	var b strings.Builder
	cut.InitDefaultHelpFlag()
	Help(&b, cut, 44)
	want := `Cut a file into two, at a place that can be
chosen.

Status:
  0  it is cut, and both of its halves have
     been written
  1  it is not

Usage:
  tool cut FILE [--at N] -o OUT

Examples:
  tool cut 'a long name.txt' --at 12 \
      --out half.txt

Flags:
      --at-which-of-all-the-places N
                              cut at place N
                              of those that
                              there are
                              (default 3)
  -h, --help                  help for cut
  -o, --out PATH              write to PATH
      --with WITH             cut with that:
                              scissors,
                              knife, saw,
                              axe, teeth,
                              laser, water

Flags of every command:
  -q, --quiet                 say nothing
`
	if have := b.String(); have != want {
		t.Errorf("%s\nwant\n%s", have, want)
	}
}
