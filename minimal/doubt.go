package minimal

import (
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/perturb"
)

// doubtful reports whether the samples may not be prepared as in training, and tells the
// user.
func (l *Lock) doubtful() bool {
	before := l.Found.Before
	switch {
	case l.Samples.AskOriginal:
		return l.Samples.Unscaled(l.m)
	case !perturb.Weak(before):
		return false
	}
	l.see.Notify(feedback.NoticeSamples, "the model is right on only %.2f %% of the samples, guesses on %.2f %%: check labels and preprocessing; the lock has to hold on inputs of other scales, too",
		100*before.Quality, 100*before.Chance)
	return true
}
