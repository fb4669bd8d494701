package advparams

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// GradientsOptions are the options of Gradients. Required are Model, Batch, and Out or
// OutTo.
type GradientsOptions struct {
	Model string // the file of the model
	// Batch is an .npz file with an array for each input, by its name or as
	// in/NAME, and the array labels for the cross-entropy.
	Batch string
	// Out is the .npz file to write. If OutTo is not nil, it goes there instead.
	Out   string
	OutTo io.Writer
	Force bool // replaces a file that exists
	// Output limits the loss to one output; "" means all.
	Output  string
	Loss    LossName
	Threads int // to compute on; 0 means one per core
	// Memory is how many bytes the values of a batch may take. The limit on the work of a model
	// follows from it. 0 means a limit in proportion to the model and the data, which is enough
	// unless a small file needs much on purpose (gradient.Config.Memory).
	Memory int64
}

// LossName is the name of a loss.
type LossName string

const (
	// ProbeLoss is Σ over outputs and elements of y[i]·(((7919·i + 13) mod 2003)/2003 - 0.5).
	// The empty string means the same.
	ProbeLoss LossName = "probe"
	// CrossEntropyLoss is the mean over the samples, of the logits where the model
	// ends in Softmax.
	CrossEntropyLoss LossName = "cross-entropy"
)

// GradientsSummary is what Gradients computed. In JSON it is what advparams
// gradients --json prints.
type GradientsSummary struct {
	Loss         float64 `json:"loss"`
	Outputs      int     `json:"outputs"`
	Initializers int     `json:"initializers"` // that have gradients
}

// BatchError means that a batch does not fit the model or the loss.
type BatchError struct {
	Batch string // the file
	Array string // in it; "" if the shape of any array may be wrong
	Err   error
}

func (e *BatchError) Error() string { return e.Err.Error() }

// Unwrap returns Err.
func (e *BatchError) Unwrap() error { return e.Err }

// Gradients runs a model on one batch. It writes the outputs and the gradient of a loss
// by every floating-point initializer, as arrays out/OUTPUT, grad/INITIALIZER and loss.
// The gradient of an initializer that does not influence the loss is zero. To get
// arrays in memory, use package gradient.
func Gradients(ctx context.Context, opt GradientsOptions) (r *GradientsSummary, err error) {
	defer onnxio.Faults(&err)()
	r, err = gradients(ctx, &opt)
	return r, interrupted(ctx, err)
}

func gradients(ctx context.Context, opt *GradientsOptions) (*GradientsSummary, error) {
	switch l := opt.Loss; {
	case opt.Model == "":
		return nil, optionf("Model", "there is no model")
	case opt.Batch == "":
		return nil, optionf("Batch", "there is no batch")
	case opt.Out == "" && opt.OutTo == nil:
		return nil, optionf("Out", "there is no place for the gradients")
	case l != "" && l != ProbeLoss && l != CrossEntropyLoss:
		return nil, &OptionError{Option: "Loss", Value: string(l), Reason: "is not probe or cross-entropy"}
	}
	if opt.OutTo == nil {
		if err := probe(ofArrays, opt.Force, opt.Out); err != nil {
			return nil, err
		}
	}
	m, outputs, err := openModel(opt.Model, opt.Output)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if outputs == nil {
		outputs = tensorOutputs(m)
	}
	w, err := startWorkers(opt.Threads, opt.Memory)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	r := &GradientsSummary{}
	arrays, err := opt.compute(m, outputs, w, r)
	if err != nil {
		return nil, err
	}
	out := newOutputs(ctx, ofArrays, opt.Force)
	defer out.close()
	path, set, err := out.place(opt.Out, opt.OutTo, "gradients.npz")
	if err != nil {
		return nil, err
	}
	f, err := set.Create(path)
	if err != nil {
		return nil, err
	}
	if err := dataset.WriteNPZ(f, arrays); err != nil {
		return nil, fmt.Errorf("writing %s: %w", path, err)
	}
	if err := out.commit(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// tensorOutputs returns the outputs that are arrays, if there are others as well; nil, for all,
// if not.
func tensorOutputs(m *onnxio.Model) []string {
	var names []string
	list := m.Proto().GetGraph().GetOutput()
	for _, v := range list {
		if v.GetType().GetSequenceType() == nil && v.GetType().GetOptionalType() == nil && v.GetType().GetMapType() == nil {
			names = append(names, v.GetName())
		}
	}
	if len(names) == 0 || len(names) == len(list) {
		return nil
	}
	return names
}

// compute returns the arrays to write, and adds to r what they are.
func (o *GradientsOptions) compute(m *onnxio.Model, outputs []string, w *gradient.Workers, r *GradientsSummary) ([]dataset.Named, error) {
	inputs, labels, err := o.batch(m)
	if err != nil {
		return nil, err
	}
	weights, err := gradient.LoadWeights(m)
	if err != nil {
		return nil, err
	}
	cfg := gradient.Config{Shapes: shapesOf(inputs), Values: inputs, Outputs: outputs, Weights: weights, Workers: w}
	forward, err := gradient.Compile(m, cfg)
	if errors.Is(err, gradient.ErrUnsupported) {
		return nil, err
	}
	if err != nil {
		return nil, &BatchError{o.Batch, "", err}
	}
	values, err := forward.Forward(inputs)
	if err != nil {
		return nil, err
	}
	var arrays []dataset.Named
	names, _ := forward.Outputs()
	for i, name := range names {
		arrays = append(arrays, dataset.Named{Name: "out/" + name, Array: values[i]})
	}
	cfg.Gradients = gradient.All
	loss := gradient.Loss(gradient.Probe)
	if o.Loss == CrossEntropyLoss {
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
		shape := m.Weight(name).Dims
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
func (o *GradientsOptions) batch(m *onnxio.Model) (map[string]nd.Array, []int, error) {
	wanted, err := gradient.Inputs(m)
	if err != nil {
		return nil, nil, err
	}
	file, err := dataset.ReadNPZ(o.Batch)
	if err != nil {
		return nil, nil, err
	}
	fail := func(array, format string, args ...any) error {
		return &BatchError{o.Batch, array, fmt.Errorf("%s: %w", o.Batch, fmt.Errorf(format, args...))}
	}
	inputs := map[string]nd.Array{}
	for _, in := range wanted {
		a, ok := file.Arrays[in.Name]
		if !ok {
			a, ok = file.Arrays["in/"+in.Name]
		}
		switch {
		case !ok:
			return nil, nil, fail(in.Name, "no array for the model's input %v", in)
		case a.DType() != in.DType:
			return nil, nil, fail(in.Name, "array %q is %v, but the model's input is %v", in.Name, a.DType(), in)
		}
		inputs[in.Name] = a
	}
	if o.Loss != CrossEntropyLoss {
		return inputs, nil, nil
	}
	a, ok := file.Arrays["labels"]
	if !ok || a.DType() != nd.Int64 {
		return nil, nil, fail("labels", "no array \"labels\" of integers, which the cross-entropy needs")
	}
	labels := make([]int, a.Len())
	for i, v := range a.Int64s() {
		if v < 0 {
			return nil, nil, fail("labels", "sample %d has the negative label %d", i, v)
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
