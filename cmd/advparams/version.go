package main

import (
	"fmt"
	"io"
	"runtime"

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
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision,omitempty"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	v.Version, v.Revision = advparams.Version()
	return a.result(v, func(w io.Writer) {
		fmt.Fprintf(w, "advparams %s", v.Version)
		if v.Revision != "" {
			fmt.Fprintf(w, " (%s)", v.Revision)
		}
		fmt.Fprintf(w, ", %s, %s\n", v.Go, v.Platform)
	})
}
