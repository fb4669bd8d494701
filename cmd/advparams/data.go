package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/task"
)

// forwardBatch is the number of samples computed at a time.
const forwardBatch = 100

// dataFlags say which samples to take.
type dataFlags struct {
	path      string
	split     string
	usual     dataset.Split // where the data has several and the flag names none
	limit     int
	seed      uint64
	mean, std []float32
	labels    string
	output    string // that the labels are compared with
	task      string // its name; "" to guess

	kind task.Task // what open found the model to be for
}

const dataHelp = `Data: an .npz file with arrays named after the model's inputs and labels; a folder
with IDX files (MNIST) or CIFAR binary files, plain or .gz; an image folder, one
sub-folder a class; a CSV file. Images are scaled to [0,1], then to (x-mean)/std;
size and layout follow the model's input.`

func (d *dataFlags) register(cmd *cobra.Command, usual dataset.Split, seed uint64) {
	d.usual = usual
	fl := cmd.Flags()
	fileFlag(cmd, &d.path, "data", "", "`PATH` of an .npz or .csv file, a folder with IDX or CIFAR files, or an image folder")
	choiceFlag(cmd, &d.split, "split", "", fmt.Sprintf("the part to take where the data has both (default %s)", usual), "train", "test")
	fl.IntVar(&d.limit, "limit", 0, "take at most `N` samples; 0: all")
	fl.Uint64Var(&d.seed, "seed", seed, "choose the samples of --limit at random, from seed `N`; 0: the first ones")
	fl.Float32SliceVar(&d.mean, "mean", nil, "`A,B,C` to subtract from the channels of images, or one value for all")
	fl.Float32SliceVar(&d.std, "std", nil, "`A,B,C` to divide the channels of images by, or one value for all")
	choiceFlag(cmd, &d.labels, "labels", "data", "where labels come from: the data, or the original model's own answers", "data", "model")
	choiceFlag(cmd, &d.task, "task", "", "what the model is for (default: what its outputs and the labels look like)", task.Names()...)
	outputFlag(cmd, &d.output, "the model's output `NAME` has the answers, one value a class; the first if left out")
	for _, name := range []string{"mean", "std"} {
		fl.Lookup(name).DefValue = "" // rather than []
	}
}

func (d *dataFlags) check() error {
	if d.limit < 0 {
		return usagef("--limit %d is negative", d.limit)
	}
	return nil
}

// threadsFlag defines --threads.
func threadsFlag(cmd *cobra.Command, p *int, value int) {
	cmd.Flags().IntVar(p, "threads", value, "`N` cores to compute on; 0: all")
}

// workers starts the threads to compute on. They have to be closed.
func workers(threads int) (*gradient.Workers, error) {
	if most := 4 * runtime.NumCPU(); threads < 0 || threads > most {
		return nil, usagef("--threads %d is not between 0 and %d", threads, most)
	}
	return gradient.NewWorkers(threads), nil
}
