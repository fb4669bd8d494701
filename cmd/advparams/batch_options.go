package main

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify/attack"
)

// The requests of a batch as options of package advparams.

// protectOptions returns the options to lock a model with.
func (a *app) protectOptions(req *wire.Request) (opt advparams.ProtectOptions, err error) {
	p, s := req.Protect, &req.Protect.Search
	opt = advparams.ProtectOptions{
		Model: p.Model, Output: p.Data.Output, Data: dataOf(&p.Data),
		Locked: p.Output, Key: p.Key, Force: req.Force, KeepOldKey: p.KeepOldKey, AllowPartial: s.AllowPartial,
		Profile: advparams.Profile(s.Profile), Budget: s.Budget, Target: s.Target, MaxParams: s.MaxParams,
		Include: s.Include, Exclude: s.Exclude, Unbounded: s.Bounds == "none",
		Threads: req.Threads, Created: now(),
	}
	if s.Samples != nil {
		if opt.Samples = *s.Samples; opt.Samples == 0 {
			opt.Samples = advparams.AllSamples
		}
	}
	if opt.Task, err = taskOf(&p.Data); err != nil {
		return opt, err
	}
	seal := sealFlags{recipients: p.Seal.Recipients, files: p.Seal.RecipientsFiles, passphrase: p.Seal.Passphrase, plain: p.Seal.Plain}
	return opt, seal.apply(a, &opt)
}

// verifyOptions returns the options to verify a locked model with.
func (a *app) verifyOptions(req *wire.Request) (opt advparams.VerifyOptions, err error) {
	v := req.Verify
	opt = advparams.VerifyOptions{
		Original: v.Original, Locked: v.Locked, Data: dataOf(&v.Data), Output: v.Data.Output,
		Report: v.Report, Force: req.Force, Threads: req.Threads,
	}
	if opt.Task, err = taskOf(&v.Data); err != nil {
		return opt, err
	}
	opt.Key, err = a.keyOf(v.Key, v.Identities)
	return opt, err
}

// attackOptions returns the options to attack a locked model with.
func (a *app) attackOptions(req *wire.Request) (opt advparams.AttackOptions, err error) {
	r, t := req.Attack, &req.Attack.Trials
	opt = advparams.AttackOptions{
		Locked: r.Locked, Output: r.Data.Output, Data: dataOf(&r.Data),
		Test:     advparams.Data{Path: r.Test, Limit: t.TestLimit},
		Fraction: t.Fraction, Attacks: t.Attacks, Epochs: t.Epochs, Batch: t.Batch, TimeLimit: t.TimeLimit,
		State: r.Notes, Threads: req.Threads,
	}
	for _, text := range t.Grid {
		o, err := attack.ParseOptimiser(text)
		if err != nil {
			return opt, &usageError{fmt.Errorf("attack.grid: %w", err)}
		}
		opt.Grid = append(opt.Grid, o)
	}
	if opt.Task, err = taskOf(&r.Data); err != nil {
		return opt, err
	}
	opt.Key, err = a.keyOf(r.Key, r.Identities)
	return opt, err
}

// dataOf returns which samples to take.
func dataOf(d *wire.Data) advparams.Data {
	return advparams.Data{
		Path: d.Path, Split: dataset.Split(d.Split), Limit: d.Limit, Seed: d.Seed,
		Mean: d.Mean, Std: d.Std, Labels: advparams.Labels(d.Labels),
	}
}

// taskOf returns what a model is for; nil: what it looks like.
func taskOf(d *wire.Data) (task.Task, error) {
	if d.Task == "" {
		return nil, nil
	}
	return task.ByName(d.Task)
}

// keyOf returns a key and what opens it; none if there is no path.
func (a *app) keyOf(path string, identities []string) (advparams.KeyFile, error) {
	if path == "" {
		return advparams.KeyFile{}, nil
	}
	return (&openFlags{identities}).file(a, path)
}

// inManifest words a mistake in options in terms of the manifest, which is where
// the options of a batch come from.
func inManifest(err error, step string) error {
	var option *advparams.OptionError
	if !errors.As(err, &option) {
		return err
	}
	return &optionError{err, option.Describe(manifestOption(step, option.Option))}
}

// manifestOptions are the options of a manifest that have other names than those
// of package advparams.
var manifestOptions = map[string]string{
	"Target": "target_accuracy", "Unbounded": "bounds", "Recipients": "seal",
	"Locked": "output", "Output": "data.output", "Task": "data.task",
}

// manifestOption returns the option of a manifest that an option of package
// advparams comes from: verify.data.limit for Data.Limit.
func manifestOption(step, option string) string {
	name, ok := manifestOptions[option]
	if !ok {
		var b strings.Builder
		for i, r := range option {
			if unicode.IsUpper(r) && i > 0 && option[i-1] != '.' {
				b.WriteByte('_')
			}
			b.WriteRune(unicode.ToLower(r))
		}
		name = b.String()
	}
	if step == wire.StepProtect {
		return name
	}
	return step + "." + name
}
