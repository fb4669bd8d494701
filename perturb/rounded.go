package perturb

import (
	"context"
	"math"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/task"
)

// Candidates only have to be compared with each other, so that blocks may be computed with
// rounded factors where the processor is faster at that (gradient.Config.Rounded). Whether a
// set of changes is at the target is decided without rounding, on all samples.

// faithful is how much rounding may move the quality of the intact model.
const faithful = 0.02

// calibrateRounded computes the calibration samples as blocks, with rounded factors if the model
// is as good with them. Some models amplify small differences, so that rounding alone would look
// like damage.
func (s *minimal) calibrateRounded(ctx context.Context) error {
	s.rounded = gradient.CanRound()
	if err := s.calibrate(ctx, s.calibration().n); err != nil || !s.rounded {
		return err
	}
	t, _, _, err := s.count(func(task.Score, int) bool { return false })
	if err != nil || math.Abs(t.Score().Quality-s.first.Quality) <= faithful {
		return err
	}
	s.rounded = false
	return s.calibrate(ctx, s.calibration().n)
}

// exactly measures the present changes on the first n samples without rounding, and adds that to
// the tally.
func (s *minimal) exactly(ctx context.Context, n int, to task.Tally) error {
	return s.judge.Each(ctx, head{s.samples, n}, 0, func(e task.Evaluation) (bool, error) {
		return true, to.Add(e.Outputs, e.Truth)
	})
}
