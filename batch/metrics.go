package batch

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/advparams/advparams/internal/exitcode"
)

// WriteMetrics writes the state of a run in the text format of Prometheus, for the
// textfile collector of node_exporter. total is the number of models, of which
// results has those that are finished. took is the duration of the run so far.
func WriteMetrics(w io.Writer, manifest string, shard Shard, total int, results []*Result, took time.Duration, now time.Time) error {
	labels := fmt.Sprintf(`manifest="%s",shard="%s"`, escaped(manifest), shard)
	states := map[State]int{Done: 0, Unchanged: 0, Failed: 0, Interrupted: 0, Waiting: total - len(results)}
	failures := map[int]int{}
	var bytes int64
	for _, r := range results {
		states[r.State]++
		switch r.State {
		case Failed:
			failures[r.Status]++
		case Done:
			bytes += r.Bytes
		}
	}
	var b strings.Builder
	metric := func(name, help string) {
		fmt.Fprintf(&b, "# HELP advparams_batch_%s %s\n# TYPE advparams_batch_%s gauge\n", name, help, name)
	}
	metric("models", "Models of the run by state.")
	for _, s := range slices.Sorted(maps.Keys(states)) {
		fmt.Fprintf(&b, "advparams_batch_models{%s,state=%q} %d\n", labels, s, states[s])
	}
	metric("failures", "Failed models by exit status; 1 may be worth a retry, 2 to 5 are not.")
	for status := exitcode.Failed; status <= exitcode.Last; status++ {
		fmt.Fprintf(&b, "advparams_batch_failures{%s,status=\"%d\"} %d\n", labels, status, failures[status])
	}
	metric("bytes", "Size of the models that were worked on.")
	fmt.Fprintf(&b, "advparams_batch_bytes{%s} %d\n", labels, bytes)
	attacked, withstood, most := 0, 0, 0.0
	for _, r := range results {
		if f := r.Figures(); f.Advantage != nil {
			if attacked == 0 || *f.Advantage > most {
				most = *f.Advantage
			}
			attacked++
			if *f.Advantage <= 0 {
				withstood++
			}
		}
	}
	metric("attacked", "Models that were attacked.")
	fmt.Fprintf(&b, "advparams_batch_attacked{%s} %d\n", labels, attacked)
	metric("withstood", "Attacked models with which an attacker gains nothing over what needs no locked weights.")
	fmt.Fprintf(&b, "advparams_batch_withstood{%s} %d\n", labels, withstood)
	if attacked > 0 {
		metric("advantage_max", "The largest advantage of an attacker over the zero line, in accuracy from -1 to 1.")
		fmt.Fprintf(&b, "advparams_batch_advantage_max{%s} %.4f\n", labels, most)
	}
	metric("duration_seconds", "Time the run has taken so far, or took.")
	fmt.Fprintf(&b, "advparams_batch_duration_seconds{%s} %.3f\n", labels, took.Seconds())
	metric("updated_timestamp_seconds", "When this was written.")
	fmt.Fprintf(&b, "advparams_batch_updated_timestamp_seconds{%s} %d\n", labels, now.Unix())
	metric("complete", "1 if every model has come back.")
	complete := 0
	if states[Waiting]+states[Interrupted] == 0 {
		complete = 1
	}
	fmt.Fprintf(&b, "advparams_batch_complete{%s} %d\n", labels, complete)
	_, err := io.WriteString(w, b.String())
	return err
}

// escaped escapes a string for the value of a label.
func escaped(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}
