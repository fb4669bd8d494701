package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
)

// dataFlags say which samples to take, and what to ask of the model.
type dataFlags struct {
	advparams.Data
	output string
	task   string
}

// noData as the value of --data means that there is no data.
const noData = "none"

const dataHelp = `Data: an .npz file with arrays named after the model's inputs, and labels; a folder with
IDX files (MNIST) or CIFAR binary files, plain or .gz; an image folder with one
sub-folder a class; a CSV file. Images are scaled to [0,1], then to (x-mean)/std. Their
size and layout follow the model's input.`

const taskHelp = `Tasks: classification (accuracy), binary (one logit: accuracy, AUC), multi-label
(accuracy, AUC, mAP), regression (R², RMSE), language (perplexity; without labels the
truth is the next token of the input), segmentation (accuracy of positions, mIoU),
embedding (cosine to the vectors of the original; needs no labels) and outputs (any
model: how far all its outputs agree with those of the original; needs no labels).
Without --task, outputs and labels decide. Targets of tasks without an accuracy are qualities
(docs/method.md).`

func (d *dataFlags) register(cmd *cobra.Command, usual advparams.Split, seed uint64) {
	fl := cmd.Flags()
	fileFlag(cmd, &d.Path, "data", "", "`PATH` of an .npz or .csv file, a folder with IDX or CIFAR files, or an image folder")
	choiceFlag(cmd, &d.Split, "split", "", fmt.Sprintf("the part to take where the data has both (default %s)", usual), "train", "test")
	fl.IntVar(&d.Limit, "limit", 0, "take at most `N` samples; 0: all")
	d.Seed = new(uint64)
	fl.Uint64Var(d.Seed, "seed", seed, "choose the samples of --limit at random, from seed `N`; 0: the first ones")
	fl.Float32SliceVar(&d.Mean, "mean", nil, "`A,B,C` to subtract from the channels of images, or one value for all")
	fl.Float32SliceVar(&d.Std, "std", nil, "`A,B,C` to divide the channels of images by, or one value for all")
	choiceFlag(cmd, &d.Labels, "labels", "data", "where labels come from: the data, or the original model's own answers", "data", "model")
	choiceFlag(cmd, &d.task, "task", "", "what the model is for (default: what its outputs and the labels look like)", advparams.TaskNames()...)
	outputFlag(cmd, &d.output, "the model's output `NAME` has the answers, one value a class; the first if left out")
	for _, name := range []string{"mean", "std"} {
		fl.Lookup(name).DefValue = "" // rather than []
	}
}

// kind returns the task of --task; nil if the flag is not given.
func (d *dataFlags) kind() advparams.Task {
	if d.task == "" {
		return nil
	}
	t, err := advparams.TaskByName(d.task)
	must(err) // the flag takes no other names
	return t
}
