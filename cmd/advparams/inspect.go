package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type inspect struct {
	app        *app
	opt        advparams.InspectOptions
	open       openFlags
	passphrase bool
}

func newInspect(a *app) *cobra.Command {
	n := &inspect{app: a}
	cmd := &cobra.Command{
		Use:   "inspect FILE",
		Short: "Describe a model or a key",
		Long: `Describe a model: operator sets, inputs and outputs, its operators and whether each can
be computed and differentiated, its weights, and what to look at before the file is
handed on.

Or describe a key: whom it is sealed to and, if it can be opened, which files it belongs
to and how many parameters were changed. --secrets shows where they are.`,
		Example: `  advparams inspect model.onnx
  advparams inspect model.key -i me.txt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			n.opt.Path = args[0]
			return n.run(cmd.Context())
		},
	}
	operand(cmd, "the file", "onnx", "key")
	n.open.register(cmd, "")
	cmd.Flags().StringVar(&n.opt.Output, "output", "", "show only the operators that the model's output `NAME` needs (default: all outputs)")
	cmd.Flags().BoolVar(&n.passphrase, "passphrase", false, "open a key that is sealed with a passphrase")
	cmd.Flags().BoolVar(&n.opt.Secrets, "secrets", false, "show the tensors and positions of the changes in a key that can be opened")
	return cmd
}

func (n *inspect) run(ctx context.Context) (err error) {
	n.open.path = n.opt.Path
	if n.passphrase || len(n.open.identities) > 0 {
		if n.opt.Key, err = n.open.file(n.app); err != nil {
			return err
		}
	}
	r, err := advparams.Inspect(ctx, n.opt)
	switch {
	case err != nil:
		return err
	case r.Key != nil:
		return n.app.result(r.Key, func(w io.Writer) { text.Key(w, r.Key) })
	}
	return n.app.result(r.Model, func(w io.Writer) { text.Model(w, r.Model) })
}
