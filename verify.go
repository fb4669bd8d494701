package advparams

import (
	"context"
	"io"
	"time"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/report"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// VerifyOptions are the options of Verify. Required are Locked, and Key or Data.
type VerifyOptions struct {
	Original string // the file of the original model; "" if it is not there
	Locked   string // the file of the locked model
	Key      KeyFile

	// Data has the samples to measure on. Without it, Verify compares files only.
	Data Data
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means that outputs and labels decide.
	Task Task

	// MaxLocked is the largest accuracy that the locked model may have, and MinUnlocked the
	// smallest that the unlocked one has to have, or the quality (task.Score) if the task has
	// no accuracy. 0 means no limit. If one is not kept, Verify returns both a Verification
	// and a *VerdictError.
	MaxLocked, MinUnlocked float64

	// Report is the file to write the findings to, as one HTML page; "" means none.
	// If ReportTo is not nil, the page goes there instead. Force replaces a file that
	// exists.
	Report   string
	ReportTo io.Writer
	Force    bool
	// Tool is the name of the program in the report; "" means this module and its
	// version.
	Tool string

	// Runtime is OnnxRuntime to measure the locked model there as well; "" means not to.
	// Python is the program that has it; "" means that of the environment variable
	// ADVPARAMS_PYTHON, or else python3.
	Runtime, Python string

	Threads int // to compute on; 0 means one per core
	// Memory is how many bytes the values of a batch may take. The limit on the work of a model
	// follows from it. 0 means a limit in proportion to the model and the data, which is enough
	// unless a small file needs much on purpose (gradient.Config.Memory).
	Memory int64

	Progress func(Progress) // may be nil
	Notice   func(Notice)   // may be nil
}

func (o *VerifyOptions) check() error {
	switch {
	case o.Locked == "":
		return optionf("Locked", "there is no locked model")
	case !o.Data.Given() && !o.Key.given():
		return optionf("Key", "nothing to verify: there is neither a key nor data")
	case o.Runtime != "" && o.Runtime != OnnxRuntime:
		return &OptionError{Option: "Runtime", Value: o.Runtime, Reason: "is not onnxruntime"}
	case o.Runtime != "" && !o.Data.Given():
		return optionf("Runtime", "there is no data to measure on")
	case o.Data.MadeUp:
		return optionf("Data.MadeUp", "samples that are made up say nothing about real ones")
	case o.Data.Labels == LabelsOfModel && o.Original == "" && !o.Key.given():
		return optionf("Data.Labels", "the answers of the original need Original, or Key to get at it")
	}
	if err := o.checkLimits(); err != nil {
		return err
	}
	return checkData(&o.Data, "Data")
}

// Verify measures the original, the locked and the unlocked model, as far as they are
// given. With a key it also reports whether the locked model is the one that the key
// was made for, and whether unlocking restores the original bit for bit. The unlocked
// model exists in a temporary folder only. Models with equal bytes are measured once.
//
// If the files do not fit the key, Verify still measures what it can, and returns both
// a Verification and an error that wraps ErrMismatch.
func Verify(ctx context.Context, opt VerifyOptions) (v *Verification, err error) {
	defer onnxio.Faults(&err)()
	v, err = (&verifier{opt: &opt, see: feedback.Observer{Progress: opt.Progress, Notice: opt.Notice}}).run(ctx)
	return v, interrupted(ctx, err)
}

// verifier is one run of Verify.
type verifier struct {
	opt      *VerifyOptions
	see      feedback.Observer
	original *onnxio.Model // nil where one is not at hand
	locked   *onnxio.Model
	unlocked *onnxio.Model
	restored *unlocked      // the files of unlocked
	record   *onnxio.Record // of the key
	report   verify.Report
	profile  string    // of the key's lock
	seen     *Evidence // if a report is wanted
	outputs  []OutputAgreement
	runtime  *RuntimeMeasure
	failed   error // returned once everything is measured
}

func (v *verifier) run(ctx context.Context) (*Verification, error) {
	if err := v.opt.check(); err != nil {
		return nil, err
	}
	if v.opt.ReportTo == nil {
		if err := probe(ofPage, v.opt.Force, v.opt.Report); err != nil {
			return nil, err
		}
	}
	defer v.close()
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	if v.pageWanted() {
		v.seen = newEvidence(v.opt.Tool, v.opt.Threads)
	}
	if v.opt.Data.Given() {
		if err := v.measure(ctx); err != nil {
			return nil, err
		}
	}
	found := newVerification(&v.report, v.opt.Report)
	found.Outputs, found.Runtime = append(found.Outputs, v.outputs...), v.runtime
	var missed []string
	if found.Verdict, missed = v.judge(); missed != nil && v.failed == nil {
		v.failed = &VerdictError{v.opt.Locked, missed}
	}
	if v.pageWanted() {
		if err := v.conclude(ctx, found, missed); err != nil {
			return nil, err
		}
	}
	return found, v.failed
}

func (v *verifier) close() {
	for _, m := range []*onnxio.Model{v.original, v.locked, v.unlocked} {
		if m != nil {
			m.Close()
		}
	}
	v.restored.remove()
}

// measure runs the models on the data.
func (v *verifier) measure(ctx context.Context) error {
	first := v.original
	if first == nil {
		first = v.unlocked
	}
	if first == nil {
		first = v.locked
	}
	if first == nil || v.opt.Data.Labels == LabelsOfModel && first == v.locked {
		return nil // the key does not fit, so that there is nothing to run, or nobody to ask
	}
	if _, err := samples.ChooseOutput(first, v.opt.Output); err != nil {
		return err
	}
	h, err := samples.NewHead(first, v.opt.Output, v.opt.Task)
	if err != nil {
		return err
	}
	w, err := startWorkers(v.opt.Threads, v.opt.Memory)
	if err != nil {
		return err
	}
	defer w.Close()
	h.Original = first != v.locked
	p, err := samples.Read(&v.opt.Data, h, dataset.Test, v.opt.Data.SeedOr(0), w)
	if err != nil {
		return err
	}
	if p.AskOriginal && first == v.locked {
		return optionf("Original", "outputs are compared with those of the original, which is not there")
	}
	if p.AskOriginal {
		if err := v.ask(ctx, first, p, w); err != nil {
			return err
		}
	}
	v.report.Data, v.report.Task, v.report.Samples = p.Set.Describe(), p.Task.Name(), p.Set.Len()
	r := &v.report
	if r.Original, err = v.metrics(ctx, "original", v.original, p, w); err != nil {
		return err
	}
	if r.Locked, err = v.metrics(ctx, "locked", v.locked, p, w); err != nil {
		return err
	}
	if v.opt.Runtime != "" && v.locked != nil {
		if v.runtime, err = byRuntime(ctx, p, v.locked, v.opt.Python, v.opt.Threads); err != nil {
			return err
		}
	}
	if v.locked != nil && first != v.locked {
		if v.outputs, err = v.others(ctx, first, p, w); err != nil {
			return err
		}
	}
	if r.Original != nil && r.BitExact {
		r.Unlocked = r.Original // the same bytes
	} else if r.Unlocked, err = v.metrics(ctx, "unlocked", v.unlocked, p, w); err != nil {
		return err
	}
	if v.seen == nil {
		return nil
	}
	if first == v.locked || v.locked == nil {
		describe(v.seen, p, &v.opt.Data)
		return nil
	}
	_, err = compared(ctx, v.seen, p, &v.opt.Data, first, v.locked, v.see, w)
	return err
}

// ask replaces the labels of the samples by the answers of the original, as Protect does.
func (v *verifier) ask(ctx context.Context, original *onnxio.Model, p *samples.Prepared, w *gradient.Workers) error {
	if v.opt.Data.Labels != LabelsOfModel && !p.Task.Traits().OriginalAnswers {
		v.see.Notify(NoticeData, "the samples have no labels: the answers of the original stand for them")
	}
	progress := v.see.Counter("asking the original", p.Set.Len())
	if err := p.Answered(ctx, original, w, progress); err != nil || v.opt.Task != nil {
		return err
	}
	why := p.FoundNothing()
	if why == "" {
		why = p.MostlyOne()
	}
	if why == "" {
		return nil
	}
	q, err := p.Numbers(ctx, original, w)
	if err != nil || q.Varied(original) != nil {
		return err
	}
	v.see.Notify(NoticeTask, "the task is outputs: %s", why)
	p.Task, p.Set = q.Task, q.Set
	return nil
}

// others compares the outputs of the original and the locked model that the task does not
// look at.
func (v *verifier) others(ctx context.Context, original *onnxio.Model, p *samples.Prepared, w *gradient.Workers) ([]OutputAgreement, error) {
	list := p.Others()
	if err := p.CompareModels(ctx, original, v.locked, list, w); err != nil {
		return nil, err
	}
	for _, one := range list {
		if one.Intact {
			v.see.Notify(NoticeOutput, "output %q of the locked model is still right: its %s agree with those of the original (%.1f %%)", one.Name, one.By, 100**one.Agreement)
		}
	}
	return list, nil
}

// metrics measures one model; nil if it is not at hand.
func (v *verifier) metrics(ctx context.Context, name string, m *onnxio.Model, p *samples.Prepared, w *gradient.Workers) (*task.Score, error) {
	if m == nil {
		return nil, nil
	}
	defer v.timed("measuring the " + name + " model")()
	if _, err := samples.ChooseOutput(m, v.opt.Output); err != nil {
		return nil, err
	}
	session, err := p.Session(m, nil, p.Set, w)
	if err != nil {
		return nil, err
	}
	evaluator := &task.Evaluator{Task: p.Task, Session: session}
	score, err := evaluator.Measure(ctx, p.Set, v.see.Counter("measuring "+name, p.Set.Len()))
	if err != nil {
		return nil, err
	}
	return &score, nil
}

// timed notes how long a step takes: until the function it returns is called.
func (v *verifier) timed(step string) func() {
	start := time.Now()
	return func() {
		v.report.Timings = append(v.report.Timings, verify.Timing{Step: step, Duration: time.Since(start)})
	}
}

// writePage writes a page to w, or else to a file if that has a name.
func writePage(w io.Writer, path string, force bool, write func(io.Writer) error) error {
	switch {
	case w != nil:
		return write(w)
	case path == "":
		return nil
	}
	out := atomicfile.Set{Force: force, Spare: ofPage.spare}
	defer out.Abort()
	f, err := out.Create(path)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		return err
	}
	return out.Commit()
}

// conclude completes the evidence and writes the page.
func (v *verifier) conclude(ctx context.Context, found *Verification, missed []string) error {
	e := v.seen
	if err := v.addFiles(); err != nil {
		return err
	}
	original := v.original
	if original == nil {
		original = v.unlocked
	}
	if e.Tensors == nil && original != nil && v.locked != nil {
		var err error
		if e.Tensors, err = verify.Tensors(ctx, original, verify.OfModel(v.locked)); err != nil {
			return err
		}
	}
	e.Models = nil
	for _, one := range []struct {
		name  string
		score *task.Score
	}{{"original", v.report.Original}, {"locked", v.report.Locked}, {"unlocked", v.report.Unlocked}} {
		if one.score != nil {
			e.Models = append(e.Models, verify.Measure(one.name, *one.score))
		}
	}
	var s settings
	s.data("", &v.opt.Data, Test, 0)
	s.add("output", v.opt.Output)
	s.add("runtime", v.opt.Runtime)
	if v.opt.MaxLocked > 0 {
		s.add("max-locked", v.opt.MaxLocked)
	}
	if v.opt.MinUnlocked > 0 {
		s.add("min-unlocked", v.opt.MinUnlocked)
	}
	e.Settings, e.Timings = s, v.report.Timings
	e.Profile, e.Worth = v.profile, found.Rest.worth(verify.Worth(v.profile))
	found.Evidence = e
	return writePage(v.opt.ReportTo, v.opt.Report, v.opt.Force, func(w io.Writer) error {
		return report.Write(w, report.Page{Kind: report.Verification, Result: found, Evidence: e, Failed: missed})
	})
}

// pageWanted reports whether the findings become a page.
func (v *verifier) pageWanted() bool { return v.opt.Report != "" || v.opt.ReportTo != nil }
