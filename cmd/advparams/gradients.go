package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
)

type gradients struct {
	app     *app
	model   string
	data    string
	out     string
	loss    string
	output  string
	threads int
	force   bool
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
			g.model = args[0]
			return g.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fileFlag(cmd, &g.data, "data", "", "the batch, `IN.npz`", "npz")
	fileFlag(cmd, &g.out, "out", "o", "write to `OUT.npz`; - for standard output", "npz")
	choiceFlag(cmd, &g.loss, "loss", "probe", "what to differentiate", "probe", "cross-entropy")
	outputFlag(cmd, &g.output, "compute the model's output `NAME` only; all if left out")
	cmd.Flags().BoolVar(&g.force, "force", false, "replace OUT.npz if it exists")
	threadsFlag(cmd, &g.threads, 0)
	must(cmd.MarkFlagRequired("data"))
	must(cmd.MarkFlagRequired("out"))
	return cmd
}

func (g *gradients) run(ctx context.Context) error {
	a := g.app
	if err := a.checkStreams(g.out); err != nil {
		return err
	}
	r, err := advparams.Gradients(ctx, advparams.GradientsOptions{
		Model: g.model, Batch: g.data, Out: g.out, OutTo: a.stream(g.out), Force: g.force,
		Output: g.output, Loss: advparams.LossName(g.loss), Threads: g.threads,
	})
	if err != nil || g.out == standard {
		return err
	}
	return a.result(r, func(w io.Writer) {
		fmt.Fprintf(w, "loss %.9g, gradients by %d initializers\n", r.Loss, r.Initializers)
	})
}
