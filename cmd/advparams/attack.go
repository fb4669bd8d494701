package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/verify"
	"github.com/advparams/advparams/verify/attack"
)

type assault struct {
	app    *app
	locked string
	data   dataFlags // the attacker's
	test   dataFlags
	key    string
	open   openFlags
	intact string

	fraction  float64
	attacks   []string
	grid      []string
	epochs    int
	batch     int
	timeLimit time.Duration
	state     string
	threads   int
}

func newAttack(a *app) *cobra.Command {
	s := &assault{app: a}
	cmd := &cobra.Command{
		Use:   "attack LOCKED.onnx --data DATA --test DATA [--fraction F]",
		Short: "Measure what can be made of a locked model without its key",
		Long: `Attack a locked model as somebody would who has some training data but not the key:
fine-tuning, pruning, resets of suspicious values, layers initialised anew, the search
run backwards, and more. For other tasks than classification qualities stand for
accuracies; docs/method.md has them. The yardstick is the same architecture trained from scratch on
the same samples; the advantage is what the best attack has over it. A model that
should resist has an advantage of at most zero.

The attacks:
` + attackList() + `
The attacker has the share --fraction of the data, keeps a tenth of that to choose
settings by, and tries every optimiser of --grid. With --key or --original attackers
are measured who know more: where the changes are, or a part of the key. These figures
do not count for the advantage.

Attacks take minutes to hours. --state notes those that are finished in a file, so that
the same command goes on where it was interrupted or out of time.

With --key or --original the report also says how well changed weights can be told
from others: for each of some suspicions the AUC, which is 0.5 where it tells nothing
and 1 where it tells all, and the share of changed weights among the most suspicious.

` + dataHelp,
		Example: `  advparams attack locked.onnx --data images/ --test images/ --state attacks.json
  advparams attack locked.onnx --data train.npz --test test.npz --attacks fine-tune,repair --epochs 5`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s.locked = args[0]
			return s.run(cmd.Context())
		},
	}
	operand(cmd, "the locked model", "onnx")
	s.data.register(cmd, dataset.Train, 1)
	fl := cmd.Flags()
	hide(cmd, "labels") // the attacker has nobody to ask
	fileFlag(cmd, &s.test.path, "test", "", "measure on the samples in `PATH`, of the test split where there are several")
	fl.IntVar(&s.test.limit, "test-limit", 0, "measure on at most `N` samples; 0: all")
	fileFlag(cmd, &s.key, "key", "", "the `KEY`, to measure what a part of it is worth", "key")
	s.open.register(cmd)
	fileFlag(cmd, &s.intact, "original", "", "the `MODEL.onnx` before locking, in place of the key", "onnx")
	fl.Float64Var(&s.fraction, "fraction", 0.1, "the attacker has this share, `F`, of the data")
	fl.StringSliceVar(&s.attacks, "attacks", nil, "carry out these attacks, `A,B,C`; all if left out")
	fl.StringSliceVar(&s.grid, "grid", gridNames(), "train with each of these optimisers and learning rates, `O,O,O`")
	fl.IntVar(&s.epochs, "epochs", 20, "train for `N` epochs")
	fl.IntVar(&s.batch, "batch", 64, "take steps on `N` samples")
	fl.DurationVar(&s.timeLimit, "time-limit", 0, "stop after `TIME`, for example 30m; attacks that are not finished do not count")
	fileFlag(cmd, &s.state, "state", "", "note finished attacks in `FILE.json`, and do not repeat those that are there", "json")
	threadsFlag(cmd, &s.threads, 0)
	fl.Lookup("grid").DefValue = strings.Join(gridNames(), ",")
	fl.Lookup("time-limit").DefValue = "0"
	fl.Lookup("seed").Usage = "choose samples, their order and initial weights at random, from seed `N`"
	must(cmd.MarkFlagRequired("data"))
	must(cmd.MarkFlagRequired("test"))
	must(cmd.RegisterFlagCompletionFunc("attacks", cobra.FixedCompletions(attack.List(), cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// hide takes a flag that means nothing for a command out of its help.
func hide(cmd *cobra.Command, flag string) { must(cmd.Flags().MarkHidden(flag)) }

// attackList describes the attacks, one a line.
func attackList() string {
	var b strings.Builder
	for _, name := range attack.List() {
		fmt.Fprintf(&b, "  %-15s %s\n", name, attack.About(name))
	}
	return b.String()
}

func gridNames() []string {
	var names []string
	for _, o := range attack.DefaultGrid() {
		names = append(names, o.String())
	}
	return names
}

func (s *assault) check() error {
	switch {
	case !(s.fraction > 0 && s.fraction <= 1):
		return usagef("--fraction %g is not above 0 and at most 1", s.fraction)
	case s.epochs < 1 || s.batch < 1:
		return usagef("--epochs and --batch are at least 1")
	case s.timeLimit < 0:
		return usagef("--time-limit %v is negative", s.timeLimit)
	case s.test.limit < 0:
		return usagef("--test-limit %d is negative", s.test.limit)
	case s.data.byModel():
		return usagef("--labels model asks the original model, which the attacker does not have")
	case s.key != "" && s.intact != "":
		return usagef("--key and --original say the same: give one of them")
	case s.key == "" && len(s.open.identities) > 0:
		return usagef("--identity opens a key, but there is no --key")
	}
	for _, name := range s.attacks {
		if attack.About(name) == "" {
			return usagef("--attacks: there is no attack %q, but %s", name, strings.Join(attack.List(), ", "))
		}
		if attack.NeedsOriginal(name) && s.key == "" && s.intact == "" {
			return usagef("--attacks: %s needs the key: give --key or --original", name)
		}
	}
	if info, err := os.Stat(s.data.path); err == nil && !info.IsDir() && s.data.path == s.test.path {
		return usagef("--data and --test are the same file: accuracies would be those on the training data")
	}
	return s.data.check()
}

func (s *assault) run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	opt := attack.Options{
		Output:  s.data.output,
		Attacks: s.attacks, Epochs: s.epochs, Batch: s.batch, Seed: s.data.seed,
		TimeLimit: s.timeLimit, State: s.state,
	}
	for _, text := range s.grid {
		o, err := attack.ParseOptimiser(text)
		if err != nil {
			return &usageError{fmt.Errorf("--grid: %w", err)}
		}
		opt.Grid = append(opt.Grid, o)
	}
	m, err := onnxio.Open(s.locked)
	if err != nil {
		return err
	}
	defer m.Close()
	outputs, err := outputsNamed(m, s.data.output)
	if err != nil {
		return err
	}
	if err := gradient.Supported(m, outputs); err != nil {
		return err
	}
	if opt.Original, err = s.original(ctx, m); err != nil {
		return err
	}
	train, err := s.data.open(m)
	if err != nil {
		return err
	}
	if s.data.asksModel() {
		return usagef("vectors have no labels, and the attacker does not have the original to compare them with")
	}
	opt.Task = s.data.kind
	s.test.task = s.data.kind.Name()
	s.test.usual, s.test.mean, s.test.std = dataset.Test, s.data.mean, s.data.std
	s.test.output = s.data.output
	test, err := s.test.open(m)
	if err != nil {
		return err
	}
	s.app.note("the attacker has %g %% of %s", 100*s.fraction, train.Describe())
	train = firstPart(train.Shuffle(s.data.seed), s.fraction)
	w, err := workers(s.threads)
	if err != nil {
		return err
	}
	defer w.Close()
	opt.Workers = w
	show := attackProgress{app: s.app}
	defer show.close()
	opt.Progress = show.update
	r, err := attack.Run(ctx, m, train, test, opt)
	if err != nil {
		return err
	}
	show.close()
	return s.print(r)
}

// firstPart returns a share of a set, from its beginning.
func firstPart(set *dataset.Set, share float64) *dataset.Set {
	rows := make([]int, max(1, int(share*float64(set.Len())+0.5)))
	for i := range rows {
		rows[i] = i
	}
	return set.Subset(rows)
}

// original returns the weights before locking; nil if neither key nor original
// is given. A model that is unlocked for this exists in a temporary folder only.
func (s *assault) original(ctx context.Context, locked *onnxio.Model) (*gradient.Weights, error) {
	switch {
	case s.intact != "":
		w, err := weightsOf(s.intact)
		if err == nil && !sameNames(w, locked) {
			err = hint.With(fmt.Errorf("%s is not what %s was before it was locked: their initializers differ", s.intact, s.locked), "name the original model")
		}
		return w, err
	case s.key == "":
		return nil, nil
	}
	k, err := s.open.read(s.app, s.key)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "advparams-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	out := s.app.outputs(ctx, false)
	defer out.close()
	path := filepath.Join(folder, "unlocked.onnx")
	if err := onnxio.Restore(s.locked, &k.Record, &out.Set, path); err != nil {
		return nil, err
	}
	if err := out.commit(ctx); err != nil {
		return nil, err
	}
	return weightsOf(path)
}

func weightsOf(path string) (*gradient.Weights, error) {
	m, err := onnxio.Open(path)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	w, err := gradient.LoadWeights(m)
	if err != nil {
		return nil, err
	}
	return w.Clone(), nil
}

// sameNames reports whether weights have the names and sizes of a model's.
func sameNames(w *gradient.Weights, m *onnxio.Model) bool {
	for _, name := range w.Names() {
		a, _ := w.Array(name)
		if init := m.Lookup(name); init == nil || init.Len() != a.Len() {
			return false
		}
	}
	return w.Len() == gradient.Parameters(m)
}

// attackProgress shows a bar for the attack under way, and a line for each that
// is finished.
type attackProgress struct {
	app  *app
	name string
	bar  *bar
}

func (p *attackProgress) update(now attack.Progress) {
	if now.Attack != p.name {
		p.close()
		p.name, p.bar = now.Attack, p.app.bar(now.Attack, now.Total)
	}
	if now.Result != nil {
		p.close()
		p.app.note("%s: %.2f %% in %.0f s", now.Attack, 100*now.Result.Accuracy, now.Result.Seconds)
		return
	}
	p.bar.set(now.Done, "%d of %d, validation accuracy %.2f %%", now.Done, now.Total, 100*now.Best)
}

func (p *attackProgress) close() {
	p.bar.close()
	p.bar = nil
}

func (s *assault) print(r *attack.Report) error {
	return s.app.result(r, func(w io.Writer) {
		fmt.Fprintf(w, "locked\t%.2f %%\t\n", 100*r.Locked)
		for _, one := range r.Attacks {
			setting := one.Setting
			if one.Insider {
				setting += " (not counted)"
			}
			fmt.Fprintf(w, "%s\t%.2f %%\t%s\n", one.Name, 100*one.Accuracy, setting)
		}
		if r.Scratch != nil {
			fmt.Fprintf(w, "from scratch\t%.2f %%\t%s\n", 100*r.Scratch.Accuracy, r.Scratch.Setting)
		}
		if r.Advantage != nil {
			fmt.Fprintf(w, "advantage\t%+.2f points\tof the best attack over training from scratch\n", 100**r.Advantage)
		}
		for _, d := range r.Detectors {
			fmt.Fprintf(w, "suspicion\tAUC %.2f\t%s; %.1f %% of the %s most suspicious are changed\n", d.AUC, d.Name, 100*d.Precision, verify.Thousands(r.Changed))
		}
		for _, name := range r.Unfinished {
			fmt.Fprintf(w, "%s\t–\tnot finished within %v\n", name, s.timeLimit)
		}
		fmt.Fprintf(w, "samples\t%s\tto train on, %s to choose by, %s to measure on\n",
			verify.Thousands(r.Samples.Train), verify.Thousands(r.Samples.Validation), verify.Thousands(r.Samples.Test))
	})
}
