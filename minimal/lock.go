package minimal

import (
	"context"
	"errors"
	"time"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
)

// Options say what a lock has to be like. Their zero values are defaults.
type Options struct {
	Allow       func(name string) bool // whether a weight may be changed
	Target      float64                // the quality to reach; 0 means that of answers which do not depend on the sample
	EveryAnswer bool                   // a classifier is useless also without its most frequent answers
	MaxParams   int                    // the largest number of changes; 0 means as perturb.Options
	Beam        int                    // sets of changes to follow at a time; 0 means 1
	Unbounded   bool                   // changed values may leave the range of their tensor
	Deadline    time.Time              // of the search; zero means none
	// Partial keeps a lock that has missed its target. If the context ends while the search runs,
	// the lock is what the search has found so far.
	Partial bool
}

// Lock is what Find has found.
type Lock struct {
	Samples  *samples.Prepared // of the search
	Found    *perturb.Result   // the changes, and what they make of the model
	Missed   error             // wraps perturb.ErrTarget: why the lock is only partial; nil if it is whole
	Families []FamilyScore
	Outputs  []samples.OutputAgreement // those that the search has not looked at
	// Interrupted means that the context ended while the search ran.
	Interrupted bool

	opt    Options
	from   *samples.Calibration
	m      *onnxio.Model
	w      *gradient.Workers
	see    feedback.Observer
	costly bool // samples to judge with take minutes
	held   int  // changes when the lock was judged on families
}

// Find gets the samples and searches for changes that lock a model. It sees whether they hold on
// samples that the search has not seen and for outputs that it has not looked at, and goes on with
// more changes where they do not. If these do not hold either, the error wraps perturb.ErrTarget,
// or is Lock.Missed with Options.Partial.
func Find(ctx context.Context, from *samples.Calibration, opt Options) (*Lock, error) {
	l := &Lock{opt: opt, from: from, m: from.Model, w: from.Workers, see: from.See}
	searching := ctx
	if !opt.Deadline.IsZero() {
		var done context.CancelFunc
		searching, done = context.WithDeadline(ctx, opt.Deadline)
		defer done()
	}
	var err error
	if l.Samples, err = from.Prepare(searching); err != nil {
		if ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded) { // while samples were made up
			err = &perturb.TargetError{Stopped: context.DeadlineExceeded}
		}
		return nil, err
	}
	if err := l.searchAs(ctx, searching); err != nil {
		return nil, from.Suggest(ctx, err, l.Samples)
	}
	if ctx.Err() != nil {
		if !opt.Partial {
			return nil, ctx.Err()
		}
		l.Interrupted = true
		ctx = context.WithoutCancel(ctx) // to measure what there is
	}
	if err := l.confirm(ctx, searching); err != nil {
		return nil, err
	}
	return l, nil
}

// confirm makes a lock hold beyond the samples, the measure and the output of its search, unless
// searching has ended.
func (l *Lock) confirm(ctx, searching context.Context) error {
	for _, pass := range []func(context.Context) error{
		l.holdMadeUp, l.levelBoth, l.holdVariants, l.holdCrossed, // samples that the search has not seen
		l.lockSquashed, l.lockSingle, l.lockAnswers, l.lockScores, // what its measure does not show
	} {
		if l.Missed != nil || searching.Err() != nil {
			break
		}
		if err := l.Miss(pass(ctx)); err != nil {
			return err
		}
	}
	if l.Missed != nil {
		return nil
	}
	if err := l.lockOthers(ctx); err != nil {
		return err
	}
	if err := l.Miss(l.holdAgain(ctx)); err != nil {
		return err
	}
	if rows, of, ok := chosenRows(l.m, l.Found.Changes); ok {
		l.see.Notify(feedback.NoticeSamples, "all changes are in rows of tables that the input chooses by number, %d of %d: samples without these numbers are answered as before", rows, of)
	}
	return l.Miss(l.verdict())
}

// Miss takes the error of a stage. That a target was missed is kept if partial locks are
// written; every other error is returned.
func (l *Lock) Miss(err error) error {
	if !l.opt.Partial || !errors.Is(err, perturb.ErrTarget) {
		return err
	}
	if l.Missed == nil {
		l.Missed = err
	}
	return nil
}
