package perturb

import (
	"context"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/task"
)

// minimal is the search for the fewest changes.
type minimal struct {
	*search
	blocks  *blocks
	without study.Without

	collapse   []candidate        // changes of the last layer that are at the target; nil if there are none
	best       []candidate        // the best set so far that is not
	seed       []node             // what a search begins with; nil for nothing
	rounded    bool               // the blocks are computed with rounded factors
	reached    *state             // the best so far that is
	closest    *state             // of those measured on all samples that are not, the one nearest to it
	needed     float64            // changes that are still to come, as the last rounds promise; 0 if they say nothing
	began      float64            // share of the work at which a patient attempt began; 0 before
	took       took               // so far
	rounds     int                // of exact evaluation, in this attempt
	gradual    bool               // the model yields to no single change
	chosen     float64            // quality on the samples that choose changes, as last measured
	fairest    float64            // how far other samples than those that choose changes were from the target at best
	named      task.Task          // whose objective is lowered instead of that of the task; nil for none
	names      task.Task          // what named is to be, by the last set of changes that renaming undoes
	refuted    map[string]verdict // sets of changes that do not reach the target, by identity
	stuck      bool               // the objective no longer falls
	done       bool               // the work that a search may take is done
	longer     bool               // the search may take more work than others, since it has come far
	reaching   []candidate        // shifts by their reach; nil if not known yet
	exchanging float64            // work of exchanges before the target was reached
	end        int64              // the work at which a part of the search ends; 0 for none
}

// run searches until ctx is done. It then returns what it has come to.
func (s *minimal) run(ctx context.Context) (*Result, error) {
	r, err := s.find(ctx)
	if err == nil || ctx.Err() == nil {
		return r, err
	}
	stopped, ctx := context.Cause(ctx), context.WithoutCancel(ctx)
	if s.blocks == nil {
		missed := s.missed(s.opt.MaxParams)
		missed.Stopped = stopped
		return nil, missed
	}
	if s.reached != nil {
		s.restore(*s.reached)
		return &s.result, nil
	}
	list := s.best
	if s.collapse != nil {
		list = s.collapse
	}
	s.become(list)
	reached, err := s.settled(ctx)
	if err != nil {
		return nil, err
	}
	if reached {
		return &s.result, nil
	}
	missed := s.missed(s.opt.MaxParams)
	missed.Stopped = stopped
	return &s.result, missed
}

// find searches until the target is reached or the budget is spent.
func (s *minimal) find(ctx context.Context) (*Result, error) {
	traits := s.opt.Task.Traits()
	if err := s.examine(ctx, traits.Classes || traits.NextTokens); err != nil {
		return nil, err
	}
	if err := s.calibrateRounded(ctx); err != nil {
		return nil, err
	}
	limit := s.opt.MaxParams
	if !s.without.Collapse && !s.opt.EveryAnswer { // which makes one answer win
		s.collapse = s.lastAlone(limit)
	}
	if s.collapse != nil {
		limit = len(s.collapse) - 1 // more would not be better
	}
	reached, err := s.swamp(ctx, limit)
	if !reached && err == nil {
		reached, err = s.beam(ctx, limit)
	}
	if err != nil {
		return nil, err
	}
	if most := mostChosen(s.samples.Len()); !reached && s.stuck && traits.AllOutputs && s.calibration().n < most {
		// The calibration samples are fitted, and the others are not.
		if err := s.calibrate(ctx, most); err != nil {
			return nil, err
		}
		s.stuck = false
		s.become(nil)
		if reached, err = s.beam(ctx, limit); err != nil {
			return nil, err
		}
	}
	if !reached && s.stuck && s.opt.Beam < wider && s.share() < 1.0/wider {
		// Some changes do nothing alone.
		s.opt.Beam, s.stuck = wider, false
		s.become(nil)
		if reached, err = s.beam(ctx, limit); err != nil {
			return nil, err
		}
	}
	if !reached && s.hasty() {
		if reached, err = s.patiently(ctx, limit); err != nil {
			return nil, err
		}
	}
	if !reached {
		if reached, err = s.onward(ctx); err != nil {
			return nil, err
		}
	}
	if !reached && s.collapse != nil {
		if reached, err = s.collapsed(ctx); err != nil {
			return nil, err
		}
	}
	if !reached {
		s.approach()
		if reached, err = s.settled(ctx); err != nil {
			return nil, err
		}
	}
	if !reached {
		missed := s.missed(s.opt.MaxParams)
		missed.Stuck, missed.Spent = s.stuck, s.done
		return &s.result, missed
	}
	s.keep()
	s.usual()
	if err := s.squeeze(ctx); err != nil {
		return nil, err
	}
	return &s.result, s.prune(ctx)
}

// collapsed makes the changes of the last layer. If they do not hold after all, the search goes on
// from the best other set: it had ended where it would have been longer than these.
func (s *minimal) collapsed(ctx context.Context) (reached bool, err error) {
	s.become(s.collapse)
	if reached, _, err = s.acceptBy(ctx, true); err != nil {
		return false, err
	}
	s.report(reached)
	if reached || s.done || s.stuck {
		return reached, nil
	}
	s.collapse = nil
	s.become(s.best)
	objective, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	s.seed = []node{{s.best, objective}}
	return s.beam(ctx, s.opt.MaxParams)
}

// wider is the number of sets of changes that a search which is stuck follows in a second
// attempt, if enough of its work is left.
const wider = 4

// calibrate computes the first n samples as blocks.
func (s *minimal) calibrate(ctx context.Context, n int) (err error) {
	truth := task.Truth(s.samples, 0, 1)
	size := max(sizeOfBlocks(truth), s.opt.Task.Traits().Together)
	if s.heavy() {
		size = heavyBlock
	}
	size = task.Batch(*s.opt.Outlook, truth, size)
	if s.opt.Task.Traits().AllOutputs && n > size {
		size = n / ((n + size - 1) / size) // so that hardly any are left out
	}
	cfg := s.differentiated()
	cfg.Rounded = s.rounded
	if s.blocks, err = newBlocks(ctx, s.model, cfg, s.samples, n, size, keptLimit(), s.opt.Task, s.lowered); err != nil {
		return err
	}
	s.blocks.step, s.refuted = func() { s.report(false) }, map[string]verdict{}
	return nil
}

// Models that compute many numbers a sample, and take this many multiply-adds for it, are
// searched on fewer samples at a time: a few tell how far a change moves so many numbers.
const (
	heavyWork    = 1 << 27
	heavyBlock   = 4
	heavyNumbers = 64
)

// heavy reports whether the model is one of these.
func (s *search) heavy() bool {
	n := int64(max(s.samples.Len(), 1))
	t, ok := s.opt.Task.(task.Outputs)
	return ok && t.Varying() >= heavyNumbers && s.once/n > heavyWork
}

// keep remembers the present state, which is at the target.
func (s *minimal) keep() {
	now := s.save()
	s.reached = &now
}

// state is what a search has come to.
type state struct {
	list   []candidate
	result Result
	fair   task.Score
}

// approached remembers the present changes if none so far came nearer to the target.
func (s *minimal) approached() {
	if s.reached == nil && (s.closest == nil || s.result.excess() < s.closest.result.excess()) {
		now := s.save()
		s.closest = &now
	}
}

// approach returns to the changes that came nearest to the target, where those that the search ends
// with are further from it: an objective may fall while the quality rises.
func (s *minimal) approach() {
	if s.closest != nil && s.closest.result.excess() < s.result.excess() {
		s.become(s.closest.list)
	}
}

// excess is how far the quality is above the target.
func (r *Result) excess() float64 { return r.Locked.Quality - r.Target }

// save returns the present state.
func (s *minimal) save() state {
	return state{s.present(), s.result, s.fair}
}

// restore returns to a state, but for what the search has cost since.
func (s *minimal) restore(to state) {
	s.become(to.list)
	s.result.Locked, s.result.Target, s.fair = to.result.Locked, to.result.Target, to.fair
}

// present returns the changes as they are now.
func (s *minimal) present() []candidate {
	list := make([]candidate, len(s.result.Changes))
	for i, c := range s.result.Changes {
		value := s.model.Weight(c.Tensor).Decode(c.New)
		list[i] = candidate{site: site{c.Tensor, c.Index}, bound: bound{value, c.New}}
	}
	return list
}

// lowered returns the loss that the search lowers.
func (s *minimal) lowered(truth nd.Array) gradient.Loss {
	if !s.without.Objective {
		return s.lowering().Objective(truth, s.tau)
	}
	raised := s.opt.Task.Training(truth)
	return func(outputs, seeds []nd.Array) (float64, error) {
		// Training always wants to write a gradient.
		into := seeds
		if into == nil {
			for _, y := range outputs {
				into = append(into, nd.New(nd.Float32, y.Shape...))
			}
		}
		value, err := raised(outputs, into)
		for _, seed := range seeds {
			if seed.Data == nil {
				continue
			}
			for i, g := range seed.Float32s() {
				seed.Float32s()[i] = -g
			}
		}
		return -value, err
	}
}

// become makes the changes of a list and undoes those that are not in it.
func (s *minimal) become(list []candidate) {
	kept := s.result.Changes[:0:0]
	for _, c := range s.result.Changes {
		if slices.ContainsFunc(list, func(n candidate) bool { return n.tensor == c.Tensor && n.index == c.Index && n.bits == c.New }) {
			kept = append(kept, c)
			continue
		}
		at := site{c.Tensor, c.Index}
		delete(s.changed, at)
		s.set(at, s.original(c))
	}
	s.result.Changes = kept
	for _, c := range list {
		if s.changed[c.site] {
			continue
		}
		old := s.model.Weight(c.tensor).Bits(c.index)
		s.result.Changes = append(s.result.Changes, Change{c.tensor, c.index, old, c.bits})
		s.changed[c.site] = true
		s.set(c.site, c.value)
	}
	// In the order of the list.
	order := map[site]int{}
	for i, c := range list {
		order[c.site] = i
	}
	slices.SortFunc(s.result.Changes, func(a, b Change) int {
		return order[site{a.Tensor, a.Index}] - order[site{b.Tensor, b.Index}]
	})
}

// set sets a parameter. What depends on it is computed again when it is needed.
func (s *minimal) set(at site, value float32) {
	a, _ := s.weights.Array(at.tensor)
	s.blocks.setting(at, a.Float32s())
	a.Float32s()[at.index] = value
}

// original returns the value of a parameter in the file.
func (s *minimal) original(c Change) float32 { return s.model.Weight(c.Tensor).Decode(c.Old) }

// prune undoes changes, the weakest first, that are not needed to stay at the target, as far as
// the work goes. It ends when none of the weakest few can be missed.
func (s *minimal) prune(ctx context.Context) error {
	for missed := true; missed && len(s.result.Changes) > 1; {
		weak, err := s.weakest(ctx, s.present(), weakKept, fewBlocks)
		if err != nil {
			return err
		}
		missed = false
		for _, c := range weak {
			if s.share() >= 1 {
				return nil
			}
			if missed, err = s.undone(ctx, c.site); err != nil {
				return err
			}
			if missed {
				s.keep()
				break
			}
		}
	}
	return nil
}

// undone gives a parameter its original value if the model is at the target with that.
func (s *minimal) undone(ctx context.Context, at site) (ok bool, err error) {
	i := slices.IndexFunc(s.result.Changes, func(c Change) bool { return c.Tensor == at.tensor && c.Index == at.index })
	whole, value := node{list: s.present()}, s.original(s.result.Changes[i])
	id := identity(whole.without(candidate{site: at}).list)
	if _, refuted := s.refuted[id]; refuted {
		return false, nil
	}
	tally, n, stopped, err := s.blocks.with(at, value, s.hopeless)
	if stopped || err != nil {
		return false, err
	}
	a, _ := s.weights.Array(at.tensor)
	x, before := a.Float32s(), s.result
	old := x[at.index]
	x[at.index] = value
	if ok, err = s.confirm(ctx, id, tally, n); err != nil {
		return false, err
	}
	if ok {
		x[at.index] = old
		s.set(at, value)
		s.result.Changes = slices.Delete(s.result.Changes, i, i+1)
		delete(s.changed, at)
		return true, nil
	}
	x[at.index], s.result = old, before
	return false, nil
}
