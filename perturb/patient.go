package perturb

import "context"

// usualChanges is how many changes a search may make that has no bound of its own, as long as that
// may be enough. If it is not, it may make more: one in fewestIn parameters, and in models of fewer
// than a million of them as many as these may have, but one in leastIn at most. Where each number that
// a model computes comes from weights of its own, as the units of a recurrent layer, a few changes for
// each are needed.
const (
	usualChanges = 128
	moreChanges  = 1024
	fewestIn     = 1000
	leastIn      = 100
)

// MostChanges returns the number of changes that a search without a bound of its own makes at most
// in a model with n parameters.
func MostChanges(n int) int {
	return max(usualChanges, min(moreChanges, n/leastIn), n/fewestIn)
}

// prolonged is how many times the work that a search may take is, if it has come that share of the
// way to the target before that is done.
const (
	prolonged = 3
	mostOfWay = 0.5
)

// prolong lets a search that has done its work and come far enough go on, once, unless it has
// reached the target before: to do with fewer changes is not worth that.
func (s *minimal) prolong() bool {
	before, now := s.result.Before.Quality, s.result.Locked.Quality
	if s.longer || s.reached != nil || before-now < mostOfWay*(before-s.result.Target) {
		return false
	}
	s.longer, s.work = true, prolonged*s.work
	return true
}

// usual takes back what prolong gave, once the target is reached.
func (s *minimal) usual() {
	if s.longer {
		s.work /= prolonged
	}
}

// Changes that are added together do less than as many that are chosen one after the other. A
// search that needs many adds several at a time, so that it is done in time. If it has made as
// many as it may and there is work left, it begins again and takes its time.

// hasty reports whether the search has made as many changes as it may, several at a time and with
// little of its work.
func (s *minimal) hasty() bool {
	n := len(s.result.Changes)
	return !s.stuck && !s.done && s.share() < 1.0/wider && n >= s.opt.MaxParams && n > 2*s.rounds
}

// onward goes on with more changes, if the usual number is made and work is left. So many may fit
// any samples, so that others have to judge them.
func (s *minimal) onward(ctx context.Context) (reached bool, err error) {
	if s.stuck || s.done || len(s.result.Changes) < s.opt.MaxParams || s.reserve <= s.opt.MaxParams {
		return false, nil
	}
	if most := mostChosen(s.samples.Len()); most > 0 && s.blocks.samples() > most {
		list := s.present()
		if err := s.calibrate(ctx, most); err != nil {
			return false, err
		}
		s.become(list)
	}
	s.opt.MaxParams, s.began = s.reserve, 0
	objective, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	s.seed = []node{{s.present(), objective}}
	return s.beam(ctx, s.reserve)
}

// patiently searches anew with changes that are spread over the work that is left. If that comes
// less far, it returns to the changes of before.
func (s *minimal) patiently(ctx context.Context, limit int) (reached bool, err error) {
	first := s.present()
	before, err := s.blocks.objective()
	if err != nil {
		return false, err
	}
	s.began, s.rounds = s.share(), 0
	s.become(nil)
	if reached, err = s.beam(ctx, limit); reached || err != nil {
		return reached, err
	}
	after, err := s.blocks.objective()
	if err == nil && after > before {
		s.stuck, s.done = false, false
		s.become(first)
	}
	return false, err
}

// pace is the function pace, or in a patient search the number of changes that spreads those
// which are left over the rounds that are.
func (s *minimal) pace(n, left int) int {
	share := s.share()
	s.rounds++
	if s.began == 0 && s.near() {
		share = 0 // there is no hurry any more
	}
	if s.began == 0 {
		return pace(n, s.needed, share)
	}
	each := (share - s.began) / float64(s.rounds)
	return max(1, int(float64(left)*each/max(1-share, each)))
}
