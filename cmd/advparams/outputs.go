package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio"
)

// outputFlag defines --output.
func outputFlag(cmd *cobra.Command, p *string, usage string) {
	cmd.Flags().StringVar(p, "output", "", usage)
	must(cmd.RegisterFlagCompletionFunc("output", cobra.NoFileCompletions))
}

// outputsNamed returns a model's output of the given name as gradient.Config takes
// it: nil, for all, if no name is given.
func outputsNamed(m *onnxio.Model, name string) ([]string, error) {
	if name == "" {
		return nil, nil
	}
	var names []string
	for _, o := range m.Proto().GetGraph().GetOutput() {
		names = append(names, o.GetName())
	}
	if !slices.Contains(names, name) {
		return nil, hint.With(usagef("--output: %s has no output %q, but %s", m.Path(), name, strings.Join(names, ", ")),
			"--output is the name of a model's output; -o is the file to write")
	}
	return []string{name}, nil
}
