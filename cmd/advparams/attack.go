package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/text"
)

type assault struct {
	app  *app
	opt  advparams.AttackOptions
	data dataFlags // the attacker's
	open openFlags
	grid []string
}

func newAttack(a *app) *cobra.Command {
	s := &assault{app: a}
	cmd := &cobra.Command{
		Use:   "attack LOCKED.onnx --data DATA --test DATA [--fraction F]",
		Short: "Measure what an attacker regains from a locked model without its key",
		Long: `Attack a locked model like somebody who has some training data but no key:
fine-tuning, pruning, resetting suspicious values, initialising layers anew, running the
search backwards, and more.

Results are compared with the zero line: what the same training reaches without the locked
weights. Each attack that trains is repeated from a start that holds nothing of the original,
and training from scratch tries further starts. The best of these is the zero line. The
advantage is the best attack minus the zero line. Both are chosen by the attacker's own
validation samples. A model that resists has an advantage of at most zero. For tasks other than
classification, figures are qualities rather than accuracies (docs/method.md).

The attacks:
` + attackList() + `
The attacker has the share --fraction of the data, keeps a tenth of that for validation,
and tries every optimiser of --grid. --key or --original adds attackers who know more:
where the changes are, or a part of the key. Their results do not count for the
advantage.

--public adds an attacker who has the public model that this one was tuned from. He replaces
weights that deviate from it by its own. --oracle adds an attacker who can query the original,
and trains on its answers. The zero line then includes the public model, tuned, and a copy
trained from scratch on the answers.

Attacks take minutes to hours. The cheap ones come first. With --time-limit, those that are
finished by then are reported. If none is, the exit status is 3. --state keeps the results of
finished attacks in a file, so that the same command continues where it was interrupted or ran
out of time.

With --key or --original, the report also says how well changed weights can be distinguished
from others. For each criterion it has the AUC, which is 0.5 for guesses and 1 for certainty,
and the share of changed weights among the most suspicious ones.

` + text.Data,
		Example: `  advparams attack locked.onnx --data images/ --test images/ --state attacks.json
  advparams attack locked.onnx --data train.npz --test test.npz --attacks fine-tune,repair --epochs 5`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.opt.Locked = args[0]
			return s.run(cmd.Context())
		},
	}
	operand(cmd, "the locked model", "onnx")
	s.data.register(cmd, advparams.Train, 1)
	fl := cmd.Flags()
	must(errors.Join(fl.MarkHidden("labels"), fl.MarkHidden("vocabulary"))) // nobody to ask, no samples shown
	fileFlag(cmd, &s.opt.Test.Path, "test", "", "measure on the samples in `PATH`; of its test split, if it has splits")
	fl.IntVar(&s.opt.Test.Limit, "test-limit", 0, "measure on at most `N` samples; 0: all")
	s.open.register(cmd, "the `KEY`, to measure what a part of it is worth")
	fileFlag(cmd, &s.opt.Original, "original", "", "the `MODEL.onnx` before locking, in place of the key", "onnx")
	fileFlag(cmd, &s.opt.Public, "public", "", "`BASE.onnx`, a public model that this one may have been tuned from", "onnx")
	fileFlag(cmd, &s.opt.Oracle, "oracle", "", "`ORIGINAL.onnx`, which the attacker can ask, but not read", "onnx")
	fl.Float64Var(&s.opt.Fraction, "fraction", 0.1, "share `F` of the data that the attacker has")
	fl.BoolVar(&s.opt.Curve, "curve", false, "measure with 0.1, 1, 10 and 100 % of the data as well")
	fl.StringSliceVar(&s.opt.Attacks, "attacks", nil, "run only the attacks `A,B,C` (default: all)")
	fl.StringSliceVar(&s.grid, "grid", gridNames(), "optimisers with learning rates `O,O,O`, each of which is tried")
	fl.IntVar(&s.opt.Epochs, "epochs", 20, "train for `N` epochs")
	fl.IntVar(&s.opt.Batch, "batch", 64, "training batches of `N` samples")
	fl.DurationVar(&s.opt.TimeLimit, "time-limit", 0, "stop after `TIME`, for example 30m; attacks that are not finished do not count")
	fileFlag(cmd, &s.opt.State, "state", "", "note finished attacks in `FILE.json`, and do not repeat those that are there", "json")
	fileFlag(cmd, &s.opt.Report, "report", "", "write the results to `FILE.html` as well, one page without external parts", "html")
	fl.BoolVar(&s.opt.Force, "force", false, "replace the report if it exists")
	machineFlags(cmd, &s.opt.Threads, 0, &s.opt.Memory)
	fl.Lookup("grid").DefValue = strings.Join(gridNames(), ",")
	fl.Lookup("time-limit").DefValue = "0"
	fl.Lookup("seed").Usage = "choose samples, their order and initial weights at random, from seed `N`"
	must(cmd.MarkFlagRequired("data"))
	must(cmd.MarkFlagRequired("test"))
	must(cmd.RegisterFlagCompletionFunc("attacks", cobra.FixedCompletions(attackNames(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// attackList describes the attacks, one per line.
func attackList() string {
	var b strings.Builder
	for _, one := range advparams.Attacks() {
		fmt.Fprintf(&b, "  %-15s %s\n", one.Name, one.About)
	}
	return b.String()
}

func attackNames() []string {
	var names []string
	for _, one := range advparams.Attacks() {
		names = append(names, one.Name)
	}
	return names
}

func gridNames() []string {
	var names []string
	for _, o := range advparams.DefaultGrid() {
		names = append(names, o.String())
	}
	return names
}

func (s *assault) check() error {
	o := &s.opt
	switch {
	case !(o.Fraction > 0 && o.Fraction <= 1):
		return usagef("--fraction %g is not above 0 and at most 1", o.Fraction)
	case o.Epochs < 1 || o.Batch < 1:
		return usagef("--epochs and --batch are at least 1")
	case s.open.path != "" && o.Original != "":
		return usagef("--key and --original say the same: give one of them")
	}
	if err := s.open.check(); err != nil {
		return err
	}
	return s.app.checkStreams(o.Report)
}

func (s *assault) run(ctx context.Context) (err error) {
	if err := s.check(); err != nil {
		return err
	}
	opt := &s.opt
	if err := s.data.finish(); err != nil {
		return err
	}
	opt.Data, opt.Output, opt.Task = s.data.Data, s.data.output, s.data.task
	for _, text := range s.grid {
		o, err := advparams.ParseOptimiser(text)
		if err != nil {
			return &usageError{fmt.Errorf("--grid: %w", err)}
		}
		opt.Grid = append(opt.Grid, o)
	}
	opt.ReportTo = s.app.stream(&opt.Report)
	if opt.Key, err = s.open.file(s.app); err != nil {
		return err
	}
	show := s.app.watch()
	defer show.close()
	opt.Progress, opt.Notice = show.progress, show.notice
	r, err := advparams.Attack(ctx, *opt)
	if err != nil {
		return err
	}
	show.close()
	if opt.ReportTo != nil {
		return nil
	}
	return s.app.result(r, func(w io.Writer) { text.Attacks(w, r, opt.TimeLimit) })
}
