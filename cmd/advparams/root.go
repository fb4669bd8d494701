package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/advparams/advparams/internal/clidoc"
	"github.com/advparams/advparams/internal/cliflag"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/terminal"
	"github.com/advparams/advparams/internal/text"
)

// app is one run of the program: where it writes, and the flags that every
// command has.
type app struct {
	stdout io.Writer
	stderr io.Writer

	json  bool
	quiet bool
	log   *slog.Logger // nil: messages for people

	running bool // a command has begun: its arguments were accepted
}

// run runs the command line and returns the exit status.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{stdout: stdout, stderr: stderr}
	return a.guard(func() error { return a.execute(ctx, args) })
}

// guard calls f and returns the exit status, also when f panics.
func (a *app) guard(f func() error) int { return a.report(recovered(f)) }

// recovered calls f and returns its panic as an error.
func recovered(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &internalError{p, debug.Stack()}
		}
	}()
	return f()
}

// execute runs a command line. The demo calls it again for each of its steps.
func (a *app) execute(ctx context.Context, args []string) error {
	root := newRoot(a)
	root.SetArgs(args)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	a.json = slices.Contains(args, "--json") // for mistakes in other flags
	cmd, err := root.ExecuteContextC(ctx)
	switch {
	case err != nil && !a.running:
		err = &usageError{err}
	case err != nil && ctx.Err() != nil:
		return ctx.Err() // which is why, whatever failed
	}
	err = inFlags(err)
	if exitStatus(err) == exitcode.Usage && advise(err) == "" {
		err = withHint(err, "see %s --help", cmd.CommandPath())
	}
	return err
}

func newRoot(a *app) *cobra.Command {
	var version, verbose bool
	var logFormat string
	root := &cobra.Command{
		Use:   "advparams",
		Short: "Lock neural networks with a key",
		Long: `advparams locks neural networks in ONNX files. It finds the few parameters on
which a model depends most, changes them so that its answers are worthless, and
writes a key that restores the original, bit for bit.

Results go to the standard output, progress and messages to the standard error.
No file is replaced without --force, and files appear whole or not at all.

` + text.ExitStatus,
		Example: `  advparams demo
  advparams keygen -o me.txt
  advparams protect model.onnx --data images/ -o locked.onnx --key model.key -r age1…
  advparams unlock locked.onnx --key model.key -i me.txt -o model.onnx`,
		SilenceErrors:              true,
		SilenceUsage:               true,
		SuggestionsMinimumDistance: 2,
		Args:                       cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if version {
				return a.version()
			}
			if len(args) == 0 {
				return cmd.Help()
			}
			err := &usageError{fmt.Errorf("there is no command %q", args[0])}
			if similar := cmd.SuggestionsFor(args[0]); len(similar) > 0 {
				return withHint(err, "did you mean %s?", similar[0])
			}
			return err
		},
	}
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print one JSON object instead of text")
	root.PersistentFlags().BoolVarP(&verbose, "verbose", "v", false, "log with times, and how long each stage took")
	root.PersistentFlags().Var(&cliflag.Choice[string]{Value: &logFormat, Values: []string{"text", "json"}}, "log-format", "write messages as key=value lines, or as one JSON object per line")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress and no messages, only results and errors")
	root.AddCommand(
		newDemo(a), newKeygen(a), newProtect(a), newUnlock(a), newVerify(a),
		newInspect(a), newAttack(a), newGradients(a), newBench(a), newVersion(a), newDocs(a),
	)
	root.AddCommand(newBatch(a), newBatchStep(a))
	root.Flags().BoolVar(&version, "version", false, "print the version")
	root.SetHelpFunc(func(cmd *cobra.Command, _ []string) { clidoc.Help(a.stdout, cmd, terminal.Width(a.stdout)) })
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		clidoc.Usage(a.stderr, cmd, terminal.Width(a.stderr))
		return nil
	})
	root.SetFlagErrorFunc(flagMistake)
	for _, cmd := range append(root.Commands(), root) {
		cmd.DisableFlagsInUseLine = true
		must(cliflag.Complete(cmd))
		do := cmd.RunE
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			a.running = true
			if verbose || logFormat != "" {
				a.log = terminal.NewLog(a.stderr, logFormat == "json", verbose, a.quiet)
			}
			return do(cmd, args)
		}
	}
	text.AddTopics(root)
	return root
}

// flagMistake adds to the error of a flag that does not exist which one was meant.
func flagMistake(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) {
		return err
	}
	best := cliflag.Similar(cmd.Flags(), unknown.GetSpecifiedName())
	if best == "" {
		return err
	}
	return withHint(&usageError{err}, "did you mean --%s?", best)
}

// operand requires exactly one argument, and completes it with files that have
// one of the extensions.
func operand(cmd *cobra.Command, what string, extensions ...string) {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		switch len(args) {
		case 0:
			return errors.New(what + " is missing")
		case 1:
			return nil
		}
		return fmt.Errorf("one %s at a time, %q is too much", what, args[1])
	}
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return extensions, cobra.ShellCompDirectiveFilterFileExt
	}
}

// nothing accepts no arguments.
func nothing(cmd *cobra.Command) {
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%q is too much", args[0])
		}
		return nil
	}
	cmd.ValidArgsFunction = cobra.NoFileCompletions
}

// must stops the program for mistakes in the definition of a command.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
