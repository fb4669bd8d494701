package advparams

import (
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

// Verification is what Verify found. In JSON it is what advparams verify --json
// prints. nil stands for what could not be found out.
type Verification struct {
	Accuracy    ByModel         `json:"accuracy"`
	Information ByModel         `json:"information_bits"` // between answers and labels
	Task        string          `json:"task,omitempty"`   // its name
	Metric      *MetricByModel  `json:"metric"`           // the one that people go by
	Metrics     []MetricByModel `json:"metrics"`          // all
	Samples     int             `json:"samples"`
	// Rest is what the locked model is worth without its most frequent answers, as in Protection.
	Rest *Rest `json:"without_frequent_answers,omitempty"`
	// Outputs are the outputs that the task does not look at, compared with those of the
	// original.
	Outputs []OutputAgreement `json:"outputs"`
	// Runtime is what another program found for the locked model; nil if none was asked.
	Runtime *RuntimeMeasure `json:"runtime,omitempty"`
	// BitExact reports whether unlocking gave the bytes of the original, Tampered
	// whether the locked files are not those that the key was made for.
	BitExact *bool   `json:"bit_exact"`
	Tampered *bool   `json:"tampered"`
	Verdict  Verdict `json:"verdict"`
	Seconds  float64 `json:"seconds"`
	Page     string  `json:"report,omitempty"` // the file with the report
	// Evidence is what the report shows beside this; nil without one.
	Evidence *Evidence `json:"evidence,omitempty"`
	// Parameters and Changed are numbers of parameters that the key has; 0 without one.
	Parameters int64 `json:"params_total,omitempty"`
	Changed    int64 `json:"params_changed,omitempty"`

	// Report has all figures, class by class.
	Report *verify.Report `json:"-"`
}

// ByModel is a figure of each model, nil for a model that was not measured or where the task
// has no such figure. An accuracy is a share, from 0 to 1.
type ByModel struct {
	Original *float64 `json:"original"`
	Locked   *float64 `json:"locked"`
	Unlocked *float64 `json:"unlocked"`
}

// MetricByModel is a metric of each model that was measured.
type MetricByModel struct {
	Name   string `json:"name"`
	Better string `json:"better"` // higher or lower
	ByModel
	Useless float64 `json:"useless"` // the value of outputs that have nothing to do with the samples
}

func newVerification(r *verify.Report, page string) *Verification {
	v := &Verification{Page: page, Metrics: []MetricByModel{}, Outputs: []OutputAgreement{}, Report: r}
	for _, t := range r.Timings {
		v.Seconds += t.Duration.Seconds()
	}
	for _, one := range []struct {
		score *task.Score
		of    func(*ByModel) **float64
	}{
		{r.Original, func(m *ByModel) **float64 { return &m.Original }},
		{r.Unlocked, func(m *ByModel) **float64 { return &m.Unlocked }},
		{r.Locked, func(m *ByModel) **float64 { return &m.Locked }}, // whose answers say what is useless
	} {
		s := one.score
		if s == nil {
			continue
		}
		v.Task, v.Samples = r.Task, r.Samples
		*one.of(&v.Accuracy) = metricOf(*s, "accuracy")
		*one.of(&v.Information) = metricOf(*s, "information")
		for i, metric := range s.Metrics {
			if i == len(v.Metrics) {
				v.Metrics = append(v.Metrics, MetricByModel{})
			}
			to := &v.Metrics[i]
			to.Name, to.Better, to.Useless = metric.Name, metric.Better(), metric.Useless
			*one.of(&to.ByModel) = &metric.Value
		}
	}
	if len(v.Metrics) > 0 {
		v.Metric = &v.Metrics[0]
	}
	if r.Locked != nil {
		v.Rest = restOf(*r.Locked)
	}
	v.Parameters, v.Changed = r.Parameters, r.Changed
	if r.WithKey {
		v.BitExact, v.Tampered = &r.BitExact, &r.Tampered
	}
	return v
}
