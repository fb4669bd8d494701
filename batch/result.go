package batch

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/advparams/advparams/internal/exitcode"
	"github.com/advparams/advparams/internal/wire"
)

// State is what became of a model in a run.
type State string

// The states a run leaves models in.
const (
	Done        State = "done"        // worked on, with success
	Unchanged   State = "unchanged"   // already done, by an earlier or another run
	Failed      State = "failed"      // also when it failed for good before and nothing changed
	Interrupted State = "interrupted" // the run was told to stop
	Waiting     State = "waiting"     // the run was told to stop before its turn
)

// Result is what came of one model: a line of the results.
type Result struct {
	Model      string  `json:"model"`
	State      State   `json:"state"`
	Status     int     `json:"status"`    // as the commands' exit status
	Retryable  bool    `json:"retryable"` // trying again may help
	Error      string  `json:"error,omitempty"`
	Hint       string  `json:"hint,omitempty"`
	Locked     string  `json:"locked"`
	Key        string  `json:"key"`
	Report     string  `json:"report,omitempty"` // empty if it was not written
	Log        string  `json:"log,omitempty"`    // of the commands of this run
	Bytes      int64   `json:"bytes"`
	Seconds    float64 `json:"seconds"` // in this run
	Retries    int     `json:"retries"` // within this run
	PeakMemory int64   `json:"peak_memory_bytes,omitempty"`

	// What the commands printed, now or when they were run.
	Protect json.RawMessage `json:"protect,omitempty"`
	Verify  json.RawMessage `json:"verify,omitempty"`
	Attack  json.RawMessage `json:"attack,omitempty"`
}

func newResult(j *Job) *Result {
	return &Result{Model: j.Model, State: Unchanged, Locked: j.Output, Key: j.Key, Bytes: j.Size}
}

// add adds what came of a step.
func (r *Result) add(step string, s *stepRecord) {
	switch step {
	case wire.StepProtect:
		r.Protect = s.Result
	case wire.StepAttack:
		r.Attack = s.Result
	case wire.StepVerify:
		r.Verify = s.Result
		if len(s.Outputs) > 0 {
			r.Report = s.Outputs[0].Path
		}
	}
	if s.State == stateFailed {
		r.State, r.Status, r.Retryable = Failed, s.Status, exitcode.Retryable(s.Status)
		r.Error, r.Hint = s.Error, s.Hint
	}
}

// Figures are the numbers of a result that tables show. Nil is for unknown.
type Figures struct {
	Changed, Total   *int64
	Original, Locked *float64 // accuracy, of verify or else of protect
	BitExact         *bool
	BestAttack       *float64 // accuracy after the best attack
	Scratch          *float64 // and after training from scratch
	Advantage        *float64 // of the former over the latter
}

// Figures picks the numbers out of what the commands printed.
func (r *Result) Figures() Figures {
	var a struct {
		Best      *float64 `json:"best_attack_accuracy"`
		Scratch   *float64 `json:"scratch_accuracy"`
		Advantage *float64 `json:"advantage"`
	}
	var p struct {
		Changed  *int64 `json:"params_changed"`
		Total    *int64 `json:"params_total"`
		Accuracy struct {
			Before *float64 `json:"before"`
			Locked *float64 `json:"locked"`
		} `json:"accuracy"`
	}
	var v struct {
		Accuracy struct {
			Original *float64 `json:"original"`
			Locked   *float64 `json:"locked"`
		} `json:"accuracy"`
		BitExact *bool `json:"bit_exact"`
	}
	// What is missing or not of this form remains unknown.
	_ = json.Unmarshal(r.Protect, &p)
	_ = json.Unmarshal(r.Verify, &v)
	_ = json.Unmarshal(r.Attack, &a)
	f := Figures{
		Changed: p.Changed, Total: p.Total, BitExact: v.BitExact,
		Original: v.Accuracy.Original, Locked: v.Accuracy.Locked,
		BestAttack: a.Best, Scratch: a.Scratch, Advantage: a.Advantage,
	}
	if f.Original == nil {
		f.Original = p.Accuracy.Before
	}
	if f.Locked == nil {
		f.Locked = p.Accuracy.Locked
	}
	return f
}

// Summary is what came of a run.
type Summary struct {
	Shard   string        `json:"shard"`
	Counts  map[State]int `json:"counts"`
	Seconds float64       `json:"seconds"`
	Status  int           `json:"status"`
	Models  []*Result     `json:"models"` // in the order of the jobs
}

// summarise counts the results.
func summarise(results []*Result) *Summary {
	s := &Summary{Counts: map[State]int{}, Models: results}
	for _, r := range results {
		s.Counts[r.State]++
	}
	s.Status = overall(results)
	return s
}

// overall returns the exit status of a run: 0 if no model failed, 1 if trying
// again may help one of them, else the lowest status of a failure.
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
