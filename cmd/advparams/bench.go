package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

type bench struct {
	app     *app
	model   string
	batch   int
	shapes  []string
	vocab   int64
	threads int
	repeat  int
	seed    uint64
}

func newBench(a *app) *cobra.Command {
	b := &bench{app: a}
	cmd := &cobra.Command{
		Use:   "bench MODEL.onnx",
		Short: "Time forward passes and gradients",
		Long: `Time a model on random input: forward passes, and forward passes with the gradients
by all weights. Compiling and two runs before do not count.

An open first axis of an input gets the size --batch; other open axes have to be
given with --shape.`,
		Example: `  advparams bench model.onnx --batch 100 --threads 1
  advparams bench bert.onnx --shape input_ids=8,128 --shape attention_mask=8,128 --vocab 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.model = args[0]
			return b.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fl := cmd.Flags()
	fl.IntVar(&b.batch, "batch", 100, "samples in a batch, `N`")
	fl.StringArrayVar(&b.shapes, "shape", nil, "shape of an input, as in `NAME=1,3,32,32`; may be repeated")
	fl.Int64Var(&b.vocab, "vocab", 100, "integer inputs are random numbers from 0 to `N`-1")
	fl.IntVar(&b.repeat, "repeat", 10, "timed runs, `N`")
	fl.Uint64Var(&b.seed, "seed", 1, "`N`, which the random input is made from")
	threadsFlag(cmd, &b.threads, 1)
	return cmd
}

// spread is what repeated measurements of a time gave.
type spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

type benchResult struct {
	Model    string  `json:"model"`
	Forward  spread  `json:"forward_ms"`
	Gradient spread  `json:"gradient_ms"`
	Compile  float64 `json:"compile_ms"`
	Threads  int     `json:"threads"`
	Batch    int     `json:"batch"`
	Repeat   int     `json:"repeat"`
	Kernel   string  `json:"kernel"`
}

func (b *bench) run(ctx context.Context) error {
	if b.batch < 1 || b.repeat < 1 || b.vocab < 1 {
		return usagef("--batch, --repeat and --vocab are at least 1")
	}
	m, err := onnxio.Open(b.model)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := gradient.Supported(m, nil); err != nil {
		return err
	}
	inputs, err := b.inputs(m)
	if err != nil {
		return err
	}
	w, err := workers(b.threads)
	if err != nil {
		return err
	}
	defer w.Close()
	r := benchResult{Model: b.model, Threads: w.Threads(), Batch: b.batch, Repeat: b.repeat, Kernel: gradient.KernelName()}
	for _, a := range inputs {
		if len(a.Shape) > 0 {
			r.Batch = a.Shape[0] // the model or --shape may have fixed it
		}
	}
	cfg := gradient.Config{Shapes: shapesOf(inputs), Workers: w}
	forward, err := gradient.Compile(m, cfg)
	if err != nil {
		return err
	}
	if r.Forward, err = b.time(ctx, "forward", func() error {
		_, err := forward.Forward(inputs)
		return err
	}); err != nil {
		return err
	}
	forward = nil // its memory is not needed any more
	cfg.Gradients = gradient.All
	start := time.Now()
	program, err := gradient.Compile(m, cfg)
	if err != nil {
		return err
	}
	r.Compile = milliseconds(time.Since(start))
	if r.Gradient, err = b.time(ctx, "forward and gradients", func() error {
		_, _, err := program.Gradients(inputs, gradient.Probe)
		return err
	}); err != nil {
		return err
	}
	return b.app.result(r, func(w io.Writer) {
		fmt.Fprintf(w, "milliseconds\tmedian\tmin\tmax\n")
		fmt.Fprintf(w, "forward\t%.2f\t%.2f\t%.2f\n", r.Forward.Median, r.Forward.Min, r.Forward.Max)
		fmt.Fprintf(w, "forward and gradients\t%.2f\t%.2f\t%.2f\n", r.Gradient.Median, r.Gradient.Min, r.Gradient.Max)
		fmt.Fprintf(w, "batch %d, %d threads, %d runs, %s kernels, compiled in %.0f ms\n", r.Batch, r.Threads, r.Repeat, r.Kernel, r.Compile)
	})
}

// time runs f some times and returns the spread in milliseconds.
func (b *bench) time(ctx context.Context, what string, f func() error) (spread, error) {
	const warm = 2
	bar := b.app.bar(what, warm+b.repeat)
	defer bar.close()
	var ms []float64
	for i := range warm + b.repeat {
		if err := ctx.Err(); err != nil {
			return spread{}, err
		}
		start := time.Now()
		if err := f(); err != nil {
			return spread{}, err
		}
		if i >= warm {
			ms = append(ms, milliseconds(time.Since(start)))
		}
		bar.set(i+1, "")
	}
	slices.Sort(ms)
	n := len(ms)
	return spread{Median: (ms[(n-1)/2] + ms[n/2]) / 2, Min: ms[0], Max: ms[n-1]}, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }

// inputs makes random arrays: standard normal, or integers below --vocab.
func (b *bench) inputs(m *onnxio.Model) (map[string]nd.Array, error) {
	list, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	given, err := parseShapes(b.shapes, list)
	if err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewPCG(b.seed, 0))
	inputs := map[string]nd.Array{}
	for _, in := range list {
		shape, ok := given[in.Name]
		if !ok {
			if in.Shape == nil || slices.Contains(in.Shape[min(1, len(in.Shape)):], -1) {
				return nil, hint.With(usagef("input %v has open axes", in), "give them with --shape %s=…", in.Name)
			}
			shape = in.Batched(b.batch)
		}
		if _, err := nd.CheckedSize(shape); err != nil {
			return nil, fmt.Errorf("input %v: %w", in, err)
		}
		a := nd.New(in.DType, shape...)
		switch data := a.Data.(type) {
		case []float32:
			for i := range data {
				data[i] = float32(rng.NormFloat64())
			}
		case []int64:
			for i := range data {
				data[i] = rng.Int64N(b.vocab)
			}
		case []bool:
			for i := range data {
				data[i] = rng.Uint64()&1 == 1
			}
		}
		inputs[in.Name] = a
	}
	return inputs, nil
}

// parseShapes reads the values of --shape, NAME=1,3,32,32.
func parseShapes(flags []string, inputs []gradient.Input) (map[string][]int, error) {
	shapes := map[string][]int{}
	for _, text := range flags {
		name, dims, ok := cutLast(text, "=")
		if !ok {
			return nil, usagef("--shape %q is not NAME=1,3,32,32", text)
		}
		if !slices.ContainsFunc(inputs, func(in gradient.Input) bool { return in.Name == name }) {
			return nil, hint.With(usagef("--shape: the model has no input %q", name), "it has %v", inputs)
		}
		shape := []int{}
		for d := range strings.SplitSeq(dims, ",") {
			n, err := strconv.Atoi(d)
			if err != nil || n < 1 {
				return nil, usagef("--shape %q: %q is not a size", text, d)
			}
			shape = append(shape, n)
		}
		shapes[name] = shape
	}
	return shapes, nil
}

// cutLast cuts s at the last sep: names of inputs may hold one.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
