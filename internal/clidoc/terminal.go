package clidoc

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Help writes the help of a command for a terminal that is width columns wide: what it
// does, then Usage.
func Help(w io.Writer, cmd *cobra.Command, width int) {
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	if cmd.IsAdditionalHelpTopicCommand() {
		fmt.Fprint(w, reflow(text, width))
		return
	}
	fmt.Fprintf(w, "%s\n", reflow(text, width))
	Usage(w, cmd, width)
}

// Usage writes how a command is called, with examples, subcommands and flags.
func Usage(w io.Writer, cmd *cobra.Command, width int) {
	fmt.Fprintf(w, "Usage:\n%s", wrap(cmd.UseLine(), 2, 6, width))
	if cmd.Example != "" {
		fmt.Fprintf(w, "\nExamples:\n")
		for line := range strings.Lines(cmd.Example) {
			fmt.Fprint(w, Shell(strings.TrimSpace(line), width))
		}
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintf(w, "\nCommands:\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				entry(w, "  "+sub.Name(), sub.Short, commandColumn, width)
			}
		}
	}
	if cmd.HasHelpSubCommands() {
		fmt.Fprintf(w, "\nTopics (%s help TOPIC):\n", cmd.Name())
		for _, sub := range cmd.Commands() {
			if sub.IsAdditionalHelpTopicCommand() {
				entry(w, "  "+sub.Name(), sub.Short, commandColumn, width)
			}
		}
	}
	flags(w, "Flags", cmd.LocalNonPersistentFlags(), width)
	if cmd.HasParent() {
		flags(w, "Flags of every command", cmd.InheritedFlags(), width)
	} else {
		flags(w, "Flags of every command", cmd.PersistentFlags(), width)
		fmt.Fprintf(w, "\n%s COMMAND --help says more about a command.\n", cmd.Name())
	}
}

// Columns where descriptions begin. One that would begin behind them has lines of its
// own.
const (
	commandColumn = 15
	flagColumn    = 30
)

func flags(w io.Writer, title string, set *pflag.FlagSet, width int) {
	rows := 0
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		if rows++; rows == 1 {
			fmt.Fprintf(w, "\n%s:\n", title)
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		if utf8.RuneCountInString(name+" "+value) > width { // a long choice
			usage += ": " + strings.ReplaceAll(value, "|", ", ")
			value = strings.ToUpper(f.Name)
		}
		if value != "" {
			name += " " + value
		}
		entry(w, name, usage+defaultOf(f), flagColumn, width)
	})
}

// defaultOf says what the value of a flag is where it is left out, unless that goes
// without saying.
func defaultOf(f *pflag.Flag) string {
	if d := f.DefValue; d != "" && d != "0" && d != "false" && d != "[]" {
		return fmt.Sprintf(" (default %s)", d)
	}
	return ""
}

// entry writes a name, and its description from a column on.
func entry(w io.Writer, name, description string, column, width int) {
	text := wrap(description, column, column, width)
	if utf8.RuneCountInString(name) > column-2 {
		fmt.Fprintf(w, "%s\n%s", name, text)
		return
	}
	fmt.Fprintf(w, "%-*s%s", column, name, strings.TrimLeft(text, " "))
}

// reflow wraps the paragraphs of a text. Indented lines are kept apart; where one has a
// name, two spaces or more and a description, the description is wrapped in its column.
func reflow(text string, width int) string {
	var b, paragraph strings.Builder
	flush := func() {
		if paragraph.Len() > 0 {
			b.WriteString(wrap(paragraph.String(), 0, 0, width))
			paragraph.Reset()
		}
	}
	for line := range strings.Lines(text) {
		trimmed := strings.TrimSpace(line)
		indent := len(line) - len(strings.TrimLeft(line, " "))
		switch {
		case trimmed == "":
			flush()
			b.WriteString("\n")
		case indent > 0:
			flush()
			name, rest, _ := strings.Cut(trimmed, "  ")
			rest = strings.TrimSpace(rest)
			if rest == "" {
				b.WriteString(wrap(name, indent, indent+2, width))
				continue
			}
			column := indent + len(trimmed) - len(rest) // as the text has it
			entry(&b, strings.Repeat(" ", indent)+name, rest, column, width)
		default:
			paragraph.WriteString(trimmed + " ")
		}
	}
	flush()
	return b.String()
}

// wrap breaks a text between words into lines of at most width columns, as far as its
// words allow. The first line is indented by first, the others by more.
func wrap(text string, first, more, width int) string {
	var b strings.Builder
	line := strings.Repeat(" ", first)
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			b.WriteString(line + "\n")
			line, empty = strings.Repeat(" ", more), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	return b.String() + line + "\n"
}

// Shell wraps a command before its flags, so that it can still be copied into a
// shell.
func Shell(command string, width int) string {
	const glue = "\x00" // what is no place to break at
	whole := strings.ReplaceAll(strings.ReplaceAll(command, " ", glue), glue+"-", " -")
	text := strings.TrimSuffix(wrap(whole, 2, 6, width-2), "\n")
	return strings.ReplaceAll(strings.ReplaceAll(text, "\n", " \\\n"), glue, " ") + "\n"
}
