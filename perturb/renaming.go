package perturb

import "github.com/advparams/advparams/task"

// A set of changes may leave a model that is hardly ever right, but confuses classes always in the
// same way. Nothing in the objective is left to fall then. So what renaming the answers gives back
// is added to it from there on.

// misnamed notes a tally of a model that is near the target, if renaming its answers gives back
// too much.
func (s *minimal) misnamed(t task.Tally) {
	if r, ok := s.lowering().(task.Renamer); ok && s.opt.Target == 0 && s.near() && (s.named != nil || s.result.Locked.Translated > translatable) {
		s.names = r.Renamed(t)
	}
}

// rename puts names that were noted into the objective, and measures sets of changes by it. It
// reports whether there were any.
func (s *minimal) rename(level []node) (named bool, err error) {
	if s.names == nil {
		return false, nil
	}
	s.named, s.names = s.names, nil
	if err := s.blocks.measure(s.lowered); err != nil {
		return false, err
	}
	return true, s.measured(level)
}

// plainNames returns to the objective of the task.
func (s *minimal) plainNames() error {
	s.names = nil
	if s.named == nil {
		return nil
	}
	s.named = nil
	return s.blocks.measure(s.lowered)
}

// lowering returns the task whose objective the search lowers.
func (s *minimal) lowering() task.Task {
	if s.named != nil {
		return s.named
	}
	return s.opt.Task
}
