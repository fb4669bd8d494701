package task

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
)

// Regression is the task of models that predict numbers, [N] or [N,…]. The truth
// has the same shape.
//
// R² is the share of the truth's variance that a model explains. It is 0 for a model that
// always answers the mean, and mostly far below 0 for a locked model. A shift of all
// outputs is enough for that, so that the rank correlation ρ has to vanish as well.
type Regression struct{}

// Name returns "regression".
func (Regression) Name() string { return "regression" }

// Traits implements Task.
func (Regression) Traits() Traits {
	return Traits{Quality: "quality", Together: together, Calibration: manySamples}
}

// Objective returns the soft correlation.
func (Regression) Objective(truth nd.Array, tau float64) gradient.Loss {
	return softCorrelation(truth, 0, func(x, y float32) (float64, float64) { // of few samples, how many are near the truth
		d := float64(x-y) / tau
		loss := 1 / (1 + d*d)
		if loss != loss {
			return 0, 0
		}
		return loss, -2 * d * loss * loss / tau
	})
}

// Training returns the mean squared error.
func (Regression) Training(truth nd.Array) gradient.Loss {
	return func(outputs, seeds []nd.Array) (float64, error) {
		x, y, n, width, err := rowsAndColumns(outputs, truth)
		if err != nil {
			return 0, err
		}
		return eachNumber(x[:n*width], y, seedOf(seeds), func(x, y float32) (float64, float64) {
			d := float64(x) - float64(y)
			return d * d, 2 * d
		}), nil
	}
}

// NewTally implements Task.
func (Regression) NewTally() Tally { return &regressionTally{} }

// Answers returns a copy of the outputs.
func (Regression) Answers(outputs []nd.Array) (nd.Array, error) { return copied(outputs) }

// copied returns a copy of the first output.
func copied(outputs []nd.Array) (nd.Array, error) {
	y, err := first(outputs)
	if err != nil {
		return y, err
	}
	out := nd.New(nd.Float32, y.Shape...)
	copy(out.Float32s(), y.Float32s())
	return out, nil
}

type regressionTally struct{ columns }

func (t *regressionTally) Add(outputs []nd.Array, truth nd.Array) error { return t.add(outputs, truth) }

// Scale returns the standard deviation of the truth.
func (t *regressionTally) Scale() float64 {
	sum, n := 0.0, 0
	for _, y := range t.y {
		_, variance := moments(y)
		sum += variance
		n++
	}
	return max(1e-12, math.Sqrt(sum/float64(max(n, 1))))
}

// numbersLuck is the squared correlation that a useless model may have, beyond two
// standard deviations of that of unrelated numbers. Errors that somebody gets out of it
// are then at most 2.5 % smaller than those of the mean.
const numbersLuck = 0.05

// Score returns a score with the quality max(R², ρ²), where both are means over the
// columns.
func (t *regressionTally) Score() Score {
	var r2, rho2, squares, variances float64
	counted, rows := 0, 0
	for k, x := range t.x {
		y := t.y[k]
		_, variance := moments(y)
		if variance == 0 {
			continue
		}
		counted, rows = counted+1, len(y)
		mse := 0.0
		for i := range x {
			d := float64(x[i]) - float64(y[i])
			mse += d * d / float64(len(x))
		}
		squares, variances = squares+mse, variances+variance
		r2 += 1 - mse/variance
		rho := rankCorrelation(x, y)
		rho2 += rho * rho
	}
	n := float64(max(counted, 1))
	r2, rho2 = bounded(r2/n), rho2/n
	if rows == 0 {
		return Score{}
	}
	return Score{
		Quality: max(r2, rho2), Luck: numbersLuck + 4/float64(rows),
		Metrics: []Metric{
			{Name: "R²", Value: r2},
			{Name: "RMSE", Value: bounded(math.Sqrt(squares / n)), Useless: math.Sqrt(variances / n), Lower: true},
			{Name: "ρ²", Value: rho2},
		},
	}
}

// bounded limits a figure to numbers that JSON can express.
func bounded(x float64) float64 {
	const most = 1e30
	switch {
	case x < -most, x != x:
		return -most
	case x > most:
		return most
	}
	return x
}

// moments returns the mean and the variance, which is 0 if all elements are equal: their mean
// may differ from them by rounding.
func moments(x []float32) (mean, variance float64) {
	if len(x) > 0 && slices.Min(x) == slices.Max(x) {
		return float64(x[0]), 0
	}
	for _, v := range x {
		mean += float64(v) / float64(len(x))
	}
	for _, v := range x {
		d := float64(v) - mean
		variance += d * d / float64(len(x))
	}
	return mean, variance
}
