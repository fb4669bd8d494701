package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/verify"
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
be computed and differentiated, its initializers, and what to look at before the file is
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
	outputFlag(cmd, &n.opt.Output, "show the operators that the model's output `NAME` is computed with; of all outputs if left out")
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
		return n.app.result(r.Key, func(w io.Writer) { keyText(w, r.Key) })
	}
	return n.app.result(r.Model, func(w io.Writer) { modelText(w, r.Model) })
}

// keyText prints the description of a key.
func keyText(w io.Writer, r *advparams.KeyInfo) {
	seal := "not sealed: whoever has it can unlock"
	if r.Sealed {
		seal = "sealed to " + strings.Join(r.Recipients, ", ")
	}
	fmt.Fprintf(w, "%s\tkey, %s bytes, %s\n", printable.Line(r.File), verify.Thousands(r.Size), printable.Line(seal))
	c := r.Content
	if c == nil {
		fmt.Fprintf(w, "\topen it with -i IDENTITY or --passphrase to see more\n")
		return
	}
	fmt.Fprintf(w, "made by\t%s, %s\n", printable.Line(c.Tool), c.Created)
	fmt.Fprintf(w, "changed\t%s of %s parameters, profile %s\n", verify.Thousands(c.ParamsChanged), verify.Thousands(c.ParamsTotal), printable.Line(c.Profile))
	if c.Samples > 0 && c.Accuracy > 0 { // which not every task has
		fmt.Fprintf(w, "accuracy\t%.2f %% → %.2f %% on %s samples\n", 100*c.Accuracy, 100*c.LockedAccuracy, verify.Thousands(c.Samples))
	}
	for _, f := range c.Files {
		fmt.Fprintf(w, "original\t%s\t%s bytes\tsha256 %s\n", printable.Line(f.Original.Name), verify.Thousands(f.Original.Size), f.Original.SHA256)
		fmt.Fprintf(w, "locked\t%s\t%s bytes\tsha256 %s\n", printable.Line(f.Locked.Name), verify.Thousands(f.Locked.Size), f.Locked.SHA256)
	}
	for _, p := range c.Changes {
		fmt.Fprintf(w, "in %s\t%v\n", printable.Line(p.Tensor), p.Indices)
	}
}

// modelText prints the description of a model.
func modelText(w io.Writer, r *advparams.ModelInfo) {
	var opsets []string
	for _, domain := range slices.Sorted(maps.Keys(r.Opsets)) {
		opsets = append(opsets, fmt.Sprintf("%s %d", printable.Line(domain), r.Opsets[domain]))
	}
	for i, f := range r.Files {
		what := "ONNX model, "
		if i > 0 {
			what = "external data, "
		}
		fmt.Fprintf(w, "%s\t%s%s bytes\n", printable.Line(f.Name), what, verify.Thousands(f.Size))
	}
	fmt.Fprintf(w, "producer\t%s, IR version %d, opset %s\n", cmp.Or(printable.Line(r.Producer), "unknown"), r.IRVersion, strings.Join(opsets, ", "))
	for _, list := range []struct {
		what   string
		values []advparams.ValueInfo
	}{{"input", r.Inputs}, {"output", r.Outputs}} {
		for _, v := range list.values {
			fmt.Fprintf(w, "%s\t%s %s%s\n", list.what, printable.Line(v.Name), v.Type, axes(v.Shape))
		}
	}
	fmt.Fprintf(w, "parameters\t%s\n", verify.Thousands(r.Parameters))
	for _, warning := range r.Warnings {
		fmt.Fprintf(w, "warning\t%s\n", printable.Line(warning))
	}
	fmt.Fprintf(w, "\noperator\tcount\tforward\tgradient\n")
	answer := map[bool]string{true: "yes", false: "no"}
	for _, o := range r.Operators {
		name := o.Name
		if o.Domain != "ai.onnx" {
			name = o.Domain + "." + o.Name
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", printable.Line(name), o.Count, answer[o.Forward], answer[o.Gradient])
	}
	fmt.Fprintf(w, "\ninitializer\ttype\tshape\telements\tstorage\n")
	for _, t := range r.Initializers {
		storage := t.Storage
		if t.Constant != "" {
			storage += ", " + t.Constant
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", printable.Line(t.Name), t.Type, strings.ReplaceAll(fmt.Sprint(t.Shape), " ", ","), verify.Thousands(t.Elements), storage)
	}
}

// axes writes a shape; nothing when the rank is unknown.
func axes(shape []advparams.Axis) string {
	if shape == nil {
		return ""
	}
	parts := make([]string, len(shape))
	for i, a := range shape {
		parts[i] = printable.Line(a.String())
	}
	return "[" + strings.Join(parts, ",") + "]"
}
