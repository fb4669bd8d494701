package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/verify"
)

type protect struct {
	app     *app
	model   string
	data    dataFlags
	shape   []int
	locked  string
	key     string
	seal    sealFlags
	samples int
	threads int

	samplesGiven bool // --samples was

	include, exclude []string
	bounds           string
	profile          string
	maxParams        int
	beam             int
	budget           percentFlag
	target           targetFlag
	allowPartial     bool
	force            bool
}

func newProtect(a *app) *cobra.Command {
	p := &protect{app: a}
	cmd := &cobra.Command{
		Use:   "protect MODEL.onnx --data DATA -o LOCKED.onnx --key KEY (-r RECIPIENT | -R FILE | --passphrase | --plain-key)",
		Short: "Lock a model and write the key",
		Long: `Find the few parameters whose change makes a model useless, write a model in
which they are changed, and a key that gives back the original. Every changed value
stays between the smallest and the largest of its tensor, and nothing else in the
file differs.

Few changes are undone easily by somebody who has training data. --profile hardened
changes the share --budget of the parameters: it turns the signs of weights around, of
every second one of the first layers, as many as that is enough for, and of a few in the
others. That leaves less to start from, and makes a larger key (one or two bytes a
change), but does not rule repair out. advparams attack measures how much somebody with
data gets back.

The search takes the gradient on labelled samples, ranks all parameters by
gradient × step, tries the best for real, and goes on until the accuracy on the
samples has fallen to the target. The same samples and flags give the same model.

` + taskHelp + `

` + dataHelp + `

--data none makes up samples of a classifier: noise that is changed along the model's
own gradient until it is sure of a class. --mean and --std are then what the model's
inputs have, 0 and 1 if left out; --shape is the shape of a sample where the model
leaves it open. A lock found so is not always as good on real data.`,
		Example: `  advparams protect model.onnx --data images/ -o locked.onnx --key model.key -r age1…
  advparams protect model.onnx --data set.npz --labels model -o locked.onnx --key model.key --passphrase
  advparams protect model.onnx --data none --shape 3,224,224 -o locked.onnx --key model.key -r age1…`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p.model = args[0]
			p.samplesGiven = cmd.Flags().Changed("samples")
			return p.run(cmd.Context())
		},
	}
	operand(cmd, "the model", "onnx")
	fl := cmd.Flags()
	fileFlag(cmd, &p.locked, "out", "o", "write the locked model to `LOCKED.onnx`; - for standard output", "onnx")
	fileFlag(cmd, &p.key, "key", "", "write the key to `KEY`; - for standard output", "key")
	p.seal.register(cmd)
	p.data.register(cmd, dataset.Train, 1)
	fl.IntVar(&p.samples, "samples", 2000, fmt.Sprintf("search on at most `N` samples; 0: all. --data none makes that many, %d if left out", inventedSamples))
	fl.IntSliceVar(&p.shape, "shape", nil, "`D1,D2,…` is the shape of a sample for --data none")
	fl.Lookup("shape").DefValue = ""
	fl.Var(&p.target, "target-accuracy", "stop at this accuracy, between 0 and 1, or at chance")
	fl.IntVar(&p.maxParams, "max-params", 128, "change at most `N` parameters")
	fl.IntVar(&p.beam, "beam", 1, "follow the best `N` sets of changes at a time; more find shorter lists and take longer")
	fl.StringArrayVar(&p.include, "include", nil, "change only initializers whose name matches `GLOB`, * for any characters; may be repeated")
	fl.StringArrayVar(&p.exclude, "exclude", nil, "leave out initializers whose name matches `GLOB`; may be repeated")
	choiceFlag(cmd, &p.bounds, "bounds", "tensor", "keep changed values in the range of their tensor, or not", "tensor", "none")
	choiceFlag(cmd, &p.profile, "profile", "minimal", "the fewest parameters, or a share of them spread over the layers", "minimal", "hardened")
	p.budget = perturb.DefaultBudget
	fl.Var(&p.budget, "budget", "share of the parameters that --profile hardened changes, as in 0.5%")
	fl.BoolVar(&p.allowPartial, "allow-partial", false, "write the files also when the target was not reached; the exit status is still 3")
	fl.BoolVar(&p.force, "force", false, "replace files that exist")
	threadsFlag(cmd, &p.threads, 0)
	for _, name := range []string{"data", "out", "key"} {
		must(cmd.MarkFlagRequired(name))
	}
	must(cmd.RegisterFlagCompletionFunc("target-accuracy", cobra.FixedCompletions([]string{"chance"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

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

func (p *protect) check() error {
	switch {
	case p.profile == "hardened" && p.bounds == "none":
		return usagef("--profile hardened turns signs around inside the range, and has no other bounds")
	case p.maxParams < 1:
		return usagef("--max-params %d is less than 1", p.maxParams)
	case p.beam < 1 || p.beam > 64:
		return usagef("--beam %d is not between 1 and 64", p.beam)
	case p.samples < 0:
		return usagef("--samples %d is negative", p.samples)
	case p.shape != nil && p.data.path != noData:
		return usagef("--shape is for --data %s", noData)
	}
	if err := p.seal.check(); err != nil {
		return err
	}
	return p.data.check()
}

func (p *protect) run(ctx context.Context) error {
	start := time.Now()
	if err := p.check(); err != nil {
		return err
	}
	if err := p.app.checkOutputs(p.force, p.locked, p.key); err != nil {
		return err
	}
	recipients, err := p.seal.open(p.app)
	if err != nil {
		return err
	}
	m, err := onnxio.Open(p.model)
	if err != nil {
		return err
	}
	defer m.Close()
	outputs, err := outputsNamed(m, p.data.output)
	if err != nil {
		return err
	}
	if err := gradient.Supported(m, outputs); err != nil {
		return err
	}
	allow, err := p.allowed(m)
	if err != nil {
		return err
	}
	if p.locked == standard && len(m.Files()) > 1 {
		return usagef("this model has %d files, which cannot go to standard output together", len(m.Files()))
	}
	w, err := workers(p.threads)
	if err != nil {
		return err
	}
	defer w.Close()
	set, err := p.open(ctx, m, w)
	if err != nil {
		return err
	}
	found, missed := p.search(ctx, m, set, allow, w)
	if missed != nil && (!errors.Is(missed, perturb.ErrTarget) || !p.allowPartial || found == nil) {
		return missed
	}
	files, err := p.write(ctx, m, found, recipients)
	if err != nil {
		return err
	}
	if err := p.print(found, files, time.Since(start)); err != nil {
		return err
	}
	return missed
}

// allowed returns which initializers may be changed.
func (p *protect) allowed(m *onnxio.Model) (func(string) bool, error) {
	var names []string
	for _, init := range m.Initializers() {
		names = append(names, init.Name)
	}
	chosen, err := selection(names, p.include, p.exclude)
	if err != nil {
		return nil, err
	}
	return func(name string) bool { return chosen(name) && m.Lookup(name).Editable() == nil }, nil
}

// open reads the samples to search with, in random order: the gradient is taken
// on the first few, and many data sets are sorted by class.
func (p *protect) open(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*dataset.Set, error) {
	d := &p.data
	if d.path == noData {
		return p.invent(ctx, m, w)
	}
	if p.samples > 0 && (d.limit == 0 || p.samples < d.limit) {
		d.limit = p.samples
	}
	set, err := d.open(m)
	if err != nil {
		return nil, err
	}
	p.app.note("searching with %s", set.Describe())
	if !d.kind.Traits().Classes {
		p.app.note("the task is %s", d.kind.Name())
	}
	set = set.Shuffle(d.seed)
	if !d.asksModel() {
		return set, nil
	}
	return d.answered(ctx, p.app, m, set, w, "the model")
}

func (p *protect) search(ctx context.Context, m *onnxio.Model, set *dataset.Set, allow func(string) bool, w *gradient.Workers) (*perturb.Result, error) {
	const whole = 1000
	bar := p.app.bar("searching", whole)
	defer bar.close()
	bar.set(0, "looking for the first change")
	measure := p.data.kind.Traits().Quality
	opt := perturb.Options{
		Task:      p.data.kind,
		Output:    p.data.output,
		Target:    float64(p.target),
		MaxParams: p.maxParams,
		Beam:      p.beam,
		Allow:     allow,
		Unbounded: p.bounds == "none",
		Workers:   w,
		Progress: func(now perturb.Progress) {
			done := whole * (1 - now.Accuracy) / math.Max(1-now.Target, 1e-9)
			bar.set(int(math.Min(done, whole-1)), "%d changed, %s %.2f %%, target %.2f %%", now.Changed, measure, 100*now.Accuracy, 100*now.Target)
		},
	}
	if p.profile == "hardened" {
		return perturb.Hardened(ctx, m, set, perturb.HardenedOptions{Options: opt, Budget: float64(p.budget)})
	}
	return perturb.Search(ctx, m, set, opt)
}

// protectResult is what protect prints.
type protectResult struct {
	Model         string         `json:"model"`
	Locked        string         `json:"locked"`
	Key           string         `json:"key"`
	KeyBytes      int64          `json:"key_bytes"`
	ParamsTotal   int            `json:"params_total"`
	ParamsChanged int            `json:"params_changed"`
	Tensors       []tensorResult `json:"tensors"`
	Accuracy      struct {
		Before *float64 `json:"before"`
		Locked *float64 `json:"locked"`
	} `json:"accuracy"` // null for tasks without
	Task        string `json:"task"`
	Information struct {
		Before *float64 `json:"before"`
		Locked *float64 `json:"locked"`
	} `json:"information_bits"` // between answers and labels; null for tasks without
	Metric         metricResult   `json:"metric"`  // the one that people go by
	Metrics        []metricResult `json:"metrics"` // all
	Target         float64        `json:"target"`  // quality, accuracy for classifiers
	Samples        int            `json:"samples"`
	GradientPasses int            `json:"gradient_passes"`
	Evaluations    int            `json:"evaluations"`
	Seconds        float64        `json:"seconds"`
	SHA256         struct {
		Original string `json:"original"`
		Locked   string `json:"locked"`
	} `json:"sha256"`
	Files []string `json:"files"`
}

type tensorResult struct {
	Name    string `json:"name"`
	Changed int    `json:"changed"`
}

func (p *protect) print(found *perturb.Result, files *written, took time.Duration) error {
	a := p.app
	r := protectResult{
		Model: p.model, Locked: p.locked, Key: p.key, KeyBytes: files.keySize,
		ParamsTotal: found.Total, ParamsChanged: len(found.Changes),
		Tensors: []tensorResult{},
		Target:  found.Target, Samples: found.Samples,
		GradientPasses: found.GradientPasses, Evaluations: found.Evaluations,
		Seconds: took.Seconds(),
	}
	r.Accuracy.Before, r.Accuracy.Locked = accuracyIn(found.Before), accuracyIn(found.Locked)
	r.Information.Before, r.Information.Locked = metricIn(found.Before, "information"), metricIn(found.Locked, "information")
	r.Task = p.data.kind.Name()
	r.Metrics = metricsOf(found)
	r.Metric = r.Metrics[0]
	names, changed := found.PerTensor()
	for _, name := range names {
		r.Tensors = append(r.Tensors, tensorResult{name, changed[name]})
	}
	model := files.record.Files[0]
	r.SHA256.Original, r.SHA256.Locked = fmt.Sprintf("%x", model.SHA256), fmt.Sprintf("%x", model.LockedSHA256)
	for _, f := range files.record.Files {
		r.Files = append(r.Files, f.LockedName)
	}
	if p.locked == standard || p.key == standard {
		return nil // which is taken
	}
	return a.result(r, func(w io.Writer) {
		fmt.Fprintf(w, "locked\t%s, %s bytes\n", oneLine(p.locked), verify.Thousands(model.LockedSize))
		fmt.Fprintf(w, "key\t%s, %s bytes, %s\n", oneLine(p.key), verify.Thousands(files.keySize), files.sealed)
		fmt.Fprintf(w, "changed\t%s of %s parameters\n", verify.Thousands(r.ParamsChanged), verify.Thousands(r.ParamsTotal))
		for _, t := range r.Tensors {
			fmt.Fprintf(w, "\t%4d in %s\n", t.Changed, oneLine(t.Name))
		}
		for _, m := range r.Metrics {
			fmt.Fprintf(w, "%s\t%s → %s on the %s samples of the search\n", m.Name, m.format(m.Before), m.format(m.Locked), verify.Thousands(found.Samples))
		}
		fmt.Fprintf(w, "time\t%.1f s, %d gradient passes\n", r.Seconds, r.GradientPasses)
	})
}
