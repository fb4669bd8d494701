package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/advparams/advparams/batch"
	"github.com/advparams/advparams/internal/printable"
)

// Batch writes the outcome of a batch: a line for each model, then errors and totals.
func Batch(w io.Writer, s *batch.Summary) {
	attacked := slices.ContainsFunc(s.Models, func(r *batch.Result) bool { return r.Figures().BestAttack != nil })
	row := func(list ...string) {
		if !attacked { // leave two columns out
			list = slices.Delete(list, len(list)-3, len(list)-1)
		}
		for i := range list {
			list[i] = printable.Line(list[i])
		}
		fmt.Fprintln(w, strings.Join(list, "\t"))
	}
	row("model", "state", "changed", "accuracy", "locked", "bit-exact", "best attack", "advantage", "seconds")
	for _, r := range s.Models {
		f := r.Figures()
		state := string(r.State)
		if r.State == batch.Failed {
			state = fmt.Sprintf("failed (%d)", r.Status)
		}
		changed, exact := "-", "-"
		if f.Changed != nil {
			changed = fmt.Sprint(*f.Changed)
		}
		if f.BitExact != nil {
			exact = map[bool]string{true: "yes", false: "no"}[*f.BitExact]
		}
		advantage := "-"
		if f.Advantage != nil {
			advantage = fmt.Sprintf("%+.2f", 100**f.Advantage)
		}
		row(r.Model, state, changed, percent(f.Original), percent(f.Locked), exact,
			percent(f.BestAttack), advantage, fmt.Sprintf("%.1f", r.Work))
	}
	for _, r := range s.Models {
		if r.Error != "" {
			line(w, "%s: %s", r.Model, r.Error)
		}
	}
	fmt.Fprintf(w, "%d models in %.1f s:", len(s.Models), s.Seconds)
	for _, state := range []batch.State{batch.Done, batch.Unchanged, batch.Failed, batch.Interrupted, batch.Waiting} {
		if n := s.Counts[state]; n > 0 {
			fmt.Fprintf(w, " %d %s", n, state)
		}
	}
	fmt.Fprintln(w)
}

// percent formats a share that may be unknown.
func percent(x *float64) string {
	if x == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f %%", 100**x)
}
