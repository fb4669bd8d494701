package perturb

import "context"

// Changes that are added together do less than as many that are chosen one after the other. A
// search that needs many adds several at a time, so that it is done in time. If it has made as
// many as it may and there is work left, it begins again and takes its time.

// hasty reports whether the search has made as many changes as it may, several at a time and with
// little of its work.
func (s *minimal) hasty() bool {
	n := len(s.result.Changes)
	return !s.stuck && !s.done && s.share() < 1.0/wider && n >= s.opt.MaxParams && n > 2*s.rounds
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
