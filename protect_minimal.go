package advparams

import (
	"context"
	"time"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/minimal"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/samples"
)

func protectMinimal(ctx context.Context, opt *ProtectOptions, start time.Time) (*Protection, error) {
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
	defer m.Close()
	see := opt.see()
	if text := tooLarge(m.Files()[0]); text != "" {
		see.Notify(NoticeSize, "%s", text)
	}
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
	l, err := minimal.Find(ctx, opt.calibration(m, w, see), minimal.Options{
		Allow: allow, Target: opt.Target, EveryAnswer: opt.EveryAnswer, MaxParams: opt.MaxParams, Beam: opt.Beam,
		Unbounded: opt.Unbounded, Deadline: opt.deadline(start), Partial: opt.AllowPartial,
	})
	if err != nil {
		return nil, err
	}
	if l.Interrupted {
		ctx = context.WithoutCancel(ctx) // to write what there is
	}
	opt.remark(l)
	lock := func(set *atomicfile.Set, path string) (*onnxio.Record, error) {
		return m.Rewrite(set, path, l.Found.Edits())
	}
	p, seen, err := opt.result(ctx, m, l, w, lock)
	if err != nil {
		return nil, err
	}
	if err := opt.write(ctx, lock, recipients, p); err != nil {
		return nil, err
	}
	p.Seconds = time.Since(start).Seconds()
	if err := opt.writePage(seen, p); err != nil {
		return nil, err
	}
	return p, l.Missed
}

// calibration says which samples a run needs.
func (o *ProtectOptions) calibration(m *onnxio.Model, w *gradient.Workers, see feedback.Observer) *samples.Calibration {
	c := &samples.Calibration{Model: m, Output: o.Output, Task: o.Task, Data: o.Data, Samples: o.Samples, Purpose: "searching", Workers: w, See: see}
	if o.Profile == Sealed {
		c.Purpose = "measuring"
	}
	return c
}

// deadline returns when a search has to end that began at a time; zero for never.
func (o *ProtectOptions) deadline(start time.Time) (end time.Time) {
	if o.TimeLimit > 0 {
		end = start.Add(o.TimeLimit)
	}
	return end
}

// muchLuck is the quality beyond chance from which a lock may be worth less than it seems.
const muchLuck = 0.2

// remark warns of what says less than it seems to.
func (o *ProtectOptions) remark(l *minimal.Lock) {
	see, before, locked := o.see(), l.Found.Before, l.Found.Locked
	if first := before.Metrics[0]; l.Samples.AskOriginal && before.Classes != nil && first.Share && first.Value < 1 {
		see.Notify(NoticeSamples, "the model agrees with its own answers on %s of the samples only: where two classes are equally likely, either is an answer", first.Format(first.Value))
	}
	if locked.Luck > muchLuck && o.Target == 0 {
		see.Notify(NoticeSamples, "on %d samples such as these, a useless model may come out at %.0f %% by chance: more of them say more", l.Found.Samples, 100*(locked.Luck+locked.Chance))
	}
	if r := restOf(locked); r != nil {
		text := "the locked model can still be used: it is right on " + r.Text()
		if !o.EveryAnswer {
			text += ". With the option every-answer it could not, for more changes"
		}
		see.Notify(NoticeRest, "%s", text)
	}
}

// result says what was done, and what a report shows beside that. lock writes the locked
// model.
func (o *ProtectOptions) result(ctx context.Context, m *onnxio.Model, l *minimal.Lock, w *gradient.Workers, lock lockTo) (p *Protection, seen *Evidence, err error) {
	if o.pageWanted() {
		if seen, err = o.evidence(ctx, m, l, w); err != nil {
			return nil, nil, err
		}
	}
	p = newProtection(o, l)
	if p.Numbers, err = l.NumbersLeft(ctx); err != nil {
		return nil, nil, err
	}
	if o.Runtime == "" {
		return p, seen, nil
	}
	ready, locked, err := l.ForRuntime(ctx)
	if err != nil {
		return nil, nil, err
	}
	return p, seen, l.Miss(o.byRuntime(ctx, lock, ready, locked, p))
}
