package advparams

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/verify/attack"
)

// AttackOptions are the options of Attack. Required are Locked, Data and Test.
type AttackOptions struct {
	Locked string // the file of the locked model
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means that outputs and labels decide.
	Task Task

	// Data is what the attacker's samples are taken from. Its seed decides everything
	// random. Test has the samples to measure the results on. They are prepared as
	// those of Data unless it says how.
	Data Data
	Test Data
	// Fraction is the share of Data that the attacker has; 0 means a tenth.
	Fraction float64

	// Curve repeats the attacks with 0.1, 1, 10 and 100 % of Data, for AttackReport.Curve.
	Curve bool

	// Key or Original, the file of the original model, enable attacks and detectors
	// that know the original. Their results do not count for the advantage.
	Key      KeyFile
	Original string

	// Public is the file of a public model that the original may have been tuned from,
	// Oracle that of the original, as an attacker has it who can only ask it. Each enables
	// an attack, and raises the zero line by what it gives without the locked weights.
	Public, Oracle string

	// Attacks names the attacks to run, from the function Attacks; nil means all that can run.
	Attacks []string
	// Grid has the optimisers to train with; nil means DefaultGrid.
	Grid []Optimiser
	// Epochs is the length of a training; 0 means 20.
	Epochs int
	// Batch is the number of samples a step is taken on; 0 means 64.
	Batch int
	// TimeLimit ends the attacks; 0 means that nothing does. Cheap attacks come first.
	// Unfinished attacks do not count; if none is finished, the error wraps ErrUnfinished.
	TimeLimit time.Duration
	// State is a file that keeps the results of finished attacks, so that an equal call
	// continues where this one ended; "" means none.
	State string

	// Report is the file to write the results to, as one HTML page; "" means none. If
	// ReportTo is not nil, the page goes there instead. Force replaces a file that exists,
	// unless it is no report.
	Report   string
	ReportTo io.Writer
	Force    bool

	Threads int // to compute on; 0 means one per core
	// Memory is how many bytes the values of a batch may take. The limit on the work of a model
	// follows from it. 0 means a limit in proportion to the model and the data, which is enough
	// unless a small file needs much on purpose (gradient.Config.Memory).
	Memory int64

	Progress func(Progress) // may be nil
	Notice   func(Notice)   // may be nil
}

// AttackReport is what the attacks came to. In JSON it is what advparams attack
// --json prints.
type AttackReport = attack.Report

func (o *AttackOptions) check() error {
	switch {
	case o.Locked == "":
		return optionf("Locked", "there is no locked model")
	case !o.Data.Given():
		return optionf("Data", "the attacker has no samples")
	case !o.Test.Given():
		return optionf("Test", "there are no samples to measure on")
	case o.Data.MadeUp || o.Test.MadeUp:
		return optionf("Data.MadeUp", "samples that are made up say nothing about real ones")
	case !(o.Fraction >= 0 && o.Fraction <= 1):
		return &OptionError{Option: "Fraction", Value: o.Fraction, Reason: "is not above 0 and at most 1"}
	case o.Epochs < 0:
		return &OptionError{Option: "Epochs", Value: o.Epochs, Reason: "is negative"}
	case o.Batch < 0:
		return &OptionError{Option: "Batch", Value: o.Batch, Reason: "is negative"}
	case o.TimeLimit < 0:
		return &OptionError{Option: "TimeLimit", Value: o.TimeLimit, Reason: "is negative"}
	case o.Data.Labels == LabelsOfModel || o.Test.Labels == LabelsOfModel:
		return &OptionError{Option: "Data.Labels", Value: string(LabelsOfModel), Reason: "asks the original model, which the attacker does not have"}
	case o.Key.given() && o.Original != "":
		return optionf("Original", "the original follows from the key as well: give one of them")
	}
	insider := o.Key.given() || o.Original != ""
	for _, name := range o.Attacks {
		if attack.About(name) == "" {
			return optionf("Attacks", "there is no attack %q, but %s", name, strings.Join(attack.List(), ", "))
		}
		if attack.NeedsOriginal(name) && !insider {
			return optionf("Attacks", "%s needs the key or the original", name)
		}
		if name == attack.Public && o.Public == "" || name == attack.Knockoff && o.Oracle == "" {
			return optionf("Attacks", "%v", &attack.ModelError{Attack: name})
		}
	}
	if info, err := os.Stat(o.Data.Path); err == nil && !info.IsDir() && o.Data.Path == o.Test.Path {
		return optionf("Test", "the data is the same file: accuracies would be those on the training data")
	}
	if err := checkData(&o.Data, "Data"); err != nil {
		return err
	}
	return checkData(&o.Test, "Test")
}

// Attack measures what an attacker regains who has a locked model and some training data, but no
// key. Results are compared with the zero line: the same training on the same samples, from starts
// that hold nothing of the original. Package verify/attack describes the attacks. They take minutes
// to hours.
func Attack(ctx context.Context, opt AttackOptions) (r *AttackReport, err error) {
	defer onnxio.Faults(&err)()
	r, err = runAttacks(ctx, &opt)
	return r, interrupted(ctx, err)
}

func runAttacks(ctx context.Context, opt *AttackOptions) (*AttackReport, error) {
	if err := opt.check(); err != nil {
		return nil, err
	}
	if opt.ReportTo == nil {
		if err := probe(ofPage, opt.Force, opt.Report); err != nil {
			return nil, err
		}
	}
	see := feedback.Observer{Progress: opt.Progress, Notice: opt.Notice}
	m, _, err := openModel(opt.Locked, opt.Output)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	original, profile, err := opt.original(ctx, m, see)
	if err != nil {
		return nil, err
	}
	h, err := samples.NewHead(m, opt.Output, opt.Task)
	if err != nil {
		return nil, err
	}
	h.Unlocked = original
	w, err := startWorkers(opt.Threads, opt.Memory)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	train, test, err := opt.prepare(h, w)
	if err != nil {
		return nil, err
	}
	fraction := opt.Fraction
	if fraction == 0 {
		fraction = 0.1
	}
	see.Notify(NoticeData, "the attacker has %g %% of %s", 100*fraction, train.Describe())
	train = train.Shuffle(opt.Data.SeedOr(1))
	var public *gradient.Weights
	if opt.Public != "" {
		if public, err = weightsOf(opt.Public); err != nil {
			return nil, err
		}
	}
	var oracle *onnxio.Model
	if opt.Oracle != "" {
		if oracle, _, err = openModel(opt.Oracle, opt.Output); err != nil {
			return nil, err
		}
		defer oracle.Close()
	}
	c := campaign{opt: opt, see: see, locked: m, train: train, test: test, began: time.Now()}
	c.options = attack.Options{
		Output: h.Output, Outlook: &h.Look, Task: h.Task,
		Attacks: opt.Attacks, Grid: opt.Grid, Epochs: opt.Epochs, Batch: opt.Batch,
		Seed: opt.Data.SeedOr(1), State: opt.State,
		Original: original, Public: public, Oracle: oracle, Workers: w,
		Progress: func(now attack.Progress) {
			see.Report(now.Attack, now.Done, now.Total,
				fmt.Sprintf("%d of %d, validation accuracy %.2f %%", now.Done, now.Total, 100*now.Best))
			if r := now.Result; r != nil {
				see.Notify(NoticeAttack, "%s: %.2f %% in %.0f s", now.Attack, 100*r.Accuracy, r.Seconds)
			}
		},
	}
	r, err := c.attack(ctx, fraction)
	if err == nil && opt.Curve {
		err = c.curve(ctx, fraction, r)
	}
	if err == nil {
		err = opt.writePage(r, m, test, fraction, profile, w.Threads())
	}
	return r, err
}

// prepare reads the attacker's samples and those to measure on.
func (o *AttackOptions) prepare(h *samples.Head, w *gradient.Workers) (train, test *dataset.Set, err error) {
	p, err := samples.Read(&o.Data, h, dataset.Train, o.Data.SeedOr(1), w)
	if err != nil {
		return nil, nil, err
	}
	if p.AskOriginal {
		return nil, nil, optionf("Task", "outputs are compared with those of the original, which the attacker does not have")
	}
	if h.Settled != "" {
		whose := "the original"
		if h.Unlocked == nil {
			whose = "the locked model, which may be wrong: give its key or the original, or say so with the task"
		}
		feedback.Observer{Progress: o.Progress, Notice: o.Notice}.Notify(NoticeTask, "%s, by labels and the answers of %s", h.Settled, whose)
	}
	d := o.Test
	d.Axes, d.Carry = o.Data.Axes, o.Data.Carry
	if d.Samples == nil && d.Preprocess.IsZero() {
		d.Preprocess = o.Data.Preprocess
	}
	measured, err := samples.Read(&d, h, dataset.Test, d.SeedOr(0), w)
	if err != nil {
		return nil, nil, err
	}
	return p.Set, measured.Set, nil
}

// original returns the weights before locking; nil if neither the key nor the
// original is given. A model that is unlocked for this exists in a temporary folder
// only. With a key, profile is that of the lock.
func (o *AttackOptions) original(ctx context.Context, locked *onnxio.Model, see feedback.Observer) (weights *gradient.Weights, profile string, err error) {
	switch {
	case o.Original != "":
		w, err := weightsOf(o.Original)
		if err == nil && !fits(w, locked) {
			err = &NotOriginalError{Original: o.Original, Locked: o.Locked}
		}
		return w, "", err
	case !o.Key.given():
		return nil, "", nil
	}
	k, err := o.Key.load()
	if err != nil {
		return nil, "", err
	}
	adopt(&o.Data, k.Summary, see)
	u, err := unlockTemporarily(ctx, o.Locked, &k.Record)
	if err != nil {
		return nil, "", err
	}
	defer u.remove()
	weights, err = weightsOf(u.path)
	return weights, k.Summary.Profile, err
}

// weightsOf returns the weights of a model, which is closed again.
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

// fits reports whether weights have the names and sizes of a model's.
func fits(w *gradient.Weights, m *onnxio.Model) bool {
	for _, name := range w.Names() {
		a, _ := w.Array(name)
		if init := m.Weight(name); init == nil || init.Len() != a.Len() {
			return false
		}
	}
	return w.Len() == gradient.Parameters(m)
}
