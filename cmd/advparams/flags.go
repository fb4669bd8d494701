package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
)

// choice is a flag value out of a fixed set.
type choice[T ~string] struct {
	value  *T
	values []string
}

func (c *choice[T]) String() string {
	if c.value == nil {
		return ""
	}
	return string(*c.value)
}

func (c *choice[T]) Set(s string) error {
	if !slices.Contains(c.values, s) {
		return fmt.Errorf("it is one of %s", strings.Join(c.values, ", "))
	}
	*c.value = T(s)
	return nil
}

func (c *choice[T]) Type() string { return strings.Join(c.values, "|") }

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

// targetFlag is an accuracy; 0, the default, stands for chance.
type targetFlag float64

func (t *targetFlag) String() string {
	if *t == 0 {
		return "chance"
	}
	return strconv.FormatFloat(float64(*t), 'g', -1, 64)
}

func (t *targetFlag) Set(s string) error {
	if s == "chance" {
		*t = 0
		return nil
	}
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || !(v > 0 && v < 1) {
		return errors.New("it is a number between 0 and 1, or chance")
	}
	*t = targetFlag(v)
	return nil
}

func (t *targetFlag) Type() string { return "F|chance" }

// fileFlag defines a flag that is a file name, completed by extension.
func fileFlag(cmd *cobra.Command, p *string, name, short, usage string, extensions ...string) {
	cmd.Flags().StringVarP(p, name, short, "", usage)
	must(cmd.MarkFlagFilename(name, extensions...))
}

// choiceFlag defines a flag with a fixed set of values. The default may be "".
func choiceFlag[T ~string](cmd *cobra.Command, p *T, name string, value T, usage string, values ...string) {
	*p = value
	cmd.Flags().Var(&choice[T]{p, values}, name, usage)
	must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)))
}

// outputFlag defines --output.
func outputFlag(cmd *cobra.Command, p *string, usage string) {
	cmd.Flags().StringVar(p, "output", "", usage)
	must(cmd.RegisterFlagCompletionFunc("output", cobra.NoFileCompletions))
}

// threadsFlag defines --threads.
func threadsFlag(cmd *cobra.Command, p *int, value int) {
	cmd.Flags().IntVar(p, "threads", value, "`N` cores to compute on; 0: all")
}

// hide takes a flag that means nothing for a command out of its help.
func hide(cmd *cobra.Command, flag string) { must(cmd.Flags().MarkHidden(flag)) }
