package main

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type bench struct {
	app    *app
	opt    advparams.BenchOptions
	shapes []string
}

func newBench(a *app) *cobra.Command {
	b := &bench{app: a}
	cmd := &cobra.Command{
		Use:   "bench MODEL.onnx",
		Short: "Time forward passes and gradients",
		Long: `Time a model on random input: forward passes, and forward passes with the gradients of
all weights. Compiling and the two first runs do not count.

--batch is the size of an open first axis of an input. Other open axes need --shape.

--profile adds the time by operator and by layer: milliseconds, the share of the total, and
percent of the machine's peak multiply-adds and peak memory traffic, measured in the same run.
Methods that save multiplications, and arrays that stay in cache, reach more than 100.`,
		Example: `  advparams bench model.onnx --batch 100 --threads 1
  advparams bench model.onnx --profile
  advparams bench bert.onnx --shape input_ids=8,128 --shape attention_mask=8,128 --vocab 2`,
		RunE: func(cmd *cobra.Command, args []string) error {
			b.opt.Model = args[0]
			return b.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fl := cmd.Flags()
	fl.IntVar(&b.opt.Batch, "batch", 100, "samples in a batch, `N`")
	fl.StringArrayVar(&b.shapes, "shape", nil, "`NAME=1,3,32,32`: the shape of an input; may be repeated")
	fl.Int64Var(&b.opt.Vocabulary, "vocab", 100, "integer inputs are random numbers from 0 to `N`-1")
	fl.IntVar(&b.opt.Repeat, "repeat", 10, "timed runs, `N`")
	fl.BoolVar(&b.opt.Profile, "profile", false, "also time each operator, and compare with the machine's peaks")
	b.opt.Seed = new(uint64)
	fl.Uint64Var(b.opt.Seed, "seed", 1, "seed `N` of the random input")
	machineFlags(cmd, &b.opt.Threads, 1, &b.opt.Memory)
	return cmd
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.opt.Batch < 1 || b.opt.Repeat < 1 || b.opt.Vocabulary < 1 {
		return usagef("--batch, --repeat and --vocab are at least 1")
	}
	if b.opt.Shapes, err = parseShapes(b.shapes); err != nil {
		return err
	}
	show := b.app.watch()
	defer show.close()
	b.opt.Progress = show.progress
	r, err := advparams.Bench(ctx, b.opt)
	if err != nil {
		return err
	}
	show.close()
	return b.app.result(r, func(w io.Writer) { text.Benchmark(w, r) })
}

// parseShapes reads the values of --shape, NAME=1,3,32,32.
func parseShapes(flags []string) (map[string][]int, error) {
	shapes := map[string][]int{}
	for _, text := range flags {
		i := strings.LastIndex(text, "=") // names of inputs may hold one
		if i < 0 {
			return nil, usagef("--shape %q is not NAME=1,3,32,32", text)
		}
		shape := []int{}
		for d := range strings.SplitSeq(text[i+1:], ",") {
			n, err := strconv.Atoi(d)
			if err != nil || n < 1 {
				return nil, usagef("--shape %q: %q is not a size", text, d)
			}
			shape = append(shape, n)
		}
		shapes[text[:i]] = shape
	}
	return shapes, nil
}
