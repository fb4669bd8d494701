package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/clidoc"
)

// newDocs prints the reference of the command line, docs/cli.md, which a test
// keeps current, or writes man pages and completion.
func newDocs(a *app) *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:    "docs",
		Short:  "Print the reference of all commands as Markdown",
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir != "" {
				return clidoc.Install(cmd.Root(), dir, advparams.Build().Version, now())
			}
			_, err := io.WriteString(a.stdout, reference(cmd.Root()))
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "install", "", "write man pages and completion into `FOLDER` instead")
	nothing(cmd)
	return cmd
}

// reference describes all commands in Markdown.
func reference(root *cobra.Command) string {
	return clidoc.Markdown(root, "Made by `go test ./cmd/advparams -update` from the commands themselves.")
}
