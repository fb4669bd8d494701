package batch

import (
	"strings"
	"time"

	"github.com/advparams/advparams/internal/wire"
)

// request returns what a child process is asked to do for a step.
func (j *Job) request(step string, threads int) *wire.Request {
	r := &wire.Request{Threads: threads, Memory: int64(j.Memory)}
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
			Notes: j.notes(), Report: j.attackReport(), Trials: j.trials(),
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
		Profile: o.Profile, Share: float64(o.Share), SealScales: o.SealScales, Samples: o.Samples, Target: float64(o.TargetAccuracy),
		MaxParams: o.MaxParams, TimeLimit: time.Duration(o.TimeLimit), Include: o.Include, Exclude: o.Exclude,
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

// notes returns the file in which finished attacks are noted.
func (j *Job) notes() string { return j.state(".attacks.json") }

// attackReport returns where the report of attacks goes: beside the other. It is "" without
// reports.
func (j *Job) attackReport() string {
	if j.Report == "" {
		return ""
	}
	return strings.TrimSuffix(j.Report, ".html") + ".attacks.html"
}

// outputs returns the files that a job names, "" for none.
func (j *Job) outputs() []string {
	list := []string{j.Output, j.Key, j.Report}
	if j.does(wire.StepAttack) {
		list = append(list, j.attackReport())
	}
	return list
}

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
