package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/onnxio"
)

// newBatchInputs prints the files of a model with their digests. Batch runs it,
// so that no model, however broken, is parsed in its own process.
func newBatchInputs(a *app) *cobra.Command {
	external := false
	cmd := &cobra.Command{
		Use:    batch.InputsCommand + " MODEL.onnx",
		Short:  "Print the files of a model with their digests as JSON",
		Hidden: true,
		RunE: func(_ *cobra.Command, args []string) error {
			if external {
				names, err := onnxio.ExternalNames(args[0])
				if err != nil {
					return err
				}
				return json.NewEncoder(a.stdout).Encode(append([]string{}, names...))
			}
			m, err := onnxio.Open(args[0])
			if err != nil {
				return err
			}
			defer m.Close()
			var list []batch.FileState
			for _, f := range m.Files() {
				state, err := batch.Stat(f.Path)
				if err != nil {
					return err
				}
				list = append(list, state)
			}
			return json.NewEncoder(a.stdout).Encode(list)
		},
	}
	operand(cmd, "the model", "onnx")
	cmd.Flags().BoolVar(&external, "external", false, "print the names of its external data files only, which need not be there")
	return cmd
}
