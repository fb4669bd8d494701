package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type gradients struct {
	app *app
	opt advparams.GradientsOptions
}

func newGradients(a *app) *cobra.Command {
	g := &gradients{app: a}
	cmd := &cobra.Command{
		Use:   "gradients MODEL.onnx --data IN.npz -o OUT.npz",
		Short: "Write the gradient of a loss for every weight",
		Long: `Run a model on one batch, and write its outputs and the gradient of a loss with respect
to every floating-point initializer, as arrays out/OUTPUT, grad/INITIALIZER and loss.
The gradient is zero for initializers that do not influence the loss.

IN.npz has an array for each input, named NAME or in/NAME. The losses:
  probe          Σ over outputs and elements of y[i]·(((7919·i + 13) mod 2003)/2003 - 0.5)
  cross-entropy  the mean over the samples, with integer labels in the array "labels";
                 where the model ends in Softmax, of the logits before it`,
		Example: "  advparams gradients model.onnx --data batch.npz -o gradients.npz --loss cross-entropy",
		RunE: func(cmd *cobra.Command, args []string) error {
			g.opt.Model = args[0]
			return g.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fileFlag(cmd, &g.opt.Batch, "data", "", "the batch, `IN.npz`", "npz")
	fileFlag(cmd, &g.opt.Out, "out", "o", "write to `OUT.npz`; - for standard output", "npz")
	choiceFlag(cmd, &g.opt.Loss, "loss", advparams.ProbeLoss, "what to differentiate", string(advparams.ProbeLoss), string(advparams.CrossEntropyLoss))
	cmd.Flags().StringVar(&g.opt.Output, "output", "", "compute only the model's output `NAME` (default: all outputs)")
	cmd.Flags().BoolVar(&g.opt.Force, "force", false, "replace OUT.npz if it exists")
	machineFlags(cmd, &g.opt.Threads, 0, &g.opt.Memory)
	must(cmd.MarkFlagRequired("data"))
	must(cmd.MarkFlagRequired("out"))
	return cmd
}

func (g *gradients) run(ctx context.Context) error {
	a := g.app
	if err := a.checkStreams(g.opt.Out); err != nil {
		return err
	}
	g.opt.OutTo = a.stream(&g.opt.Out)
	r, err := advparams.Gradients(ctx, g.opt)
	if err != nil || g.opt.OutTo != nil {
		return err
	}
	return a.result(r, func(w io.Writer) { text.Gradients(w, r) })
}
