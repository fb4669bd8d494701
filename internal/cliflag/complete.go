package cliflag

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Complete makes shells complete the values of a command's flags: choices by what they may be,
// files as files, and numbers and names of other kinds not at all. Flags that are completed
// already stay as they are.
func Complete(cmd *cobra.Command) error {
	var failed error
	complete := func(f *pflag.Flag) {
		if _, is := cmd.GetFlagCompletionFunc(f.Name); is || len(f.Annotations) > 0 || f.Value.Type() == "bool" {
			return
		}
		values := cobra.NoFileCompletions
		if c, is := f.Value.(interface{ choices() []string }); is {
			values = cobra.FixedCompletions(c.choices(), cobra.ShellCompDirectiveNoFileComp)
		} else if what, _ := pflag.UnquoteUsage(f); isFile(what) {
			return // what shells complete by themselves
		}
		if err := cmd.RegisterFlagCompletionFunc(f.Name, values); err != nil {
			failed = err
		}
	}
	cmd.LocalNonPersistentFlags().VisitAll(complete)
	cmd.PersistentFlags().VisitAll(complete)
	return failed
}

// isFile reports whether the name of a value in a flag's usage is that of a file or folder.
func isFile(what string) bool {
	name, _, _ := strings.Cut(what, ".")
	return strings.Contains(what, ".") && name != "" || name == "FILE" || name == "FOLDER" || name == "PATH" || name == "PROGRAM" || name == "KEY"
}
