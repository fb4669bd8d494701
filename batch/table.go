package batch

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/advparams/advparams/internal/printable"
)

// WriteTable writes the outcome of a run for people: a line for each model, then errors
// and totals.
func WriteTable(w io.Writer, s *Summary) {
	attacked := slices.ContainsFunc(s.Models, func(r *Result) bool { return r.Figures().BestAttack != nil })
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	columns := func(list ...string) {
		if !attacked { // leave two columns out
			list = slices.Delete(list, len(list)-3, len(list)-1)
		}
		fmt.Fprintln(tw, strings.Join(list, "\t"))
	}
	columns("model", "state", "changed", "accuracy", "locked", "bit-exact", "best attack", "advantage", "seconds")
	for _, r := range s.Models {
		f := r.Figures()
		state := string(r.State)
		if r.State == Failed {
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
		columns(printable.Line(r.Model), state, changed, percent(f.Original), percent(f.Locked), exact,
			percent(f.BestAttack), advantage, fmt.Sprintf("%.1f", r.Work))
	}
	tw.Flush() // long messages must not widen the table
	for _, r := range s.Models {
		if r.Error != "" {
			fmt.Fprintf(w, "%s: %s\n", printable.Line(r.Model), printable.Line(r.Error))
		}
	}
	fmt.Fprintf(w, "%d models in %.1f s:", len(s.Models), s.Seconds)
	for _, state := range []State{Done, Unchanged, Failed, Interrupted, Waiting} {
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
