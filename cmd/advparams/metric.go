package main

import (
	"strings"

	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

const taskHelp = `Tasks: classification (accuracy), binary (a single logit: accuracy, AUC), multi-label
(accuracy, AUC, mAP), regression (R², RMSE), language (perplexity; without labels the
truth is the next token of the input), segmentation (accuracy of positions, mIoU) and
embedding (cosine to the vectors of the original; needs no labels). Without --task,
outputs and labels decide. Where a task's quality is no accuracy, targets are
qualities: docs/method.md has them.`

// metricResult is a metric before and after locking, in JSON.
type metricResult struct {
	Name    string  `json:"name"`
	Better  string  `json:"better"` // higher or lower
	Before  float64 `json:"before"`
	Locked  float64 `json:"locked"`
	Useless float64 `json:"useless"` // the value of outputs that have nothing to do with the sample

	metric task.Metric
}

func (m metricResult) format(v float64) string { return m.metric.Format(v) }

// metricsOf returns the metrics of a search.
func metricsOf(found *perturb.Result) []metricResult {
	var list []metricResult
	for i, before := range found.Before.Metrics {
		after := before
		if i < len(found.Locked.Metrics) {
			after = found.Locked.Metrics[i]
		}
		list = append(list, metricResult{after.Name, after.Better(), before.Value, after.Value, after.Useless, after})
	}
	return list
}

// metricResults is a metric of the models that verify measures, in JSON.
type metricResults struct {
	Name   string `json:"name"`
	Better string `json:"better"`
	perModel
	Useless float64 `json:"useless"`
}

// measured returns the metrics of a report.
func measured(r *verify.Report) []metricResults {
	list := []metricResults{}
	for _, one := range []struct {
		score *task.Score
		value func(*metricResults) **float64
	}{
		{r.Original, func(m *metricResults) **float64 { return &m.Original }},
		{r.Unlocked, func(m *metricResults) **float64 { return &m.Unlocked }},
		{r.Locked, func(m *metricResults) **float64 { return &m.Locked }}, // whose answers say what is useless
	} {
		if one.score == nil {
			continue
		}
		for i, m := range one.score.Metrics {
			if i == len(list) {
				list = append(list, metricResults{})
			}
			list[i].Name, list[i].Better, list[i].Useless = m.Name, m.Better(), m.Useless
			*one.value(&list[i]) = &m.Value
		}
	}
	return list
}

// accuracyIn returns the accuracy, nil for tasks that have none.
func accuracyIn(s task.Score) *float64 { return metricIn(s, "accuracy") }

// metricIn returns the value of a metric, nil if the task has no such.
func metricIn(s task.Score, name string) *float64 {
	if m, ok := s.Metric(name); ok {
		return &m.Value
	}
	return nil
}

// figures writes the metrics for people.
func figures(s task.Score) string {
	list := make([]string, len(s.Metrics))
	for i, m := range s.Metrics {
		list[i] = m.String()
	}
	return strings.Join(list, ", ")
}
