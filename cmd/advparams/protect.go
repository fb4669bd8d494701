package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/cliflag"
	"github.com/advparams/advparams/internal/text"
)

type protect struct {
	app    *app
	opt    advparams.ProtectOptions
	data   dataFlags
	seal   sealFlags
	bounds string

	secret string // the file of the secret

	samplesGiven bool // --samples was
	given        func(flag string) bool
}

func newProtect(a *app) *cobra.Command {
	p := &protect{app: a}
	cmd := &cobra.Command{
		Use:   "protect MODEL.onnx [--profile minimal] --data DATA -o LOCKED.onnx --key KEY (-r RECIPIENT | -R FILE | --passphrase | --plain-key)",
		Short: "Lock a model and write the key",
		Long: `Find the few parameters whose change makes a model useless. Write a model in which
they are changed, and a key that restores the original. Every changed value stays
between the smallest and the largest value of its tensor, and nothing else in the file
differs.

That keeps a model from being used. Somebody who has training data, or the public model
that this one was tuned from, can undo it. --profile sealed encrypts every weight instead. The
file stays a valid model of the same size and speed. Its key is a seed and a list of tensors.
An attacker learns the architecture and the scale of the weights. This profile needs no data,
no gradient and no support for the model's operators. With --data the accuracy is measured
before and after. --share seals only the first weights in graph order. --in-place changes the
model's own files, with a journal beside them: after an interruption, the next protect or
unlock of the same model goes on. docs/sealing.md says what is proved; advparams attack
measures what an attacker with data regains.

The search computes the gradient on labelled samples, ranks all parameters by
gradient × step, tries the best of them, and continues until the accuracy on the samples
has fallen to the target. The same samples and flags give the same model.

A model may have several outputs with answers. Without --output, all of floating-point
type are compared with those of the original, and those that are still right are locked as
well. If one stays right, the exit status is 3 and nothing is written (see --allow-partial).
With --output, other outputs are only warned of.

` + text.Tasks + `

` + text.Data + `

--data none makes up samples: waves, noise, and noise that follows the gradient of the model
until the model is sure of a class. The lock is then judged on samples of other kinds. The
search goes on until the lock holds there; otherwise the exit status is 3. The output and the
key say that no real data was seen: measure with verify what the lock is worth. --mean and
--std describe the inputs that the model expects. Without them, samples of several ranges are
made: about 0, from 0 to 1 and, if the answers to those are all alike, to 255. --shape is the
shape of a sample, if the model leaves it open.`,
		Example: `  advparams protect model.onnx --data images/ -o locked.onnx --key model.key -r age1…
  advparams protect model.onnx --data set.npz --labels model -o locked.onnx --key model.key --passphrase
  advparams protect model.onnx --data none --shape 3,224,224 -o locked.onnx --key model.key -r age1…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.opt.Model = args[0]
			p.given = cmd.Flags().Changed
			p.samplesGiven = p.given("samples")
			return p.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fl := cmd.Flags()
	fileFlag(cmd, &p.opt.Locked, "out", "o", "write the locked model to `LOCKED.onnx`; - for standard output", "onnx")
	fileFlag(cmd, &p.opt.Key, "key", "", "write the key to `KEY`; - for standard output", "key")
	p.seal.register(cmd)
	p.data.register(cmd, advparams.Train, 1)
	fl.IntVar(&p.opt.Samples, "samples", 2000, "search on at most `N` samples; 0: all. With --data none, make that many (then 512 or fewer by default)")
	fl.IntSliceVar(&p.data.Shape, "shape", nil, "with --data none, `D1,D2,…` is the shape of a sample")
	fl.Lookup("shape").DefValue = ""
	fl.Var((*cliflag.Accuracy)(&p.opt.Target), "target-accuracy", "stop at this accuracy, between 0 and 1, or at chance")
	fl.IntVar(&p.opt.MaxParams, "max-params", 0, "change at most `N` parameters (default 128, and more only if these are not enough)")
	fl.DurationVar(&p.opt.TimeLimit, "time-limit", 0, "end the search after `TIME`, such as 90s or 10m; the result then depends on the machine")
	fl.Lookup("time-limit").DefValue = ""
	fl.IntVar(&p.opt.Beam, "beam", 1, "follow the best `N` sets of changes at a time; a larger N may find fewer changes and takes longer")
	fl.BoolVar(&p.opt.EveryAnswer, "every-answer", false, "make a model useless also without its most frequent answers, which takes more changes")
	fl.StringArrayVar(&p.opt.Include, "include", nil, "change only tensors whose name matches `GLOB`, * for any characters; may be repeated")
	fl.StringArrayVar(&p.opt.Exclude, "exclude", nil, "leave out tensors whose name matches `GLOB`; may be repeated")
	choiceFlag(cmd, &p.bounds, "bounds", "tensor", "keep changed values in the range of their tensor, or not", "tensor", "none")
	choiceFlag(cmd, &p.opt.Profile, "profile", advparams.Minimal, "change the fewest parameters, or encrypt every weight", "minimal", "sealed")
	fl.Var((*cliflag.Share)(&p.opt.Share), "share", "with --profile sealed, encrypt only the first weights in graph order, up to this share of the parameters")
	fl.Lookup("share").DefValue = ""
	fl.BoolVar(&p.opt.SealScales, "seal-scales", false, "with --profile sealed, encrypt the scales of quantised channels too; onnxruntime is then slower")
	fileFlag(cmd, &p.secret, "secret", "", "with --profile sealed, derive the seed from the secret in `FILE` and from the model, so that outputs can be repeated", "")
	fl.BoolVar(&p.opt.InPlace, "in-place", false, "with --profile sealed, encrypt the model's own files")
	fl.BoolVar(&p.opt.AllowPartial, "allow-partial", false, "write the best lock so far when the target was not reached (exit status 3) or at Ctrl-C (130)")
	fileFlag(cmd, &p.opt.Report, "report", "", "write what was done to `FILE.html` as well, one page without external parts; it says where the changes are", "html")
	fl.BoolVar(&p.opt.Force, "force", false, "replace files that exist")
	runtimeFlags(cmd, &p.opt.Runtime, &p.opt.Python)
	machineFlags(cmd, &p.opt.Threads, 0, &p.opt.Memory)
	cmd.MarkFlagsMutuallyExclusive("out", "in-place")
	must(cmd.RegisterFlagCompletionFunc("target-accuracy", cobra.FixedCompletions([]string{"chance"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

func (p *protect) check() error {
	o := &p.opt
	others, why := []string{"share", "seal-scales", "secret", "in-place"}, "--profile sealed"
	if o.Profile == advparams.Sealed {
		others, why = []string{"max-params", "beam", "every-answer", "target-accuracy", "bounds", "allow-partial", "time-limit"}, "the other profile: --profile sealed does not search"
	}
	for _, name := range others {
		if p.given(name) {
			return usagef("--%s is for %s", name, why)
		}
	}
	switch {
	case len(p.missing()) > 0:
		return withHint(usagef("required flag(s) %s not set", strings.Join(p.missing(), ", ")), "samples are given with --data, or made up with --data none; --profile sealed needs none; see advparams protect --help")
	case o.MaxParams < 1 && p.given("max-params"):
		return usagef("--max-params %d is less than 1", o.MaxParams)
	case o.TimeLimit < 0:
		return usagef("--time-limit %v is negative", o.TimeLimit)
	case o.Beam < 1:
		return usagef("--beam %d is not between 1 and 64", o.Beam)
	case o.Samples < 0:
		return usagef("--samples %d is negative", o.Samples)
	}
	if err := p.seal.check(); err != nil {
		return err
	}
	return p.app.checkStreams(o.Locked, o.Key, o.Report)
}

// missing returns the flags that are required and not there.
func (p *protect) missing() (flags []string) {
	for _, f := range []struct {
		name     string
		required bool
	}{{"data", p.opt.Profile != advparams.Sealed}, {"key", true}, {"out", !p.opt.InPlace}} {
		if f.required && !p.given(f.name) {
			flags = append(flags, strconv.Quote(f.name))
		}
	}
	return flags
}

// complete sets the options that no flag sets directly.
func (p *protect) complete() error {
	o := &p.opt
	if err := p.data.finish(); err != nil {
		return err
	}
	o.Data, o.Output, o.Task = p.data.Data, p.data.output, p.data.task
	if o.Data.Path == noData {
		o.Data.Path, o.Data.MadeUp = "", o.Profile != advparams.Sealed
	}
	if p.secret != "" {
		secret, err := os.ReadFile(p.secret)
		if err != nil {
			return err
		}
		o.Secret = bytes.TrimSpace(secret)
	}
	switch {
	case !p.samplesGiven:
		o.Samples = 0 // which depends on the data
	case o.Samples == 0:
		o.Samples = advparams.AllSamples
	}
	o.Unbounded, o.Created = p.bounds == "none", now()
	o.LockedTo, o.KeyTo, o.ReportTo = p.app.stream(&o.Locked), p.app.stream(&o.Key), p.app.stream(&o.Report)
	return p.seal.apply(p.app, o)
}

func (p *protect) run(ctx context.Context) error {
	if err := p.check(); err != nil {
		return err
	}
	if err := p.complete(); err != nil {
		return err
	}
	show := p.app.watch()
	defer show.close()
	p.opt.Progress, p.opt.Notice = show.progress, show.notice
	r, missed := advparams.Protect(ctx, p.opt)
	show.close()
	if r == nil {
		return missed
	}
	if p.opt.LockedTo == nil && p.opt.KeyTo == nil && p.opt.ReportTo == nil {
		if err := p.app.result(r, func(w io.Writer) { text.Protection(w, r, p.seal.describe()) }); err != nil {
			return err
		}
	}
	return missed
}

// now is the time for files that name one. SOURCE_DATE_EPOCH, in seconds since
// 1970, stands in for it, so that outputs can be reproduced byte for byte.
func now() time.Time {
	if epoch, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		return time.Unix(epoch, 0).UTC()
	}
	return time.Now().Truncate(time.Second).UTC()
}
