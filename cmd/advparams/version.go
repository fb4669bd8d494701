package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
)

func newVersion(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  advparams version --json",
		RunE:    func(*cobra.Command, []string) error { return a.version() },
	}
	nothing(cmd)
	return cmd
}

// version prints the version.
func (a *app) version() error {
	b := advparams.Build()
	return a.result(b, func(w io.Writer) {
		fmt.Fprintf(w, "advparams %s", b.Version)
		if b.Revision != "" {
			fmt.Fprintf(w, " (%s, %s)", b.Revision, b.Date)
		}
		fmt.Fprintf(w, ", %s, %s, kernels %s", b.Go, b.Platform, b.Kernel)
		if b.CPU != "" {
			fmt.Fprintf(w, " on %s", b.CPU)
		}
		fmt.Fprintln(w)
	})
}
