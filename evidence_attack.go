package advparams

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/report"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/verify"
)

// writePage adds the evidence to the results of attacks and writes the page, if one is
// wanted.
func (o *AttackOptions) writePage(r *AttackReport, locked *onnxio.Model, test *dataset.Set, fraction float64, profile string, threads int) error {
	if o.Report == "" && o.ReportTo == nil {
		return nil
	}
	e := newEvidence("", threads)
	if err := addFiles(e, "locked", locked); err != nil {
		return err
	}
	e.Task, e.Data, e.Samples = r.Task, test.Describe(), r.Samples.Test
	e.Profile, e.Worth = profile, verify.Worth(profile)
	e.Preprocessing = cmp.Or(preparation(&o.Test), preparation(&o.Data))
	var s settings
	s.data("", &o.Data, Train, 1)
	s.add("fraction", fraction)
	s.add("test", o.Test.Path)
	s.add("attacks", cmp.Or(strings.Join(o.Attacks, " "), "all that can run"))
	grid := o.Grid
	if grid == nil {
		grid = DefaultGrid()
	}
	var names []string
	for _, one := range grid {
		names = append(names, one.String())
	}
	s.add("grid", names)
	s.add("epochs", cmp.Or(o.Epochs, 20))
	s.add("batch", cmp.Or(o.Batch, 64))
	if o.TimeLimit > 0 {
		s.add("time-limit", o.TimeLimit)
	}
	s.add("public", o.Public)
	s.add("oracle", o.Oracle)
	s.add("original", o.Original)
	e.Settings = slices.Clip(s)
	if r.Task == "" || r.Task == "classification" {
		e.Intervals = map[string]verify.Interval{}
		interval := func(name string, p float64) {
			low, high := verify.Wilson(p, r.Samples.Test)
			e.Intervals[name] = verify.Interval{Low: low, High: high}
		}
		interval("locked", r.Locked)
		if r.Best != nil {
			interval("best", *r.Best)
		}
		if r.Zero != nil {
			interval("zero", r.Zero.Accuracy)
		}
	}
	r.Evidence, r.Page = e, o.Report
	return writePage(o.ReportTo, o.Report, o.Force, func(w io.Writer) error {
		return report.Write(w, report.Page{Kind: report.Attack, Result: r, Evidence: e, Attacks: r})
	})
}
