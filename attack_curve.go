package advparams

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/verify/attack"
)

// curveFractions are the shares of the data that AttackOptions.Curve asks for.
var curveFractions = []float64{0.001, 0.01, 0.1, 1}

// campaign is attacks on one model with several amounts of data.
type campaign struct {
	opt         *AttackOptions
	see         feedback.Observer
	locked      *onnxio.Model
	train, test *dataset.Set // train in random order
	options     attack.Options
	began       time.Time
}

// attack has the attacker use a fraction of the data, in what is left of the time.
func (c *campaign) attack(ctx context.Context, fraction float64) (*attack.Report, error) {
	opt := c.options
	if c.opt.TimeLimit > 0 {
		opt.TimeLimit = max(c.opt.TimeLimit-time.Since(c.began), 1)
	}
	return attack.Run(ctx, c.locked, samples.First(c.train, c.samples(fraction)), c.test, opt)
}

func (c *campaign) samples(fraction float64) int {
	return max(1, int(fraction*float64(c.train.Len())+0.5))
}

// curve adds results with other fractions to those with the wanted one. Points with too few
// samples, and those that there was no time for, are left out.
func (c *campaign) curve(ctx context.Context, fraction float64, r *attack.Report) error {
	r.Curve = []attack.Point{r.Point(fraction)}
	for _, f := range curveFractions {
		if c.samples(f) == c.samples(fraction) {
			continue
		}
		c.see.Notify(NoticeData, "the attacker has %g %% of the data", 100*f)
		one, err := c.attack(ctx, f)
		if few := new(attack.SamplesError); errors.As(err, &few) || errors.Is(err, ErrUnfinished) {
			c.see.Notify(NoticeAttack, "%g %% of the data: %v", 100*f, err)
			continue
		}
		if err != nil {
			return err
		}
		r.Curve = append(r.Curve, one.Point(f))
	}
	slices.SortFunc(r.Curve, func(a, b attack.Point) int { return cmp.Compare(a.Fraction, b.Fraction) })
	return nil
}
