package text

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/task"
)

// Verification writes what Verify found.
func Verification(w io.Writer, r *advparams.Verification) {
	for _, one := range []struct {
		name  string
		score *task.Score
	}{{"original", r.Report.Original}, {"locked", r.Report.Locked}, {"unlocked", r.Report.Unlocked}} {
		samples := count(r.Report.Samples)
		if s := one.score; s != nil && s.Classes == nil {
			line(w, "%s\t%s\ton %s samples", one.name, figures(s.Metrics), samples)
		} else if s != nil {
			information, _ := s.Metric("information")
			ranking := ""
			if s.Ranking.Known {
				ranking = fmt.Sprintf(", AUC %.3f", s.Ranking.AUC)
			}
			line(w, "%s\t%.2f %%\tof %s samples right, %.3f of %.3f bits%s", one.name, 100*s.Quality, samples, information.Value, s.Entropy(), ranking)
		}
		if one.name == "locked" && r.Rest != nil {
			line(w, "\t%s", r.Rest.Text())
		}
	}
	if o := r.Runtime; o != nil {
		s := o.Score()
		line(w, "locked\t%s\tin %s %s", figures(s.Metrics), o.Name, o.Version)
	}
	if r.Report.WithKey {
		line(w, "bit exact\t%s", yesNo(r.Report.BitExact))
		line(w, "tampered\t%s", yesNo(r.Report.Tampered))
	}
	verdict := "ok"
	if !r.Verdict.OK {
		verdict = "not ok: " + strings.Join(r.Verdict.Reasons, "; ")
	}
	line(w, "verdict\t%s", verdict)
	if r.Page != "" {
		line(w, "report\t%s", r.Page)
	}
}

// figures writes the values of metrics.
func figures(metrics []task.Metric) string {
	list := make([]string, len(metrics))
	for i, m := range metrics {
		list[i] = m.String()
	}
	return strings.Join(list, ", ")
}

// Attacks writes what attacks came to. limit is the time they had.
func Attacks(w io.Writer, r *advparams.AttackReport, limit time.Duration) {
	line(w, "locked\t%.2f %%\t", 100*r.Locked)
	for _, one := range r.Attacks {
		setting := one.Setting
		if one.Insider {
			setting += " (not counted)"
		}
		if one.Control != nil {
			setting += fmt.Sprintf("; from nothing %.2f %%", 100*one.Control.Accuracy)
		}
		line(w, "%s\t%.2f %%\t%s", one.Name, 100*one.Accuracy, setting)
	}
	if r.Scratch != nil {
		line(w, "from scratch\t%.2f %%\t%s", 100*r.Scratch.Accuracy, r.Scratch.Setting)
	}
	if r.Best != nil {
		line(w, "best attack\t%.2f %%\t%s", 100**r.Best, r.BestAttack)
	}
	if r.Zero != nil {
		line(w, "zero line\t%.2f %%\t%s from nothing: %s", 100*r.Zero.Accuracy, r.Zero.From, r.Zero.Setting)
	}
	if r.Advantage != nil {
		line(w, "advantage\t%+.2f points\tof the best attack over the zero line", 100**r.Advantage)
	}
	for _, p := range r.Curve {
		if p.Best != nil && p.Zero != nil {
			line(w, "with %g %% of the data\t%.2f %%\t%s; zero line %.2f %%, advantage %+.2f points", 100*p.Fraction, 100**p.Best, p.BestAttack, 100**p.Zero, 100**p.Advantage)
		}
	}
	suspects, what := r.Changed, "are changed"
	if r.WrongSigns > 0 {
		suspects, what = r.WrongSigns, "have the wrong sign"
	}
	for _, d := range r.Detectors {
		line(w, "suspicion\tAUC %.2f\t%s; %.1f %% of the %s most suspicious %s", d.AUC, d.Name, 100*d.Precision, count(suspects), what)
	}
	for _, name := range r.Unfinished {
		line(w, "%s\t–\tnot finished within %v", name, limit)
	}
	line(w, "samples\t%s\tto train on, %s to choose by, %s to measure on",
		count(r.Samples.Train), count(r.Samples.Validation), count(r.Samples.Test))
}
