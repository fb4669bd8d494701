package batch

import (
	"slices"
	"time"

	"github.com/advparams/advparams/internal/wire"
)

// steps are the steps of a job in the order in which they are done.
var steps = []string{wire.StepProtect, wire.StepVerify, wire.StepAttack}

// usualSteps are done if the manifest names none. Attacks are left out because
// they take far longer than everything else.
var usualSteps = []string{wire.StepProtect, wire.StepVerify}

func (o *Options) does(step string) bool {
	return slices.Contains(o.Steps, step)
}

// opens reports whether the key can be opened, so that verify can check it.
func (o *Options) opens() bool {
	return o.Seal.Plain || o.Seal.Passphrase || len(o.Verify.Identities) > 0
}

// request returns what a child process is asked to do for a step.
func (j *Job) request(step string, threads int) *wire.Request {
	r := &wire.Request{Threads: threads}
	switch step {
	case wire.StepProtect:
		r.Protect = &wire.Protect{
			Model: j.Model, Output: j.Output, Key: j.Key,
			Seal: wire.Seal(j.Seal), Data: wire.Data(j.Data), Search: j.search(),
		}
	case wire.StepVerify:
		r.Verify = &wire.Verify{Locked: j.Output, Original: j.Model, Data: wire.Data(j.verifyData()), Report: j.Report}
		r.Verify.Identities = j.Verify.Identities
		if j.opens() {
			r.Verify.Key = j.Key
		}
	case wire.StepAttack:
		r.Attack = &wire.Attack{
			Locked: j.Output, Data: wire.Data(j.attackData()), Test: j.testPath(),
			Notes: j.notes(), Trials: j.trials(),
		}
		if j.Attack.Key {
			r.Attack.Key, r.Attack.Identities = j.Key, j.Verify.Identities
		}
	}
	return r
}

// search returns the options that decide which parameters change.
func (o *Options) search() wire.Search {
	return wire.Search{
		Profile: o.Profile, Budget: float64(o.Budget), Samples: o.Samples, Target: float64(o.TargetAccuracy),
		MaxParams: o.MaxParams, Include: o.Include, Exclude: o.Exclude,
		Bounds: o.Bounds, AllowPartial: o.AllowPartial,
	}
}

// trials returns the options that decide what an attacker tries.
func (o *Options) trials() wire.Trials {
	a := &o.Attack
	return wire.Trials{
		TestLimit: a.Test.Limit, Fraction: a.Fraction, Attacks: a.Attacks, Grid: a.Grid,
		Epochs: a.Epochs, Batch: a.Batch, TimeLimit: time.Duration(a.TimeLimit),
	}
}

// verifyData returns the samples to verify with.
func (o *Options) verifyData() Data { return o.Data.but(o.Verify.Data) }

// attackData returns the attacker's samples.
func (o *Options) attackData() Data { return o.Data.but(o.Attack.Data) }

// testPath returns the path of the samples that attacked models are measured on.
func (o *Options) testPath() string {
	if o.Attack.Test.Path != "" {
		return o.Attack.Test.Path
	}
	return o.verifyData().Path
}

// but returns the data for a step, given what differs from the data of the
// search. Verifying and attacking have parts of the data of their own, so split,
// limit and seed of the search do not carry over.
func (d Data) but(step Data) Data {
	d.Split, d.Limit, d.Seed = step.Split, step.Limit, step.Seed
	if step.Path != "" {
		d.Path = step.Path
	}
	if step.Mean != nil {
		d.Mean = step.Mean
	}
	if step.Std != nil {
		d.Std = step.Std
	}
	if step.Labels != "" {
		d.Labels = step.Labels
	}
	if step.Task != "" {
		d.Task = step.Task
	}
	if step.Output != "" {
		d.Output = step.Output
	}
	return d
}

// notes returns the file in which finished attacks are noted.
func (j *Job) notes() string { return j.state(".attacks.json") }

// Commands returns the command lines that do what the job does, without the name
// of the program, for people to read and to repeat. The batch itself runs steps
// in child processes, which get typed requests.
func (j *Job) Commands(threads int) []string {
	var lines []string
	for _, step := range steps {
		if j.does(step) {
			lines = append(lines, wire.Shell(j.request(step, threads).CommandLine()))
		}
	}
	return lines
}
