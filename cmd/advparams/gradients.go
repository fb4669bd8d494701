package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
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
		Short: "Write the gradient of a loss by every weight",
		Long: `Run a model on one batch and write its outputs and the gradient of a loss by every
floating-point initializer: arrays out/OUTPUT, grad/INITIALIZER and loss. Initializers
without influence on the loss have gradients of zeros.

IN.npz has an array for each input, by its name or as in/NAME. The losses:
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

type gradientsResult struct {
	Loss         float64 `json:"loss"`
	Outputs      int     `json:"outputs"`
	Initializers int     `json:"initializers"`
}

func (g *gradients) run(ctx context.Context) error {
	if err := g.app.checkOutputs(g.force, g.out); err != nil {
		return err
	}
	m, err := onnxio.Open(g.model)
	if err != nil {
		return err
	}
	defer m.Close()
	outputs, err := outputsNamed(m, g.output)
	if err != nil {
		return err
	}
	if err := gradient.Supported(m, outputs); err != nil {
		return err
	}
	w, err := workers(g.threads)
	if err != nil {
		return err
	}
	defer w.Close()
	r := gradientsResult{}
	arrays, err := g.compute(m, outputs, w, &r)
	if err != nil {
		return err
	}
	out := g.app.outputs(ctx, g.force)
	defer out.close()
	path, set, err := out.place(g.out, "gradients.npz")
	if err != nil {
		return err
	}
	f, err := set.Create(path)
	if err != nil {
		return err
	}
	if err := dataset.WriteNPZ(f, arrays); err != nil {
		return fmt.Errorf("writing %s: %w", g.out, err)
	}
	if err := out.commit(ctx); err != nil || g.out == standard {
		return err
	}
	return g.app.result(r, func(w io.Writer) {
		fmt.Fprintf(w, "loss %.9g, gradients by %d initializers\n", r.Loss, r.Initializers)
	})
}

// compute returns what goes into the output file.
func (g *gradients) compute(m *onnxio.Model, wanted []string, w *gradient.Workers, r *gradientsResult) ([]dataset.Named, error) {
	inputs, labels, err := g.batch(m)
	if err != nil {
		return nil, err
	}
	weights, err := gradient.LoadWeights(m)
	if err != nil {
		return nil, err
	}
	cfg := gradient.Config{Shapes: shapesOf(inputs), Values: inputs, Outputs: wanted, Weights: weights, Workers: w}
	forward, err := gradient.Compile(m, cfg)
	if err != nil {
		return nil, hint.With(err, "the arrays in %s have to have the shapes of the model's inputs", g.data)
	}
	outputs, err := forward.Forward(inputs)
	if err != nil {
		return nil, err
	}
	var arrays []dataset.Named
	names, _ := forward.Outputs()
	for i, name := range names {
		arrays = append(arrays, dataset.Named{Name: "out/" + name, Array: outputs[i]})
	}
	cfg.Gradients = gradient.All
	loss := gradient.Loss(gradient.Probe)
	if g.loss == "cross-entropy" {
		cfg.Logits, loss = true, gradient.CrossEntropy(labels)
	}
	program, err := gradient.Compile(m, cfg)
	if err != nil {
		return nil, err
	}
	if r.Loss, _, err = program.Gradients(inputs, loss); err != nil {
		return nil, err
	}
	for _, name := range program.GradientNames() {
		shape := m.Lookup(name).Dims
		a := nd.New(nd.Float32, shape...)
		if values, _ := program.Gradient(name); values != nil {
			a = nd.Of(values, shape...)
		}
		arrays = append(arrays, dataset.Named{Name: "grad/" + name, Array: a})
	}
	r.Outputs, r.Initializers = len(names), len(program.GradientNames())
	return append(arrays, dataset.Named{Name: "loss", Array: nd.Scalar(float32(r.Loss))}), nil
}

// batch reads the inputs and, for the loss that needs them, the labels.
func (g *gradients) batch(m *onnxio.Model) (map[string]nd.Array, []int, error) {
	wanted, err := gradient.Inputs(m)
	if err != nil {
		return nil, nil, err
	}
	file, err := dataset.ReadNPZ(g.data)
	if err != nil {
		return nil, nil, err
	}
	inputs := map[string]nd.Array{}
	for _, in := range wanted {
		a, ok := file.Arrays[in.Name]
		if !ok {
			a, ok = file.Arrays["in/"+in.Name]
		}
		switch {
		case !ok:
			return nil, nil, hint.With(fmt.Errorf("%s: no array for the model's input %v", g.data, in), "name the arrays after the model's inputs")
		case a.DType() != in.DType:
			return nil, nil, hint.With(fmt.Errorf("%s: array %q is %v, but the model's input is %v", g.data, in.Name, a.DType(), in), "store it with that element type")
		}
		inputs[in.Name] = a
	}
	if g.loss != "cross-entropy" {
		return inputs, nil, nil
	}
	a, ok := file.Arrays["labels"]
	if !ok || a.DType() != nd.Int64 {
		return nil, nil, hint.With(fmt.Errorf("%s: no array \"labels\" of integers, which the cross-entropy needs", g.data), "add it, one class a sample")
	}
	labels := make([]int, a.Len())
	for i, v := range a.Int64s() {
		if v < 0 {
			return nil, nil, hint.With(fmt.Errorf("%s: sample %d has the negative label %d", g.data, i, v), "labels count classes from 0")
		}
		labels[i] = int(v)
	}
	return inputs, labels, nil
}

func shapesOf(inputs map[string]nd.Array) map[string][]int {
	shapes := map[string][]int{}
	for name, a := range inputs {
		shapes[name] = a.Shape
	}
	return shapes
}
