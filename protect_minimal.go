package advparams

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
)

// locking is one run of the profile Minimal. It searches for changes (protect_search.go),
// sees whether they hold on samples that the search has not seen (protect_hold.go) and for
// outputs that it has not looked at (protect_outputs.go), and writes them.
type locking struct {
	*ProtectOptions
	see     observer
	m       *onnxio.Model
	w       *gradient.Workers
	allow   func(name string) bool // whether a weight may be changed
	samples *prepared              // of the search

	found    *perturb.Result // the changes so far, and what they make of the model
	missed   error           // wraps ErrTarget: why the lock is only partial; nil if it is whole
	families []FamilyScore
	costly   bool              // samples to judge with take minutes
	outputs  []OutputAgreement // those that the search has not looked at
}

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
	l := &locking{ProtectOptions: opt, see: opt.see(), m: m}
	if text := tooLarge(m.Files()[0]); text != "" {
		l.see.notify(NoticeSize, "%s", text)
	}
	if l.allow, err = opt.allowed(m); err != nil {
		return nil, err
	}
	if n := len(m.Files()); opt.LockedTo != nil && n > 1 {
		return nil, optionf("Locked", "this model has %d files, which cannot go to one stream together", n)
	}
	if l.w, err = startWorkers(opt.Threads, opt.Memory); err != nil {
		return nil, err
	}
	defer l.w.Close()
	if opt.Data.MadeUp && opt.Data.Shape == nil {
		l.w.Given = gradient.Size(m) // the model decides how large its samples are
	}
	if l.samples, err = opt.prepare(ctx, m, l.w); err != nil {
		return nil, err
	}
	searching, done := opt.limited(ctx, start)
	defer done()
	err = l.search(searching)
	if why := l.tooAlike(err); why != "" {
		if err = opt.byOutputs(ctx, m, l.samples, l.w, why); err == nil {
			err = l.search(searching)
		}
	}
	if hidden, wrong := l.squashed(searching, err); hidden || wrong != nil {
		if err = cmp.Or(wrong, opt.byUnsquashed(ctx, m, l.samples, l.w)); err == nil {
			err = l.search(searching)
		}
	}
	if err != nil {
		return nil, opt.suggest(ctx, err, m, l.samples, l.w)
	}
	if ctx.Err() != nil {
		if !opt.AllowPartial {
			return nil, ctx.Err()
		}
		ctx = context.WithoutCancel(ctx) // to write what there is
	}
	if err := l.confirm(ctx, searching); err != nil {
		return nil, err
	}
	l.remark()
	lock := func(set *atomicfile.Set, path string) (*onnxio.Record, error) {
		return m.Rewrite(set, path, l.found.Edits())
	}
	p, seen, err := l.result(ctx, lock)
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
	return p, l.missed
}

// muchLuck is the quality beyond chance from which a lock may be worth less than it seems.
const muchLuck = 0.2

// remark warns of what says less than it seems to.
func (l *locking) remark() {
	before, locked := l.found.Before, l.found.Locked
	if first := before.Metrics[0]; l.samples.askOriginal && before.Classes != nil && first.Share && first.Value < 1 {
		l.see.notify(NoticeSamples, "the model agrees with its own answers on %s of the samples only: where two classes are equally likely, either is an answer", first.Format(first.Value))
	}
	if locked.Luck > muchLuck && l.Target == 0 {
		l.see.notify(NoticeSamples, "on %d samples such as these, a useless model may come out at %.0f %% by chance: more of them say more", l.found.Samples, 100*(locked.Luck+locked.Chance))
	}
	if r := restOf(locked); r != nil {
		text := "the locked model can still be used: it is right on " + r.Text()
		if !l.EveryAnswer {
			text += ". With the option every-answer it could not, for more changes"
		}
		l.see.notify(NoticeRest, "%s", text)
	}
}

// confirm makes a lock hold beyond the samples and the output of its search, unless
// searching has ended.
func (l *locking) confirm(ctx, searching context.Context) error {
	going := func() bool { return l.missed == nil && searching.Err() == nil }
	var err error
	switch {
	case !going():
	case l.Data.MadeUp:
		if err = l.level(ctx, general(l.m, l.allow)); err == nil {
			err = l.miss(l.holdOut(ctx))
		}
	case l.samples.askOriginal && l.Task == nil && l.samples.maybeNumbers():
		if err = l.levelBoth(ctx); err != nil {
			return err
		}
	}
	if err == nil && going() && !l.Data.MadeUp && l.doubtful() {
		err = l.miss(l.holdVariants(ctx))
	}
	if err == nil && going() && !l.Data.MadeUp && l.samples.askOriginal && l.samples.set.Len() <= fewGiven {
		err = l.miss(l.holdCrossed(ctx))
	}
	if err == nil && going() {
		err = l.miss(l.lockSquashed(ctx))
	}
	if err == nil && going() {
		err = l.miss(l.lockSingle(ctx))
	}
	if err == nil && going() {
		err = l.miss(l.lockAnswers(ctx))
	}
	if err == nil && going() {
		err = l.miss(l.lockScores(ctx))
	}
	if err != nil || l.missed != nil {
		return err
	}
	if err := l.lockOthers(ctx); err != nil {
		return err
	}
	if rows, of, ok := chosenRows(l.m, l.found.Changes); ok {
		l.see.notify(NoticeSamples, "all changes are in rows of tables that the input chooses by number, %d of %d: samples without these numbers are answered as before", rows, of)
	}
	return l.miss(l.verdict())
}

// result says what was done, and what a report shows beside that. lock writes the locked
// model.
func (l *locking) result(ctx context.Context, lock lockTo) (p *Protection, seen *Evidence, err error) {
	if l.pageWanted() {
		if seen, err = l.evidence(ctx); err != nil {
			return nil, nil, err
		}
	}
	p = newProtection(l.ProtectOptions, l.found, l.samples.task)
	p.Stopped = stoppedBy(l.missed)
	p.Outputs, p.RealData, p.Families = append(p.Outputs, l.outputs...), !l.Data.MadeUp, l.families
	if p.Numbers, err = l.numbersLeft(ctx); err != nil {
		return nil, nil, err
	}
	samples, locked := l.samples, l.found.Locked
	if samples.task.Traits().Unsquashed && l.Runtime != "" { // which another program does not compute
		if samples, err = samples.numbers(ctx, l.m, l.w); err != nil {
			return nil, nil, err
		}
		if locked, err = l.score(ctx, samples); err != nil {
			return nil, nil, err
		}
	}
	return p, seen, l.miss(l.byRuntime(ctx, lock, samples, locked, p))
}

// miss takes the error of a stage. That a target was missed is kept if partial locks are
// written; every other error is returned.
func (l *locking) miss(err error) error {
	if !l.AllowPartial || !errors.Is(err, ErrTarget) {
		return err
	}
	if l.missed == nil {
		l.missed = err
	}
	return nil
}
