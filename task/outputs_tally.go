package task

import (
	"fmt"
	"math"

	"github.com/advparams/advparams/nd"
)

// outputsTally is the tally of Outputs.
type outputsTally struct {
	task Outputs
	list []numbers // by output
}

// numbers are those of an output that are looked at.
type numbers struct {
	columns
	first int // in a row of the truth
}

func (t *outputsTally) Add(outputs []nd.Array, truth nd.Array) error {
	list, y, n, width, err := t.task.read(outputs, truth)
	if err != nil {
		return err
	}
	if t.list == nil {
		t.list = make([]numbers, len(list))
	}
	for k, p := range list {
		c := &t.list[k]
		if c.x == nil {
			c.x, c.y = make([][]float32, len(p.columns)), make([][]float32, len(p.columns))
		}
		c.first = p.first
		for m, j := range p.columns {
			if !t.task.counts(p.first + m) {
				continue // an empty column does not vary
			}
			for i := range n {
				c.x[m] = append(c.x[m], p.x[i*p.width+j])
				c.y[m] = append(c.y[m], y[i*width+p.first+m])
			}
		}
	}
	return nil
}

// Scale returns 1: Objective does not depend on it.
func (t *outputsTally) Scale() float64 { return 1 }

// Score returns a score whose quality is the agreement of the output that agrees most.
func (t *outputsTally) Score() Score {
	var s Score
	s.Luck = numbersLuck
	for k, c := range t.list {
		a, rows := c.agreement()
		if rows == 0 {
			continue // the same for all samples
		}
		s.Quality = max(s.Quality, a)
		s.Luck = numbersLuck + 4/float64(rows)
		if len(t.list) > 1 {
			name := fmt.Sprintf("agreement of output %d", k)
			if k < len(t.task.Names) {
				name = "agreement of " + t.task.Names[k]
			}
			s.Metrics = append(s.Metrics, Metric{Name: name, Value: a, Share: true})
		}
	}
	s.Metrics = append([]Metric{{Name: "agreement", Value: s.Quality, Share: true}}, s.Metrics...)
	return s
}

// Numberwise is a tally that tells numbers apart which are measured by themselves.
type Numberwise interface {
	// Agreements returns for each output how far each of its numbers that are looked at tells
	// the truth, NaN where that is the same for all samples, and the place of the first in a row of
	// the truth.
	Agreements() (list [][]float64, first []int)
}

// Agreements implements Numberwise.
func (t *outputsTally) Agreements() (list [][]float64, first []int) {
	for _, c := range t.list {
		each := make([]float64, len(c.x))
		for k := range each {
			each[k] = c.tells(k)
		}
		list, first = append(list, each), append(first, c.first)
	}
	return list, first
}

// agreement returns the mean over the columns of how far x tells y. Columns that are the same for all
// samples do not count; rows is 0 if all are.
func (c *columns) agreement() (mean float64, rows int) {
	counted := 0
	for k := range c.x {
		if best := c.tells(k); !math.IsNaN(best) {
			counted, rows = counted+1, len(c.y[k])
			mean += best
		}
	}
	return mean / float64(max(counted, 1)), rows
}

// tells returns how far x of a column tells y, 1 if they are the same and 0 if x tells no more than
// the mean of y: the share of variance that x explains, in whatever scale, or ρ² if that is more. It
// is NaN if y is the same for all samples.
func (c *columns) tells(k int) float64 {
	x, y := c.x[k], c.y[k]
	middle, variance := moments(y)
	if !(variance > rounding*middle*middle) {
		return math.NaN()
	}
	best := linearCorrelation(x, y)
	if best *= best; best < 1 {
		rho := rankCorrelation(x, y)
		best = max(best, rho*rho)
	}
	return best
}
