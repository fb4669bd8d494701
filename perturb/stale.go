package perturb

import "slices"

// A search makes changes and takes them back, to look at other sets of them. Blocks are computed
// again only when they are needed, and only for what then differs from what they were computed with.

// stale is a parameter that was set since a block was computed.
type stale struct {
	site
	values []float32 // of its tensor
	was    float32   // when the block was computed
}

// setting notes that a parameter, one of the values of its tensor, is about to be set. A block is
// computed again when it is needed.
func (b *blocks) setting(at site, values []float32) {
	for _, one := range b.list {
		one.program.Forget(at.tensor)
		if !slices.ContainsFunc(one.stale, func(s stale) bool { return s.site == at }) {
			one.stale = append(one.stale, stale{at, values, values[at.index]})
		}
	}
}

// touched returns the tensors that have changed since the block was computed. Parameters that have
// the value of then again do not count: a search tries sets of changes and returns from them.
func (b *block) touched() (tensors []string) {
	for _, s := range b.stale {
		if s.values[s.index] != s.was {
			tensors = append(tensors, s.tensor)
		}
	}
	b.stale = b.stale[:0]
	slices.Sort(tensors)
	return slices.Compact(tensors)
}

// settled computes again what depends on changed tensors.
func (b *block) settled() error {
	tensors := b.touched()
	if len(tensors) == 0 {
		return nil
	}
	if b.again != nil {
		program, outputs, err := b.again()
		if err != nil {
			return err
		}
		b.program = program
		return b.settle(outputs)
	}
	if b.lent != nil {
		b.lent.holder = nil
		return b.hold()
	}
	outputs, err := b.program.Refresh(tensors...)
	if err != nil {
		return err
	}
	return b.settle(outputs)
}
