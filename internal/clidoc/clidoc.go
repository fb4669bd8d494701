// Package clidoc writes the reference of a command line: in Markdown, and as help for a
// terminal.
package clidoc

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Markdown describes a command, its subcommands and their flags. Hidden ones are left
// out. note is the second paragraph.
func Markdown(root *cobra.Command, note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s\n", root.Name(), note)
	describe(&b, root)
	fmt.Fprintf(&b, "\n## Every command\n")
	flagTable(&b, root.PersistentFlags())
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() && cmd.Name() != "help" && cmd.Name() != "completion" {
			fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n    %s\n", cmd.CommandPath(), cmd.Short, cmd.UseLine())
			describe(&b, cmd)
			flagTable(&b, cmd.LocalNonPersistentFlags())
		}
	}
	for _, topic := range root.Commands() {
		if topic.IsAdditionalHelpTopicCommand() {
			fmt.Fprintf(&b, "\n## %s help %s\n\n%s.\n", root.Name(), topic.Name(), topic.Short)
			describe(&b, topic)
		}
	}
	return b.String()
}

// describe writes the long text and the examples of a command.
func describe(b *strings.Builder, cmd *cobra.Command) {
	if cmd.Long != "" {
		fmt.Fprintf(b, "\n%s\n", markdown(cmd.Long))
	}
	if cmd.Example != "" {
		fmt.Fprintf(b, "\n```sh\n")
		for line := range strings.Lines(cmd.Example) {
			fmt.Fprint(b, strings.TrimPrefix(line, "  "))
		}
		fmt.Fprintf(b, "\n```\n")
	}
}

// markdown makes code blocks of indented lists.
func markdown(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.Lines(text) {
		if indented := strings.HasPrefix(line, "  "); indented != code && strings.TrimSpace(line) != "" {
			code = indented
			b.WriteString("\n")
		}
		if code {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}

// flagTable writes a table of flags.
func flagTable(b *strings.Builder, flags *pflag.FlagSet) {
	rows := 0
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		if rows++; rows == 1 {
			fmt.Fprintf(b, "\n| flag | |\n|---|---|\n")
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if value != "" {
			name += " " + value
		}
		fmt.Fprintf(b, "| `%s` | %s |\n", strings.ReplaceAll(name, "|", `\|`), strings.ReplaceAll(usage+defaultOf(f), "|", `\|`))
	})
}
