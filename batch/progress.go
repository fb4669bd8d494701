package batch

import "time"

// Progress is how far a run has got.
type Progress struct {
	Total   int
	Done    int // of Total, failed and unchanged ones included
	Failed  int
	Running int

	// Last is the model that came back last, with its result; the result is nil
	// if it has to wait, for which Why is the reason.
	Last   *Job
	Result *Result
	Why    error

	Rate      float64       // models worked on in a second; 0: not known yet
	Remaining time.Duration // about; 0: not known yet
}

// tracker keeps count. Time is spent in proportion to the bytes of models, as
// far as anybody knows in advance.
type tracker struct {
	now    func() time.Time
	start  time.Time
	p      Progress
	worked int     // models that took work
	spent  float64 // weight of these
	left   float64 // weight of what is not done
}

func newTracker(jobs []*Job, now func() time.Time) *tracker {
	t := &tracker{now: now, start: now(), p: Progress{Total: len(jobs)}}
	for _, j := range jobs {
		t.left += weight(j)
	}
	return t
}

// weight is what a model costs: something, and more for a large one.
func weight(j *Job) float64 { return 1<<20 + float64(j.Size) }

func (t *tracker) begin() { t.p.Running++ }

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

func (t *tracker) postpone(j *Job, why error) Progress {
	t.p.Running--
	p := t.p
	p.Last, p.Why = j, why
	return p
}
