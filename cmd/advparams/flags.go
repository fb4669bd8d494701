package main

import (
	"github.com/spf13/cobra"

	"github.com/advparams/advparams/internal/cliflag"
)

// fileFlag defines a flag that is a file name, completed by extension.
func fileFlag(cmd *cobra.Command, p *string, name, short, usage string, extensions ...string) {
	cmd.Flags().StringVarP(p, name, short, "", usage)
	must(cmd.MarkFlagFilename(name, extensions...))
}

// choiceFlag defines a flag with a fixed set of values. The default may be "".
func choiceFlag[T ~string](cmd *cobra.Command, p *T, name string, value T, usage string, values ...string) {
	*p = value
	cmd.Flags().Var(&cliflag.Choice[T]{Value: p, Values: values}, name, usage)
	must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
}

// outputFlag defines --output.
func outputFlag(cmd *cobra.Command, p *string, usage string) {
	cmd.Flags().StringVar(p, "output", "", usage)
	must(cmd.RegisterFlagCompletionFunc("output", cobra.NoFileCompletions))
}

// threadsFlag defines --threads.
func threadsFlag(cmd *cobra.Command, p *int, value int) {
	cmd.Flags().IntVar(p, "threads", value, "`N` cores to compute on; 0: all")
}

// hide takes a flag that means nothing for a command out of its help.
func hide(cmd *cobra.Command, flag string) { must(cmd.Flags().MarkHidden(flag)) }
