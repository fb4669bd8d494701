package wire

import (
	"strconv"
	"strings"
	"time"

	"github.com/advparams/advparams/internal/cliflag"
)

// CommandLine returns the arguments of advparams that do the same as the request,
// for people to read and to repeat. It names staged files as people know them.
func (r *Request) CommandLine() []string {
	var c commandLine
	switch {
	case r.Inputs != nil:
		c.args("inspect", dashed(r.Names.Of(r.Inputs.Model)))
	case r.Protect != nil:
		r.Protect.commandLine(&c, r.Names)
	case r.Verify != nil:
		r.Verify.commandLine(&c, r.Names)
	case r.Attack != nil:
		r.Attack.commandLine(&c, r.Names)
	}
	if r.Inputs == nil {
		c.integer("--threads", r.Threads)
		c.integer("--memory", int(r.Memory))
	}
	if r.Force {
		c.args("--force")
	}
	return c.list
}

// commandLine collects arguments.
type commandLine struct{ list []string }

func (c *commandLine) args(list ...string) { c.list = append(c.list, list...) }

// text adds a flag for every value that is not empty.
func (c *commandLine) text(flag string, values ...string) {
	for _, v := range values {
		if v != "" {
			c.args(flag, v)
		}
	}
}

func (c *commandLine) integer(flag string, n int) {
	if n > 0 {
		c.args(flag, strconv.Itoa(n))
	}
}

func (c *commandLine) number(flag string, x float64) {
	if x > 0 {
		c.args(flag, strconv.FormatFloat(x, 'g', -1, 64))
	}
}

func (c *commandLine) duration(flag string, d time.Duration) {
	if d > 0 {
		c.args(flag, d.String())
	}
}

func (c *commandLine) option(flag string, on bool) {
	if on {
		c.args(flag)
	}
}

func (p *Protect) commandLine(c *commandLine, names Names) {
	c.args(StepProtect, dashed(names.Of(p.Model)))
	p.Data.commandLine(c, names)
	c.text("-o", names.Of(p.Output))
	c.text("--key", names.Of(p.Key))
	c.text("-r", p.Seal.Recipients...)
	for _, f := range p.Seal.RecipientsFiles {
		c.text("-R", names.Of(f))
	}
	c.option("--passphrase", p.Seal.Passphrase)
	c.option("--plain-key", p.Seal.Plain)
	s := &p.Search
	c.text("--profile", s.Profile)
	c.number("--share", s.Share)
	c.option("--seal-scales", s.SealScales)
	if s.Samples != nil {
		c.args("--samples", strconv.Itoa(*s.Samples))
	}
	c.number("--target-accuracy", s.Target)
	c.integer("--max-params", s.MaxParams)
	c.duration("--time-limit", s.TimeLimit)
	c.text("--include", s.Include...)
	c.text("--exclude", s.Exclude...)
	c.text("--bounds", s.Bounds)
	c.option("--allow-partial", s.AllowPartial)
}

func (v *Verify) commandLine(c *commandLine, names Names) {
	c.args(StepVerify, "--locked", names.Of(v.Locked), "--original", names.Of(v.Original))
	c.text("--key", names.Of(v.Key))
	c.text("-i", v.Identities...)
	v.Data.commandLine(c, names)
	c.text("--report", names.Of(v.Report))
}

func (a *Attack) commandLine(c *commandLine, names Names) {
	c.args(StepAttack, dashed(names.Of(a.Locked)))
	a.Data.commandLine(c, names)
	c.text("--test", names.Of(a.Test))
	t := &a.Trials
	c.integer("--test-limit", t.TestLimit)
	c.number("--fraction", t.Fraction)
	c.text("--attacks", strings.Join(t.Attacks, ","))
	c.text("--grid", strings.Join(t.Grid, ","))
	c.integer("--epochs", t.Epochs)
	c.integer("--batch", t.Batch)
	c.duration("--time-limit", t.TimeLimit)
	c.text("--key", names.Of(a.Key))
	c.text("-i", a.Identities...)
	c.text("--state", names.Of(a.Notes))
	c.text("--report", names.Of(a.Report))
}

func (d *Data) commandLine(c *commandLine, names Names) {
	if d.Path == "" { // which sealed models need not have
		return
	}
	c.args("--data", names.Of(d.Path))
	c.text("--split", d.Split)
	c.integer("--limit", d.Limit)
	if d.Seed != nil {
		c.args("--seed", strconv.FormatUint(*d.Seed, 10))
	}
	c.text("--preset", d.Preset)
	c.args(cliflag.PreprocessFlags(d.Preprocess)...)
	c.text("--labels", d.Labels)
	c.text("--task", d.Task)
	c.text("--output", d.Output)
}

// dashed keeps a path that begins with a dash from being taken for a flag.
func dashed(path string) string {
	if strings.HasPrefix(path, "-") {
		return "./" + path
	}
	return path
}

// Shell joins arguments into a line for a POSIX shell.
func Shell(args []string) string {
	parts := make([]string, len(args))
	for i, a := range args {
		parts[i] = quoted(a)
	}
	return strings.Join(parts, " ")
}

// quoted quotes an argument for a POSIX shell if need be.
func quoted(arg string) string {
	special := func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=,:@%+", r))
	}
	if arg != "" && strings.IndexFunc(arg, special) < 0 {
		return arg
	}
	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
