package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/cliflag"
)

// dataFlags say which samples to take, and what to ask of the model.
type dataFlags struct {
	advparams.Data
	images cliflag.Preprocess
	output string
	task   advparams.Task // nil if it is to be guessed
	axes   []string
	carry  []string
}

// noData as the value of --data means that there is no data.
const noData = "none"

func (d *dataFlags) register(cmd *cobra.Command, usual advparams.Split, seed uint64) {
	fl := cmd.Flags()
	fileFlag(cmd, &d.Path, "data", "", "`PATH` of an .npz or .csv file, a folder with IDX or CIFAR files, an image folder, or labels of YOLO or COCO")
	choiceFlag(cmd, &d.Split, "split", "", fmt.Sprintf("the split to use, if the data has both (default %s)", usual), "train", "test")
	fl.IntVar(&d.Limit, "limit", 0, "take at most `N` samples; 0: all")
	d.Seed = new(uint64)
	fl.Uint64Var(d.Seed, "seed", seed, "choose the samples of --limit at random, from seed `N`; 0: the first ones")
	d.images.Register(fl)
	choiceFlag(cmd, &d.Labels, "labels", "data", "take labels from the data, or use the original model's own answers", "data", "model")
	fl.Func("task", "the model's task: `TASK`, or OUTPUT=TASK,OUTPUT2=TASK2 (default: guessed from outputs and labels)", func(text string) (err error) {
		d.task, err = advparams.ParseTask(text)
		return err
	})
	must(cmd.RegisterFlagCompletionFunc("task", cobra.FixedCompletions(advparams.TaskNames(), cobra.ShellCompDirectiveNoFileComp)))
	cmd.Flags().StringVar(&d.output, "output", "", "`NAME` of the model's output with the answers (default: the first output)")
	fl.StringArrayVar(&d.axes, "batch-axis", nil, "`NAME=K|none`: axis K of the input or output NAME counts samples, or none of its axes does; may be repeated (default: guessed from shapes, names and a run)")
	fl.StringArrayVar(&d.carry, "carry", nil, "`OUTPUT=INPUT`: samples are a sequence, and OUTPUT of the original for one sample is fed to INPUT for the next, starting with zeros; may be repeated")
	fileFlag(cmd, &d.Vocabulary, "vocabulary", "", "show tokens in reports as text; `FILE` has one token per line", "txt")
}

// finish reads the flags that have a form of their own.
func (d *dataFlags) finish() (err error) {
	if d.Preprocess, err = d.images.Value(); err != nil {
		return err
	}
	for _, one := range d.axes {
		name, axis, ok := cutLast(one)
		k, err := strconv.Atoi(axis)
		if axis == "none" {
			k, err = advparams.NoAxis, nil
		}
		if !ok || err != nil || k < advparams.NoAxis {
			return usagef("--batch-axis %q is not NAME=K or NAME=none", one)
		}
		if d.Axes == nil {
			d.Axes = map[string]int{}
		}
		d.Axes[name] = k
	}
	for _, one := range d.carry {
		out, in, ok := cutLast(one)
		if !ok {
			return usagef("--carry %q is not OUTPUT=INPUT", one)
		}
		if d.Carry == nil {
			d.Carry = map[string]string{}
		}
		d.Carry[in] = out
	}
	return nil
}

// cutLast cuts at the last =, because names may contain others.
func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndex(s, "=")
	if i <= 0 || i == len(s)-1 {
		return "", "", false
	}
	return s[:i], s[i+1:], true
}
