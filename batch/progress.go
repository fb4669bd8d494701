package batch

import (
	"fmt"
	"time"
)

// Progress is how far a run has come. The numbers count models.
type Progress struct {
	Total   int
	Done    int // finished, failed and unchanged ones included
	Failed  int
	Running int

	// Last is the model that the call is about, and Result its result. Result is nil
	// if the model has to wait; Why is then the reason.
	Last   *Job
	Result *Result
	Why    error

	Rate      float64       // models worked on per second; 0: not known yet
	Remaining time.Duration // estimate; 0: not known yet
}

// String says what has become of the last model.
func (p Progress) String() string {
	switch r := p.Result; {
	case r == nil:
		return fmt.Sprintf("%s has to wait: %v", p.Last.Model, p.Why)
	case r.State == Failed:
		return fmt.Sprintf("[%d/%d] %s failed with status %d: %s%s", p.Done, p.Total, p.Last.Model, r.Status, r.Error, p.pace())
	default:
		return fmt.Sprintf("[%d/%d] %s %s%s%s", p.Done, p.Total, p.Last.Model, r.State, r.effect(), p.pace())
	}
}

// Counts says how many models are done.
func (p Progress) Counts() string {
	return fmt.Sprintf("%d of %d, %d failed%s", p.Done, p.Total, p.Failed, p.pace())
}

// pace says how fast models are done, in the unit that reads best, and how long the rest
// will take. It is "" if that is not known yet.
func (p Progress) pace() string {
	if p.Rate <= 0 || p.Remaining <= 0 {
		return ""
	}
	rate, unit := 3600*p.Rate, "h"
	switch {
	case p.Rate >= 1:
		rate, unit = p.Rate, "s"
	case p.Rate >= 1.0/60:
		rate, unit = 60*p.Rate, "min"
	}
	return fmt.Sprintf(", %.1f/%s, %v left", rate, unit, p.Remaining.Round(time.Second))
}

// tracker counts models and estimates the remaining time. It takes the time for a
// model to be proportional to its weight.
type tracker struct {
	now    func() time.Time
	start  time.Time
	p      Progress
	worked int     // models that were worked on
	spent  float64 // their weight
	left   float64 // weight of the models that are not finished
}

func newTracker(jobs []*Job, now func() time.Time) *tracker {
	t := &tracker{now: now, start: now(), p: Progress{Total: len(jobs)}}
	for _, j := range jobs {
		t.left += weight(j)
	}
	return t
}

// weight is the cost of a model: a constant, and its size.
func weight(j *Job) float64 { return 1<<20 + float64(j.Size) }

// begin counts a model that begins to run.
func (t *tracker) begin() { t.p.Running++ }

// end counts a model that is finished.
func (t *tracker) end(j *Job, r *Result) Progress {
	t.p.Running--
	t.p.Done++
	t.left -= weight(j)
	if r.State == Failed {
		t.p.Failed++
	}
	if r.State == Done {
		t.worked++
		t.spent += weight(j)
	}
	if elapsed := t.now().Sub(t.start); t.worked > 0 && elapsed > 0 {
		t.p.Rate = float64(t.worked) / elapsed.Seconds()
		t.p.Remaining = time.Duration(float64(elapsed) * t.left / t.spent)
	}
	p := t.p
	p.Last, p.Result = j, r
	return p
}

// postpone counts a model that has to run again.
func (t *tracker) postpone(j *Job, why error) Progress {
	t.p.Running--
	p := t.p
	p.Last, p.Why = j, why
	return p
}
