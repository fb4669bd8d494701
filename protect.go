package advparams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"filippo.io/age"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// ProtectOptions are the options of Protect. Required are Model, Data unless the profile is
// Sealed, one of Locked, LockedTo and InPlace, Key or KeyTo, and one of Recipients,
// Passphrase and PlainKey.
type ProtectOptions struct {
	Model string // the file of the original model
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means that outputs and labels decide.
	Task Task
	Data Data
	// Samples is the largest number of samples to search with. 0 means 2,000, or 512
	// if samples are made up; AllSamples means all there are.
	Samples int

	// Locked is the file to write the locked model to. If LockedTo is not nil, the
	// model goes there instead, and must not have external data.
	Locked   string
	LockedTo io.Writer
	// Key is the file to write the key to. If KeyTo is not nil, the key goes there
	// instead.
	Key   string
	KeyTo io.Writer
	// Force replaces a file that exists at Locked, unless it is a key or an identity.
	// It never replaces a key, which may be the only way back to another model.
	Force bool
	// KeepOldKey gives a key that exists at Key another name instead of an error: the
	// first free one of Key.1, Key.2 …
	KeepOldKey bool
	// AllowPartial writes the files even if the target was not reached. Protect then
	// returns both a Protection and an error that wraps ErrTarget. If the context ends
	// while the search runs, Protect writes the best lock so far, and returns a Protection
	// with the error of the context.
	AllowPartial bool

	// Recipients can open the key; Recipients parses them. Passphrase returns
	// the passphrase to seal the key with instead. PlainKey does not seal the key:
	// whoever has the file can unlock the model.
	Recipients []age.Recipient
	Passphrase func() (string, error)
	PlainKey   bool

	// Profile is Minimal or Sealed; "" means Minimal. Sealed needs no Data; with
	// data, the accuracy is measured before and after.
	Profile Profile
	// Share, if it is not 0, lets Sealed encrypt only the first weights in the order of the
	// graph, as many as reach this share of all parameters.
	Share float64
	// SealScales lets Sealed encrypt the scales of quantised channels too. They stay in clear
	// without it, since runtimes could not fuse quantised layers (docs/sealing.md).
	SealScales bool
	// Secret, of 16 bytes or more, makes what Sealed writes repeatable: the seed is derived
	// from it, the original and what is sealed of it. Without it, every call draws a seed.
	Secret []byte
	// InPlace lets Sealed change the files of Model instead of writing others. If that is
	// interrupted, the next call for the same model goes on (see Unlock).
	InPlace bool
	// Target is the accuracy to reach, or the quality (task.Score) if the task has no
	// accuracy. 0 means chance: that of answers which do not depend on the sample.
	Target float64
	// MaxParams is the largest number of parameters that Minimal changes; 0 means 128.
	MaxParams int
	// TimeLimit ends the search of Minimal, counted from the call. 0 means no limit. What the
	// search has come to then counts, and differs from run to run.
	TimeLimit time.Duration
	// Beam is the number of sets of changes to follow at a time; 0 means 1. More find
	// shorter lists and take longer.
	Beam int
	// Include and Exclude choose the weights that may be changed. They are
	// patterns for whole names: * matches any characters, ? a single one. No Include
	// means all weights.
	Include, Exclude []string
	// Unbounded lets changed values leave the range of their tensor.
	Unbounded bool

	// Report is the file to write what was done to, as one HTML page; "" means none. If
	// ReportTo is not nil, the page goes there instead. Force replaces a file that exists,
	// unless it is no report. The page says where the changes are: it is as secret as the
	// key.
	Report   string
	ReportTo io.Writer

	// Runtime is OnnxRuntime to measure the locked model there as well, before it is written.
	// If it is not useless there, that is an error which wraps ErrTarget. Python is as in
	// VerifyOptions.
	Runtime, Python string

	Threads int // to compute on; 0 means one a core
	// Memory is how many bytes the values of a batch may take; the limit on the work of a
	// model goes with it. 0 means one in proportion to the model and the data, which is
	// right unless a small file asks for much on purpose (gradient.Config.Memory).
	Memory int64
	// Tool is the name of the program in the key; "" means this module and its version.
	Tool string
	// Created is the time in the key; zero means now. With a fixed time and a plain
	// key, equal calls write equal bytes.
	Created time.Time

	Progress func(Progress) // may be nil
	Notice   func(Notice)   // may be nil
}

// muchLuck is the quality beyond chance from which a lock may be worth less than it seems.
const muchLuck = 0.2

// AllSamples as ProtectOptions.Samples means all samples of the data.
const AllSamples = -1

// Profile says how the parameters to change are chosen.
type Profile string

const (
	// Minimal changes the fewest parameters that make a model useless.
	Minimal Profile = "minimal"
	// Sealed encrypts every weight. The file stays a valid model of the same size, which
	// runs at the same speed. It needs no data.
	Sealed Profile = "sealed"
)

// Default numbers of samples. A sample that is made up costs about forty gradients.
const (
	defaultSamples = 2000
	defaultMadeUp  = 512
)

func (o *ProtectOptions) check() error {
	switch {
	case o.Model == "":
		return optionf("Model", "there is no model to lock")
	case !o.Data.given() && o.Profile != Sealed:
		return optionf("Data", "there are no samples to search with")
	case o.Locked == "" && o.LockedTo == nil && !o.InPlace:
		return optionf("Locked", "there is no place for the locked model")
	case o.Key == "" && o.KeyTo == nil:
		return optionf("Key", "there is no place for the key")
	case o.Profile != "" && o.Profile != Minimal && o.Profile != Sealed:
		return &OptionError{Option: "Profile", Value: string(o.Profile), Reason: "is not minimal or sealed"}
	case !(o.Target >= 0 && o.Target < 1):
		return &OptionError{Option: "Target", Value: o.Target, Reason: "is not between 0 and 1"}
	case o.MaxParams < 0:
		return &OptionError{Option: "MaxParams", Value: o.MaxParams, Reason: "is negative"}
	case o.TimeLimit < 0:
		return &OptionError{Option: "TimeLimit", Value: o.TimeLimit, Reason: "is negative"}
	case o.Beam < 0 || o.Beam > 64:
		return &OptionError{Option: "Beam", Value: o.Beam, Reason: "is not between 1 and 64"}
	case o.Samples < AllSamples:
		return &OptionError{Option: "Samples", Value: o.Samples, Reason: "is negative"}
	case o.Data.MadeUp && o.Task != nil && !o.Task.Traits().Classes && o.Task.Name() != task.Outputs{}.Name():
		return &OptionError{Option: "Task", Value: o.Task.Name(), Reason: "does not go with samples that are made up: classification and outputs do"}
	}
	if err := o.checkSealed(); err != nil {
		return err
	}
	if err := o.checkRuntime(); err != nil {
		return err
	}
	if err := o.checkSeal(); err != nil {
		return err
	}
	if !o.Data.given() {
		return nil
	}
	return o.Data.check("Data")
}

// Protect finds parameters whose change makes a model useless. It writes a model in
// which they are changed, and a key that restores the original. Nothing else in the
// file differs, and changed values stay between the smallest and the largest value of
// their tensor. With the profile Sealed all weights are encrypted instead, and nothing has
// to be searched for (docs/sealing.md).
//
// If the search does not reach the target within its budget, the error wraps
// ErrTarget, and nothing is written unless AllowPartial is set.
func Protect(ctx context.Context, opt ProtectOptions) (p *Protection, err error) {
	defer onnxio.Faults(&err)()
	p, err = protect(ctx, &opt)
	return p, interrupted(ctx, err)
}

func protect(ctx context.Context, opt *ProtectOptions) (*Protection, error) {
	start := time.Now()
	if err := opt.check(); err != nil {
		return nil, err
	}
	if err := finishInterrupted(ctx, opt.Model); err != nil {
		return nil, err
	}
	if opt.Profile == Sealed {
		return protectSealed(ctx, opt)
	}
	if err := opt.probe(); err != nil {
		return nil, err
	}
	recipients, err := opt.recipients()
	if err != nil {
		return nil, err
	}
	m, _, err := openModel(opt.Model, opt.Output)
	if err != nil {
		return nil, err
	}
	if text := tooLarge(m.Files()[0]); text != "" {
		observer{opt.Progress, opt.Notice}.notify(NoticeSize, "%s", text)
	}
	defer m.Close()
	allow, err := opt.allowed(m)
	if err != nil {
		return nil, err
	}
	if n := len(m.Files()); opt.LockedTo != nil && n > 1 {
		return nil, optionf("Locked", "this model has %d files, which cannot go to one stream together", n)
	}
	w, err := startWorkers(opt.Threads, opt.Memory)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if opt.Data.MadeUp && opt.Data.Shape == nil {
		w.Given = gradient.Size(m) // the model decides how large its samples are
	}
	samples, err := opt.prepare(ctx, m, w)
	if err != nil {
		return nil, err
	}
	searching, done := opt.limited(ctx, start)
	defer done()
	found, missed := opt.search(searching, m, samples, allow, w)
	if missed != nil && (!errors.Is(missed, ErrTarget) || !opt.AllowPartial || found == nil || len(found.Changes) == 0) {
		return nil, opt.suggest(ctx, missed, m, samples, w)
	}
	if ctx.Err() != nil {
		if !opt.AllowPartial {
			return nil, ctx.Err()
		}
		ctx = context.WithoutCancel(ctx) // to write what there is
	}
	if before := found.Before; samples.askOriginal && before.Metrics[0].Share && before.Metrics[0].Value < 1 && before.Classes != nil {
		observer{opt.Progress, opt.Notice}.notify(NoticeSamples, "the model agrees with its own answers on %s of the samples only: where two classes are equally likely, either is an answer", before.Metrics[0].Format(before.Metrics[0].Value))
	}
	var left []OutputAgreement
	if luck := found.Locked.Luck; luck > muchLuck && opt.Target == 0 {
		observer{opt.Progress, opt.Notice}.notify(NoticeSamples, "on %d samples such as these, a useless model may come out at %.0f %% by chance: more of them say more", found.Samples, 100*(luck+found.Locked.Chance))
	}
	var families []FamilyScore
	if missed == nil && opt.Data.MadeUp && searching.Err() == nil {
		if err := opt.level(ctx, m, samples, found, general(m, allow), w); err != nil {
			return nil, err
		}
		families, missed = opt.holdOut(ctx, m, samples, found, allow, w)
		if missed != nil && (!errors.Is(missed, ErrTarget) || !opt.AllowPartial) {
			return nil, missed
		}
	}
	if missed == nil && !opt.Data.MadeUp && samples.askOriginal && opt.Task == nil && samples.look.Kind == task.KindUnknown && samples.task.Traits().Classes && searching.Err() == nil {
		if err := opt.level(ctx, m, samples, found, allow, w); err != nil {
			return nil, err
		}
		if err := samples.remeasure(ctx, m, found, w); err != nil {
			return nil, err
		}
	}
	if missed == nil && !opt.Data.MadeUp && searching.Err() == nil && samples.doubtful(m, found, observer{opt.Progress, opt.Notice}) {
		if families, missed = opt.holdVariants(ctx, m, samples, found, allow, w); missed != nil && (!errors.Is(missed, ErrTarget) || !opt.AllowPartial) {
			return nil, missed
		}
	}
	if missed == nil {
		if left, err = opt.lockOthers(ctx, m, samples, found, allow, w); err != nil {
			return nil, err
		}
		if missed = samples.verdict(m, found, left); missed != nil && !opt.AllowPartial {
			return nil, missed
		}
	}
	var seen *Evidence
	if opt.pageWanted() {
		if seen, err = opt.evidence(ctx, m, samples, found, w); err != nil {
			return nil, err
		}
	}
	p := newProtection(opt, found, samples.task)
	p.Stopped = stoppedBy(missed)
	p.Outputs, p.RealData, p.Families = append(p.Outputs, left...), !opt.Data.MadeUp, families
	rewrite := func(set *atomicfile.Set, path string) (*onnxio.Record, error) {
		return m.Rewrite(set, path, found.Edits())
	}
	if missed, err = opt.missedIn(missed, opt.byRuntime(ctx, rewrite, samples, found.Locked, p)); err != nil {
		return nil, err
	}
	if err := opt.write(ctx, rewrite, recipients, p); err != nil {
		return nil, err
	}
	p.Seconds = time.Since(start).Seconds()
	if err := opt.writePage(seen, p); err != nil {
		return nil, err
	}
	return p, missed
}

// limited returns the context of a search that began at a time.
func (o *ProtectOptions) limited(ctx context.Context, start time.Time) (context.Context, context.CancelFunc) {
	if o.TimeLimit == 0 {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, start.Add(o.TimeLimit))
}

// stoppedBy says what ended a search before it reached the target.
func stoppedBy(missed error) string {
	e, ok := errors.AsType[*TargetError](missed)
	switch {
	case !ok:
		return ""
	case errors.Is(e.Stopped, context.DeadlineExceeded):
		return "time limit"
	case e.Stopped != nil:
		return "interrupted"
	case e.Stuck:
		return "stuck"
	}
	return "budget"
}

// prepare returns the samples to search with, in random order: gradients are taken
// on the first few, and many data sets are sorted by class.
func (o *ProtectOptions) prepare(ctx context.Context, m *onnxio.Model, w *gradient.Workers) (*prepared, error) {
	see := observer{o.Progress, o.Notice}
	h, err := newHead(m, o.Output, o.Task)
	if err != nil {
		return nil, err
	}
	p, err := o.read(ctx, m, h, w)
	if err != nil {
		return nil, err
	}
	doing := "searching"
	if o.Profile == Sealed {
		doing = "measuring"
	}
	see.notify(NoticeData, "%s with %s", doing, p.set.Describe())
	if p.askOriginal && !o.Data.MadeUp && p.unscaled(m) {
		see.notify(NoticeSamples, "the inputs lie between 0 and 255: if the model was trained on numbers between 0 and 1, its answers here are none")
	}
	switch {
	case p.why != "" && !p.task.Traits().Classes:
		see.notify(NoticeTask, "the task is %s, a guess: %s", p.task.Name(), p.why)
	case !p.task.Traits().Classes:
		see.notify(NoticeTask, "the task is %s", p.task.Name())
	}
	if p.settled != "" {
		see.notify(NoticeTask, "%s", p.settled)
	}
	p.set = p.set.Shuffle(o.Data.seed(1))
	if p.askOriginal {
		if err = p.answered(ctx, m, w, see.counter("asking the model", p.set.Len())); err != nil {
			return nil, err
		}
	}
	if p.askOriginal && p.foundNothing() && o.Task == nil {
		p.task = task.For(task.Outputs{}, p.look)
		see.notify(NoticeTask, "the task is outputs: the model finds no object in any sample")
		if err := p.answered(ctx, m, w, see.counter("asking the model", p.set.Len())); err != nil {
			return nil, err
		}
	}
	if err := p.varied(m); err != nil {
		return nil, err
	}
	if err := p.inScale(ctx, m, w); err != nil {
		return nil, o.suggest(ctx, err, m, p, w)
	}
	class, share := p.skewed()
	switch {
	case !p.askOriginal || share <= p.mostly() || o.Data.MadeUp:
	case o.Task != nil:
		see.notify(NoticeSamples, "%.0f %% of the model's answers are %d, so that they say little about others", 100*share, class)
	default:
		p.task = task.For(task.Outputs{}, p.look)
		see.notify(NoticeTask, "the task is outputs: %.0f %% of the model's answers are %d, so that answers say little", 100*share, class)
		if err := p.answered(ctx, m, w, see.counter("asking the model", p.set.Len())); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// read reads the samples, or makes them up.
func (o *ProtectOptions) read(ctx context.Context, m *onnxio.Model, h *head, w *gradient.Workers) (*prepared, error) {
	if o.Data.MadeUp {
		n := o.Samples
		if n <= 0 {
			n = defaultMadeUp
		}
		return o.Data.invent(ctx, m, h, n, w, observer{o.Progress, o.Notice})
	}
	d, n := o.Data, o.Samples
	if n == 0 {
		n = defaultSamples
	}
	if n > 0 && (d.Limit == 0 || n < d.Limit) {
		d.Limit = n
	}
	return d.prepare(h, dataset.Train, d.seed(1), w)
}

func (o *ProtectOptions) search(ctx context.Context, m *onnxio.Model, samples *prepared, allow func(string) bool, w *gradient.Workers) (*perturb.Result, error) {
	observer{o.Progress, o.Notice}.report("searching", 0, wholeSearch, "looking for the first change")
	opt := o.searchOptions(samples, allow, w)
	if o.Data.MadeUp {
		first := opt
		first.Allow = general(m, allow)
		r, err := perturb.Search(ctx, m, samples.set, first)
		if !errors.Is(err, ErrTarget) && !errors.As(err, new(*perturb.NoCandidatesError)) {
			return r, err
		}
	}
	return perturb.Search(ctx, m, samples.set, opt)
}

// wholeSearch is Progress.Total of a search.
const wholeSearch = 1000

// remaining says how long a search may still take after a time in which it has done a share
// of the work that it may; "" as long as that says little.
func remaining(since time.Duration, share float64) string {
	if since < 10*time.Second || share < 0.02 || share >= 1 {
		return ""
	}
	left := time.Duration(float64(since) * (1 - share) / share)
	return fmt.Sprintf(", at most %v left", left.Round(time.Second))
}

func (o *ProtectOptions) searchOptions(samples *prepared, allow func(string) bool, w *gradient.Workers) perturb.Options {
	see, start := observer{o.Progress, o.Notice}, time.Now()
	return perturb.Options{
		Task:      samples.task,
		Output:    samples.output,
		Outlook:   &samples.look,
		Target:    o.Target,
		MaxParams: o.MaxParams,
		Beam:      o.Beam,
		Allow:     allow,
		Unbounded: o.Unbounded,
		Workers:   w,
		Progress: func(now perturb.Progress) {
			done := wholeSearch * (1 - now.Accuracy) / math.Max(1-now.Target, 1e-9)
			see.report("searching", int(math.Min(done, wholeSearch-1)), wholeSearch,
				fmt.Sprintf("%d changed, %s %.2f %%, target %.2f %%%s", now.Changed, samples.task.Traits().Quality, 100*now.Accuracy, 100*now.Target, remaining(time.Since(start), now.Work)))
		},
	}
}
