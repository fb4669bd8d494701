package batchstep

import (
	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/wire"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify/attack"
)

// protectOptions returns the options to lock a model with.
func (h *Host) protectOptions(req *wire.Request) (opt advparams.ProtectOptions, err error) {
	p, s := req.Protect, &req.Protect.Search
	opt = advparams.ProtectOptions{
		Model: p.Model, Output: p.Data.Output,
		Locked: p.Output, Key: p.Key, Force: req.Force, KeepOldKey: p.KeepOldKey, AllowPartial: s.AllowPartial,
		Profile: advparams.Profile(s.Profile), Share: s.Share, SealScales: s.SealScales, Target: s.Target, MaxParams: s.MaxParams, TimeLimit: s.TimeLimit,
		Include: s.Include, Exclude: s.Exclude, Unbounded: s.Bounds == "none",
		PlainKey: p.Seal.Plain, Threads: req.Threads, Memory: req.Memory, Created: h.Created, Notice: h.Notice,
	}
	if p.Seal.Passphrase {
		opt.Passphrase = func() (string, error) { return h.Passphrase(true) }
	}
	if s.Samples != nil {
		if opt.Samples = *s.Samples; opt.Samples == 0 {
			opt.Samples = advparams.AllSamples
		}
	}
	if opt.Data, err = dataOf(&p.Data); err != nil {
		return opt, err
	}
	if opt.Task, err = taskOf(&p.Data); err != nil {
		return opt, err
	}
	opt.Recipients, err = advparams.Recipients(p.Seal.Recipients, p.Seal.RecipientsFiles)
	return opt, err
}

// verifyOptions returns the options to verify a locked model with.
func (h *Host) verifyOptions(req *wire.Request) (opt advparams.VerifyOptions, err error) {
	v := req.Verify
	opt = advparams.VerifyOptions{
		Original: v.Original, Locked: v.Locked, Output: v.Data.Output,
		Report: v.Report, Force: req.Force, Threads: req.Threads, Memory: req.Memory, Notice: h.Notice,
	}
	if opt.Data, err = dataOf(&v.Data); err != nil {
		return opt, err
	}
	if opt.Task, err = taskOf(&v.Data); err != nil {
		return opt, err
	}
	opt.Key, err = h.keyOf(v.Key, v.Identities)
	return opt, err
}

// attackOptions returns the options to attack a locked model with.
func (h *Host) attackOptions(req *wire.Request) (opt advparams.AttackOptions, err error) {
	r, t := req.Attack, &req.Attack.Trials
	opt = advparams.AttackOptions{
		Locked: r.Locked, Output: r.Data.Output,
		Test:     advparams.Data{Path: r.Test, Limit: t.TestLimit},
		Fraction: t.Fraction, Attacks: t.Attacks, Epochs: t.Epochs, Batch: t.Batch, TimeLimit: t.TimeLimit,
		State: r.Notes, Report: r.Report, Force: req.Force, Threads: req.Threads, Memory: req.Memory, Notice: h.Notice,
	}
	for _, text := range t.Grid {
		o, err := attack.ParseOptimiser(text)
		if err != nil {
			return opt, &advparams.OptionError{Option: "Grid", Reason: err.Error()}
		}
		opt.Grid = append(opt.Grid, o)
	}
	if opt.Data, err = dataOf(&r.Data); err != nil {
		return opt, err
	}
	if opt.Task, err = taskOf(&r.Data); err != nil {
		return opt, err
	}
	opt.Key, err = h.keyOf(r.Key, r.Identities)
	return opt, err
}

// dataOf returns which samples to take.
func dataOf(d *wire.Data) (advparams.Data, error) {
	data := advparams.Data{
		Path: d.Path, Split: advparams.Split(d.Split), Limit: d.Limit, Seed: d.Seed,
		Preprocess: d.Preprocess, Labels: advparams.Labels(d.Labels),
	}
	data.Preprocess.ClassNames = d.Classes
	if d.Preset != "" {
		base, err := advparams.Preset(d.Preset)
		if err != nil {
			return data, &advparams.OptionError{Option: "Preset", Value: d.Preset, Reason: err.Error(), Err: err}
		}
		data.Preprocess = data.Preprocess.Over(base)
	}
	return data, nil
}

// taskOf returns what a model is for; nil: what it looks like.
func taskOf(d *wire.Data) (task.Task, error) {
	if d.Task == "" {
		return nil, nil
	}
	return task.Parse(d.Task)
}

// keyOf returns a key and what opens it; none if there is no path.
func (h *Host) keyOf(path string, identities []string) (file advparams.KeyFile, err error) {
	if path == "" {
		return file, nil
	}
	file = advparams.KeyFile{Path: path, Passphrase: func() (string, error) { return h.Passphrase(false) }}
	file.Identities, err = advparams.Identities(identities...)
	return file, err
}
