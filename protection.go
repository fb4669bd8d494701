package advparams

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/advparams/advparams/minimal"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// Protection is what Protect did. In JSON it is what advparams protect --json
// prints.
type Protection struct {
	Model         string         `json:"model"`  // the original
	Locked        string         `json:"locked"` // the file written
	Key           string         `json:"key"`
	KeyBytes      int64          `json:"key_bytes"`
	Profile       Profile        `json:"profile"`
	ParamsTotal   int            `json:"params_total"`
	ParamsChanged int            `json:"params_changed"`
	Tensors       []TensorChange `json:"tensors"`
	// Accuracy and Information, in bits between answers and labels, are nil for tasks
	// without.
	Accuracy    BeforeAndLocked `json:"accuracy"`
	Task        string          `json:"task"` // its name; "" if nothing was measured
	Information BeforeAndLocked `json:"information_bits"`
	Metric      *LockedMetric   `json:"metric"`  // the one that people go by; nil if nothing was measured
	Metrics     []LockedMetric  `json:"metrics"` // all
	Target      float64         `json:"target"`  // accuracy, or quality for other tasks
	// Constant is the accuracy of always giving the most frequent label; nil for tasks
	// without classes.
	Constant *float64 `json:"most_frequent_label"`
	// Rest is what the locked model is worth to somebody who leaves out the answers that it gives
	// most often; nil for tasks without such, and where that is not much more than it is worth
	// anyway.
	Rest *Rest `json:"without_frequent_answers,omitempty"`
	// Numbers says how far the numbers that answers are chosen by agree with those of the original,
	// as the task outputs measures: 1 if they are the same. nil for tasks without such, and where
	// there were labels.
	Numbers *float64 `json:"numbers_left,omitempty"`
	Samples int      `json:"samples"` // of the search, or that a sealed model was measured on
	// Outputs are the outputs that the task does not look at.
	Outputs []OutputAgreement `json:"outputs"`
	// Left are weights that Sealed leaves in clear, with the reason.
	Left []LeftParameter `json:"left,omitempty"`
	// ClearScales is the number of scales of quantised channels that Sealed leaves in clear
	// because ProtectOptions.SealScales is not set.
	ClearScales int `json:"clear_scales,omitempty"`
	// Draws is how often a sealed model was sealed anew until it came out near chance.
	Draws int `json:"draws,omitempty"`
	// RealData is false if the samples were made up, or there were none. Families then says how far the locked
	// model agrees with the original on samples of kinds that the search has not seen.
	RealData bool          `json:"real_data"`
	Families []FamilyScore `json:"families,omitempty"`
	// Runtime is what another program found for the locked model; nil if none was asked.
	Runtime        *RuntimeMeasure `json:"runtime,omitempty"`
	GradientPasses int             `json:"gradient_passes"`
	Evaluations    int             `json:"evaluations"` // of single candidates
	// Passes is the work of the search, in runs of the model over its samples.
	Passes float64 `json:"forward_passes"`
	// Stopped says what ended a search that did not reach the target: "budget", "time
	// limit", "interrupted" or "stuck".
	Stopped string  `json:"stopped,omitempty"`
	Seconds float64 `json:"seconds"`
	SHA256  struct {
		Original string `json:"original"`
		Locked   string `json:"locked"`
	} `json:"sha256"` // of the model file, in hexadecimal
	Files  []string `json:"files"`             // of the locked model, the model file first
	OldKey string   `json:"old_key,omitempty"` // where the key was put that was there (KeepOldKey)

	// Evidence is what the report shows beside this; nil without one. It says where the
	// changes are, and is as secret as the key.
	Evidence *Evidence `json:"evidence,omitempty"`
	Page     string    `json:"report,omitempty"` // the file with the report

	// LockedBytes is the size of the locked model file.
	LockedBytes int64 `json:"-"`
	// Changes are the parameters that were changed, with their original bits. They
	// are as secret as the key.
	Changes []perturb.Change `json:"-"`

	record *onnxio.Record // of the files
}

// What a lock is worth on samples and outputs that its search has not looked at.
type (
	// OutputAgreement says how far an output of the locked model agrees with that of the
	// original.
	OutputAgreement = samples.OutputAgreement
	// FamilyScore says how far a locked model agrees with its original on a family of samples
	// that the search has not seen: they were made up, or are those of the search prepared in
	// another way.
	FamilyScore = minimal.FamilyScore
)

// TensorChange is how many elements of an initializer were changed.
type TensorChange struct {
	Name    string `json:"name"`
	Changed int    `json:"changed"`
}

// LeftParameter is a weight that stays in clear.
type LeftParameter struct {
	Name     string `json:"name"`
	Elements int    `json:"elements"`
	Why      string `json:"why"`
}

// BeforeAndLocked is a figure of the original and of the locked model, both nil where the
// task has no such figure or nothing was measured. An accuracy is a share, from 0 to 1.
type BeforeAndLocked struct {
	Before *float64 `json:"before"`
	Locked *float64 `json:"locked"`
}

// LockedMetric is a metric of the original and of the locked model.
type LockedMetric struct {
	Name    string  `json:"name"`
	Better  string  `json:"better"` // higher or lower
	Before  float64 `json:"before"`
	Locked  float64 `json:"locked"`
	Useless float64 `json:"useless"` // the value of outputs that have nothing to do with the samples

	metric task.Metric
}

// Format writes a value of the metric for people.
func (m LockedMetric) Format(v float64) string { return m.metric.Format(v) }

func newProtection(opt *ProtectOptions, l *minimal.Lock) *Protection {
	found := l.Found
	p := &Protection{
		Model: opt.Model, Locked: opt.Locked, Key: opt.Key, Profile: cmp.Or(opt.Profile, Minimal),
		ParamsTotal: found.Total, ParamsChanged: len(found.Changes), Tensors: []TensorChange{}, Outputs: []OutputAgreement{},
		Task:   l.Samples.Task.Name(),
		Target: found.Target, Samples: found.Samples,
		GradientPasses: found.GradientPasses, Evaluations: found.Evaluations, Passes: found.Work,
		Stopped: stoppedBy(l.Missed), RealData: !opt.Data.MadeUp, Families: l.Families,
		Changes: found.Changes,
	}
	p.Outputs = append(p.Outputs, l.Outputs...)
	p.measured(found.Before, found.Locked)
	names, changed := found.PerTensor()
	for _, name := range names {
		p.Tensors = append(p.Tensors, TensorChange{name, changed[name]})
	}
	return p
}

// stoppedBy says what ended a search before it reached the target.
func stoppedBy(missed error) string {
	e, ok := errors.AsType[*TargetError](missed)
	switch {
	case !ok:
		return ""
	case errors.Is(e.Stopped, context.DeadlineExceeded):
		return "time limit"
	case e.Stopped != nil:
		return "interrupted"
	case e.Stuck:
		return "stuck"
	}
	return "budget"
}

// measured adds what the original and the locked model are worth.
func (p *Protection) measured(original, locked task.Score) {
	p.Accuracy = BeforeAndLocked{metricOf(original, "accuracy"), metricOf(locked, "accuracy")}
	p.Information = BeforeAndLocked{metricOf(original, "information"), metricOf(locked, "information")}
	for i, before := range original.Metrics {
		after := before
		if i < len(locked.Metrics) {
			after = locked.Metrics[i]
		}
		p.Metrics = append(p.Metrics, LockedMetric{after.Name, after.Better(), before.Value, after.Value, after.Useless, after})
	}
	p.Metric, p.Constant, p.Rest = &p.Metrics[0], mostFrequent(locked), restOf(locked)
}

// Rest is what a model is worth without some of its answers.
type Rest struct {
	Answers  []int   `json:"answers"` // that are left out, the most frequent first
	Accuracy float64 `json:"accuracy"`
}

// muchRest is the accuracy that leaving answers out has to give back to be told, beyond that of
// the model and that of always giving the most frequent label.
const muchRest = 0.3

// restOf returns what is to be told of a locked model's rest; nil for nothing.
func restOf(locked task.Score) *Rest {
	r := locked.Rest
	if r.Beyond <= muchRest || r.Accuracy <= locked.Quality+muchRest {
		return nil
	}
	return &Rest{r.Without, r.Accuracy}
}

// worth puts it before what a lock is worth to others; there is nothing to put if r is nil.
func (r *Rest) worth(to []verify.Consequences) []verify.Consequences {
	if r == nil || to == nil {
		return to
	}
	return append([]verify.Consequences{{Holder: "the locked file, and leaves out the answers that it gives most often", Gets: "a model that is right on " + r.Text()}}, to...)
}

// Text says what it is, without a verb.
func (r *Rest) Text() string {
	answers := "the answer"
	if len(r.Answers) > 1 {
		answers = "the answers"
	}
	return fmt.Sprintf("%.2f %% without %s %s", 100*r.Accuracy, answers, strings.Trim(fmt.Sprint(r.Answers), "[]"))
}

// addFiles adds what was written.
func (p *Protection) addFiles(record *onnxio.Record, keyBytes int64) {
	model := record.Files[0]
	p.record = record
	p.KeyBytes, p.LockedBytes = keyBytes, model.LockedSize
	p.SHA256.Original, p.SHA256.Locked = fmt.Sprintf("%x", model.SHA256), fmt.Sprintf("%x", model.LockedSHA256)
	for _, f := range record.Files {
		p.Files = append(p.Files, f.LockedName)
	}
}

// mostFrequent returns the share of the most frequent label; nil for tasks without classes.
func mostFrequent(s task.Score) *float64 {
	_, n := s.Correct()
	if n == 0 {
		return nil
	}
	most := 0
	for _, c := range s.Classes {
		most = max(most, c.Samples)
	}
	share := float64(most) / float64(n)
	return &share
}

// metricOf returns the value of a metric, nil if the task has no such.
func metricOf(s task.Score, name string) *float64 {
	if m, ok := s.Metric(name); ok {
		return &m.Value
	}
	return nil
}
