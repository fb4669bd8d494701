// Package text writes for people what the functions of package advparams return. Cells
// of a line are separated by tabs, for Result. Nothing that comes from a file can steer the terminal.
package text

import (
	"fmt"
	"io"

	"github.com/advparams/advparams"
	"github.com/advparams/advparams/internal/printable"
	"github.com/advparams/advparams/verify"
)

// line writes a line. Strings among args may come from files of strangers: they are made
// printable, tabs and line ends included.
func line(w io.Writer, format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = printable.Line(s)
		}
	}
	fmt.Fprintf(w, format+"\n", args...)
}

// count writes a number with its thousands separated.
func count[T int | int64](n T) string { return verify.Thousands(n) }

// yesNo answers a question.
func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// Protection writes what Protect did. seal says how the key is sealed.
func Protection(w io.Writer, r *advparams.Protection, seal string) {
	line(w, "locked\t%s, %s bytes", r.Locked, count(r.LockedBytes))
	line(w, "key\t%s, %s bytes, %s", r.Key, count(r.KeyBytes), seal)
	if r.Profile == advparams.Sealed {
		line(w, "encrypted\t%s of %s parameters in %s tensors", count(r.ParamsChanged), count(r.ParamsTotal), count(len(r.Tensors)))
	} else {
		line(w, "changed\t%s of %s parameters", count(r.ParamsChanged), count(r.ParamsTotal))
		for _, t := range r.Tensors {
			line(w, "\t%4d in %s", t.Changed, t.Name)
		}
	}
	for _, l := range r.Left {
		line(w, "in clear\t%s, %s parameters: %s", l.Name, count(l.Elements), l.Why)
	}
	if r.ClearScales > 0 {
		line(w, "in clear\t%s scales of quantised channels (see --seal-scales)", count(r.ClearScales))
	}
	samples := "samples of the search"
	if r.Profile == advparams.Sealed {
		samples = "samples"
	}
	for _, m := range r.Metrics {
		line(w, "%s\t%s → %s on the %s %s", m.Name, m.Format(m.Before), m.Format(m.Locked), count(r.Samples), samples)
	}
	if r.Rest != nil {
		line(w, "\t%s", r.Rest.Text())
	}
	if r.Numbers != nil {
		line(w, "numbers\t%.1f %% of what they are chosen by agrees with the original", 100**r.Numbers)
	}
	if o := r.Runtime; o != nil {
		line(w, "%s\t%s of the locked model in version %s", o.Name, figures(o.Score().Metrics), o.Version)
	}
	if r.Profile == advparams.Sealed && r.Metric == nil {
		line(w, "data\tnone: nothing was measured")
	} else if !r.RealData {
		line(w, "data\tmade up: no real data was seen")
	}
	for _, f := range r.Families {
		line(w, "\t%s: %s agree at %.1f %%", f.Family, f.By, 100*f.Agreement)
	}
	for _, o := range r.Outputs {
		agreement := "not computed"
		if o.Agreement != nil {
			agreement = fmt.Sprintf("%s agree with the original at %.1f %%", o.By, 100**o.Agreement)
		}
		line(w, "output\t%s: %s", o.Name, agreement)
	}
	switch r.Profile {
	case advparams.Minimal:
		line(w, "worth\tstops use; an attacker with data undoes it (see --profile sealed)")
	case advparams.Sealed:
		line(w, "time\t%.1f s", r.Seconds)
		return
	}
	if r.Stopped != "" {
		line(w, "stopped\t%s", r.Stopped)
	}
	line(w, "time\t%.1f s, %d gradient passes", r.Seconds, r.GradientPasses)
}

// Unlocked writes what Unlock did.
func Unlocked(w io.Writer, r *advparams.Unlocked) {
	for _, f := range r.Files {
		line(w, "unlocked %s\t%s bytes\tsha256 %s", f.Name, count(f.Size), f.SHA256)
	}
}

// Gradients writes what Gradients did.
func Gradients(w io.Writer, r *advparams.GradientsSummary) {
	line(w, "loss %.9g, gradients by %d initializers", r.Loss, r.Initializers)
}

// Benchmark writes what Bench measured.
func Benchmark(w io.Writer, r *advparams.Benchmark) {
	line(w, "milliseconds\tmedian\tmin\tmax")
	line(w, "forward\t%.2f\t%.2f\t%.2f", r.Forward.Median, r.Forward.Min, r.Forward.Max)
	line(w, "forward and gradients\t%.2f\t%.2f\t%.2f", r.Gradient.Median, r.Gradient.Min, r.Gradient.Max)
	line(w, "batch %d, %d threads, %d runs, %s kernels, compiled in %.0f ms", r.Batch, r.Threads, r.Repeat, r.Kernel, r.Compile)
	if r.Profile != nil {
		profile(w, r.Profile)
	}
}
