package cliflag

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"
)

func TestComplete(t *testing.T) {
	cmd := &cobra.Command{Use: "try"}
	var choice, other string
	cmd.Flags().Var(&Choice[string]{Value: &choice, Values: []string{"a", "b"}}, "choice", "one of them")
	cmd.PersistentFlags().Var(&Choice[string]{Value: &other, Values: []string{"c"}}, "everywhere", "one of it")
	cmd.Flags().String("name", "", "a `NAME`")
	cmd.Flags().String("file", "", "a `FILE.yaml`")
	cmd.Flags().String("folder", "", "a `FOLDER`")
	cmd.Flags().Int("number", 0, "`N` of them")
	cmd.Flags().Bool("yes", false, "do it")
	if err := Complete(cmd); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{"choice": {"a", "b"}, "everywhere": {"c"}, "name": {}, "number": {}} {
		f, ok := cmd.GetFlagCompletionFunc(name)
		if !ok {
			t.Errorf("--%s has no completion", name)
			continue
		}
		got, directive := f(cmd, nil, "")
		if !slices.Equal(got, want) || directive != cobra.ShellCompDirectiveNoFileComp {
			t.Errorf("--%s is completed by %q, %v", name, got, directive)
		}
	}
	for _, name := range []string{"file", "folder", "yes"} {
		if _, ok := cmd.GetFlagCompletionFunc(name); ok {
			t.Errorf("--%s is not left to the shell", name)
		}
	}
}
