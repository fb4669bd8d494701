package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/internal/hint"
)

// choice is a flag value out of a fixed set.
type choice struct {
	value  *string
	values []string
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Set(s string) error {
	if !slices.Contains(c.values, s) {
		return fmt.Errorf("it is one of %s", strings.Join(c.values, ", "))
	}
	*c.value = s
	return nil
}

func (c *choice) Type() string { return strings.Join(c.values, "|") }

// glob turns a pattern into an expression that matches whole names: * stands for
// any characters, '/' and '.' included, ? for one.
func glob(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
	return regexp.MustCompile(`(?s)^` + quoted + `$`)
}

// selection returns a function that tells which of the names match one of the
// patterns in include, all if there are none, and none of those in exclude. A
// pattern that matches no name is taken for a mistake.
func selection(names, include, exclude []string) (func(string) bool, error) {
	chosen := map[string]bool{}
	mark := func(flag string, patterns []string, value bool) error {
		for _, p := range patterns {
			expr, found := glob(p), false
			for _, name := range names {
				if expr.MatchString(name) {
					chosen[name], found = value, true
				}
			}
			if !found {
				return hint.With(usagef("--%s %q matches no initializer", flag, p), "advparams inspect lists the initializers of a model")
			}
		}
		return nil
	}
	if len(include) == 0 {
		include = []string{"*"}
	}
	if err := mark("include", include, true); err != nil {
		return nil, err
	}
	if err := mark("exclude", exclude, false); err != nil {
		return nil, err
	}
	return func(name string) bool { return chosen[name] }, nil
}

// percentFlag is a share, given in percent or as a number up to 1.
type percentFlag float64

func (p *percentFlag) String() string {
	return strconv.FormatFloat(100*float64(*p), 'g', -1, 64) + "%"
}

func (p *percentFlag) Set(s string) error {
	text, percent := strings.CutSuffix(s, "%")
	v, err := strconv.ParseFloat(text, 64)
	if percent {
		v /= 100
	}
	if err != nil || !(v > 0 && v <= 1) {
		return errors.New("it is a share such as 0.5% or 0.005")
	}
	*p = percentFlag(v)
	return nil
}

func (p *percentFlag) Type() string { return "SHARE" }
