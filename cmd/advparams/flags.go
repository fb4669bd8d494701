package main

import (
	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/batch"
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
}

// machineFlags defines --threads and --memory.
func machineFlags(cmd *cobra.Command, threads *int, value int, memory *int64) {
	cmd.Flags().IntVar(threads, "threads", value, "`N` cores to compute on; 0: all")
	cmd.Flags().Func("memory", "memory `SIZE` for the values of a batch, such as 8GiB (default: in proportion to model and data)", func(s string) error {
		size, err := batch.ParseSize(s)
		*memory = int64(size)
		return err
	})
}

// runtimeFlags defines --runtime and --python.
func runtimeFlags(cmd *cobra.Command, runtime, python *string) {
	choiceFlag(cmd, runtime, "runtime", "", "also measure the locked model in this runtime, which a Python installation needs to have", advparams.OnnxRuntime)
	cmd.Flags().StringVar(python, "python", "", "Python interpreter `PROGRAM` that has onnxruntime (default ADVPARAMS_PYTHON, or python3)")
}
