package batch

import (
	"strconv"
	"strings"
	"time"
)

// The steps of a job, which are subcommands.
const (
	stepProtect = "protect"
	stepVerify  = "verify"
	stepAttack  = "attack"
)

// steps are in the order in which they are done.
var steps = []string{stepProtect, stepVerify, stepAttack}

// usualSteps are done where the manifest names none. Attacks take far longer
// than all else.
var usualSteps = []string{stepProtect, stepVerify}

// InputsCommand is the subcommand that prints, as a JSON array of FileState, the
// files a model consists of. It is a process of its own like the others because
// it parses models.
const InputsCommand = "batch-inputs"

// threadsArg, where n is more than 0.
func threadsArg(n int) []string {
	if n < 1 {
		return nil
	}
	return []string{"--threads", strconv.Itoa(n)}
}

// protectArgs returns the arguments that lock the model.
func (j *Job) protectArgs(threads int) []string {
	args := append([]string{stepProtect, dashed(j.Model)}, j.Data.args()...)
	add := func(name, value string) { args = append(args, name, value) }
	add("-o", j.Output)
	add("--key", j.Key)
	for _, r := range j.Seal.Recipients {
		add("-r", r)
	}
	for _, f := range j.Seal.RecipientsFiles {
		add("-R", f)
	}
	if j.Seal.Passphrase {
		args = append(args, "--passphrase")
	}
	if j.Seal.Plain {
		args = append(args, "--plain-key")
	}
	return append(append(args, j.choices()...), threadsArg(threads)...)
}

// choices returns the flags that decide which parameters change.
func (j *Job) choices() []string {
	var args []string
	add := func(name, value string) { args = append(args, name, value) }
	if j.Profile != "" {
		add("--profile", j.Profile)
	}
	if j.Budget != "" {
		add("--budget", j.Budget)
	}
	if j.Samples != nil {
		add("--samples", strconv.Itoa(*j.Samples))
	}
	if j.TargetAccuracy != "" {
		add("--target-accuracy", j.TargetAccuracy)
	}
	if j.MaxParams > 0 {
		add("--max-params", strconv.Itoa(j.MaxParams))
	}
	for _, p := range j.Include {
		add("--include", p)
	}
	for _, p := range j.Exclude {
		add("--exclude", p)
	}
	if j.Bounds != "" {
		add("--bounds", j.Bounds)
	}
	if j.AllowPartial {
		args = append(args, "--allow-partial")
	}
	return args
}

// opens reports whether the key can be opened, so that verify can check it.
func (o *Options) opens() bool {
	return o.Seal.Plain || o.Seal.Passphrase || len(o.Verify.Identities) > 0
}

// verifyArgs returns the arguments that verify the locked model.
func (j *Job) verifyArgs(threads int) []string {
	args := []string{stepVerify, "--locked", j.Output, "--original", j.Model}
	if j.opens() {
		args = append(args, "--key", j.Key)
	}
	for _, i := range j.Verify.Identities {
		args = append(args, "-i", i)
	}
	data := j.Data.but(j.Verify.Data)
	args = append(args, data.args()...)
	if j.Report != "" {
		args = append(args, "--report", j.Report)
	}
	return append(args, threadsArg(threads)...)
}

// but returns the data for a step, which says what differs from the data of the
// search. The split and the number of samples are those of the search only if
// the step says so: verifying has a part of its own, and so has the attacker.
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

// attackArgs returns the arguments that attack the locked model.
func (j *Job) attackArgs(threads int) []string {
	args := append([]string{stepAttack, dashed(j.Output)}, j.attackData().args()...)
	args = append(args, "--test", j.testPath())
	args = append(args, j.attackChoices()...)
	if j.Attack.Key {
		args = append(args, "--key", j.Key)
		for _, i := range j.Verify.Identities {
			args = append(args, "-i", i)
		}
	}
	args = append(args, "--state", j.notes())
	return append(args, threadsArg(threads)...)
}

// attackData returns the attacker's data.
func (j *Job) attackData() *Data {
	d := j.Data.but(j.Attack.Data)
	return &d
}

// testPath returns the data that accuracies after attacks are measured on.
func (j *Job) testPath() string {
	if j.Attack.Test.Path != "" {
		return j.Attack.Test.Path
	}
	return j.Data.but(j.Verify.Data).Path
}

// attackChoices returns the flags that decide what is tried.
func (j *Job) attackChoices() []string {
	a := &j.Attack
	var args []string
	add := func(name, value string) { args = append(args, name, value) }
	if a.Test.Limit > 0 {
		add("--test-limit", strconv.Itoa(a.Test.Limit))
	}
	if a.Fraction > 0 {
		add("--fraction", strconv.FormatFloat(a.Fraction, 'g', -1, 64))
	}
	if len(a.Attacks) > 0 {
		add("--attacks", strings.Join(a.Attacks, ","))
	}
	if len(a.Grid) > 0 {
		add("--grid", strings.Join(a.Grid, ","))
	}
	if a.Epochs > 0 {
		add("--epochs", strconv.Itoa(a.Epochs))
	}
	if a.Batch > 0 {
		add("--batch", strconv.Itoa(a.Batch))
	}
	if a.TimeLimit > 0 {
		add("--time-limit", time.Duration(a.TimeLimit).String())
	}
	return args
}

// notes is the file in which finished attacks are noted.
func (j *Job) notes() string { return j.state(".attacks.json") }

func (d *Data) args() []string {
	return append([]string{"--data", d.Path}, d.choices()...)
}

// choices returns the flags that select and prepare samples.
func (d *Data) choices() []string {
	var args []string
	add := func(name, value string) { args = append(args, name, value) }
	if d.Split != "" {
		add("--split", d.Split)
	}
	if d.Limit > 0 {
		add("--limit", strconv.Itoa(d.Limit))
	}
	if d.Seed != nil {
		add("--seed", strconv.FormatUint(*d.Seed, 10))
	}
	if len(d.Mean) > 0 {
		add("--mean", floats(d.Mean))
	}
	if len(d.Std) > 0 {
		add("--std", floats(d.Std))
	}
	if d.Labels != "" {
		add("--labels", d.Labels)
	}
	if d.Task != "" {
		add("--task", d.Task)
	}
	if d.Output != "" {
		add("--output", d.Output)
	}
	return args
}

func floats(list []float32) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = strconv.FormatFloat(float64(v), 'g', -1, 32)
	}
	return strings.Join(parts, ",")
}

// dashed keeps a path that begins with a dash from being taken for a flag.
func dashed(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

// Commands returns the command lines of a job, for people to read or repeat.
func (j *Job) Commands(threads int) []string {
	var lines []string
	for _, step := range steps {
		if !j.does(step) {
			continue
		}
		args := j.stepArgs(step, threads)
		for i, a := range args {
			args[i] = quoted(a)
		}
		lines = append(lines, strings.Join(args, " "))
	}
	return lines
}

func (j *Job) stepArgs(step string, threads int) []string {
	switch step {
	case stepProtect:
		return j.protectArgs(threads)
	case stepVerify:
		return j.verifyArgs(threads)
	}
	return j.attackArgs(threads)
}

// quoted quotes an argument for a POSIX shell if need be.
func quoted(arg string) string {
	plain := arg != "" && strings.IndexFunc(arg, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=,:@%+", r))
	}) < 0
	if plain {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
