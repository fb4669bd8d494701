package batch

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
)

// State is what a run did with a model.
type State string

// States of models.
const (
	Done        State = "done"        // the run worked on it and succeeded
	Unchanged   State = "unchanged"   // an earlier or another run had done it
	Failed      State = "failed"      // in this run, or for good in an earlier one
	Interrupted State = "interrupted" // the run was told to stop while it worked on it
	Waiting     State = "waiting"     // the run was told to stop before it began
)

// Result is the outcome of one model. In JSON it is a line of the results.
type Result struct {
	Model     string `json:"model"`
	State     State  `json:"state"`
	Status    int    `json:"status"`    // the exit status of the command that does the same
	Retryable bool   `json:"retryable"` // another try may succeed
	Error     string `json:"error,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Locked    string `json:"locked"`
	Key       string `json:"key"`
	Report    string `json:"report,omitempty"` // empty if none was written
	// AttackReport is the report of the attacks; empty if none was written.
	AttackReport string  `json:"attack_report,omitempty"`
	Log          string  `json:"log,omitempty"` // empty if this run did no step
	Bytes        int64   `json:"bytes"`         // of the model
	Seconds      float64 `json:"seconds"`       // in this run
	Work         float64 `json:"work_seconds"`  // that the steps took when they were done
	Retries      int     `json:"retries"`       // within this run
	PeakMemory   int64   `json:"peak_memory_bytes,omitempty"`

	// What the steps found out, in this run or when they were done. A step that fails
	// may have findings as well.
	Protect *advparams.Protection   `json:"protect,omitempty"`
	Verify  *advparams.Verification `json:"verify,omitempty"`
	Attack  *advparams.AttackReport `json:"attack,omitempty"`
}

func newResult(j *Job) *Result {
	return &Result{Model: j.Model, State: Unchanged, Locked: j.Output, Key: j.Key, Bytes: j.Size}
}

// read reads what a step found out from its record.
func (r *Result) read(step string, findings json.RawMessage) error {
	if findings == nil {
		return nil
	}
	switch step {
	case wire.StepProtect:
		return json.Unmarshal(findings, &r.Protect)
	case wire.StepVerify:
		return json.Unmarshal(findings, &r.Verify)
	}
	return json.Unmarshal(findings, &r.Attack)
}

// add adds the outcome of a step.
func (r *Result) add(step string, s *stepRecord) error {
	if err := r.read(step, s.Result); err != nil {
		return err
	}
	r.Work += s.Seconds
	switch {
	case len(s.Outputs) == 0:
	case step == wire.StepVerify:
		r.Report = s.Outputs[0].Path
	case step == wire.StepAttack:
		r.AttackReport = s.Outputs[0].Path
	}
	if s.State == stateFailed {
		r.State, r.Status, r.Retryable = Failed, s.Status, exitcode.Retryable(s.Status)
		r.Error, r.Hint = s.Error, s.Hint
	}
	return nil
}

// Figures are the numbers of a result that tables show. nil means unknown.
type Figures struct {
	Changed, Total   *int64   // parameters
	Original, Locked *float64 // accuracy found by verify, or else by protect
	BitExact         *bool
	BestAttack       *float64 // accuracy after the best attack
	Scratch          *float64 // accuracy after training from scratch
	Advantage        *float64 // of the best attack over the zero line
}

// Figures returns the numbers that the steps found out.
func (r *Result) Figures() Figures {
	var f Figures
	if p := r.Protect; p != nil {
		changed, total := int64(p.ParamsChanged), int64(p.ParamsTotal)
		f.Changed, f.Total = &changed, &total
		f.Original, f.Locked = p.Accuracy.Before, p.Accuracy.Locked
	}
	if v := r.Verify; v != nil {
		f.BitExact = v.BitExact
		f.Original, f.Locked = cmp.Or(v.Accuracy.Original, f.Original), cmp.Or(v.Accuracy.Locked, f.Locked)
	}
	if a := r.Attack; a != nil {
		f.BestAttack, f.Scratch, f.Advantage = a.Best, a.ScratchAccuracy, a.Advantage
	}
	return f
}

// effect says in a few words what locking did to the model.
func (r *Result) effect() string {
	f := r.Figures()
	if f.Original == nil || f.Locked == nil {
		return ""
	}
	return fmt.Sprintf(", %.1f %% → %.1f %%", 100**f.Original, 100**f.Locked)
}

// Summary is the outcome of a run.
type Summary struct {
	Shard   string        `json:"shard"`
	Counts  map[State]int `json:"counts"`
	Seconds float64       `json:"seconds"`
	Status  int           `json:"status"`
	Models  []*Result     `json:"models"` // in the order of the jobs
}

// summarise returns the summary of some results.
func summarise(results []*Result) *Summary {
	s := &Summary{Counts: map[State]int{}, Models: results}
	for _, r := range results {
		s.Counts[r.State]++
	}
	s.Status = overall(results)
	return s
}

// overall returns the exit status of a run: 0 if no model failed, 1 if another try
// may succeed for one of them, else the lowest status of a failure.
func overall(results []*Result) int {
	var failed []int
	for _, r := range results {
		switch r.State {
		case Failed:
			failed = append(failed, r.Status)
		case Interrupted, Waiting:
			failed = append(failed, exitcode.Failed)
		}
	}
	if len(failed) == 0 {
		return exitcode.Done
	}
	return slices.MinFunc(failed, cmp.Compare[int])
}
