package advparams

import (
	"cmp"
	"context"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// BenchProfile says what a forward pass with gradients spends its time on, and how far it is
// from what the machine reaches.
type BenchProfile struct {
	// Peaks are what the machine reaches at best with as many threads.
	Peaks ProfilePeaks `json:"peaks"`
	// Operators has a row for each operator, forward and in gradients, the longest time
	// first. Layers has one for each shape of the output as well.
	Operators []ProfileRow `json:"operators"`
	Layers    []ProfileRow `json:"layers"`
}

// ProfilePeaks are the best rates of a machine: with operands in the first cache, and copying
// arrays larger than any cache.
type ProfilePeaks struct {
	GigaMultiplyAdds float64 `json:"giga_multiply_adds_per_second"`
	Gigabytes        float64 `json:"gigabytes_per_second"` // read and written
}

// ProfileRow is what operators of one kind take in a pass. Operators that run in an epilogue of
// another count with that one.
type ProfileRow struct {
	Operator     string  `json:"operator"`
	Gradient     bool    `json:"gradient"`        // whether it is a part of the gradients
	Shape        []int   `json:"shape,omitempty"` // of the output
	Runs         int     `json:"runs"`
	Milliseconds float64 `json:"ms"`
	Share        float64 `json:"share"` // of the time of all operators, 0 to 1
	// MultiplyAdds are those of products, convolutions, attention and recurrent cells by
	// their definition, Bytes those of all arrays that are read and written, each once.
	MultiplyAdds float64 `json:"multiply_adds"`
	Bytes        float64 `json:"bytes"`
	// OfMultiplyAdds and OfBytes are the shares of the peaks that the operator reaches, 0 to
	// 1. Methods that save multiplications, and arrays that stay in cache, may exceed 1.
	OfMultiplyAdds float64 `json:"of_peak_multiply_adds"`
	OfBytes        float64 `json:"of_peak_bytes"`
}

// profile times the operators of a program.
func (o *BenchOptions) profile(ctx context.Context, m *onnxio.Model, cfg gradient.Config, inputs map[string]nd.Array) (*BenchProfile, error) {
	cfg.Profile = new(gradient.Profile)
	program, err := gradient.Compile(m, cfg)
	if err != nil {
		return nil, err
	}
	done := 0
	if _, err = o.time(ctx, "operators", func() error {
		if done == warmUp {
			cfg.Profile.Reset()
		}
		done++
		_, _, err := program.Gradients(inputs, gradient.Probe)
		return err
	}); err != nil {
		return nil, err
	}
	peaks := gradient.MeasurePeaks(cfg.Workers)
	r := &BenchProfile{Peaks: ProfilePeaks{peaks.MultiplyAdds / 1e9, peaks.Bytes / 1e9}}
	all := cfg.Profile.Operators()
	total := 0.0
	for _, t := range all {
		total += t.Time.Seconds()
	}
	for _, t := range all {
		row := ProfileRow{Operator: t.Operator, Gradient: t.Gradient, Shape: t.Shape, Runs: t.Runs / o.Repeat, Milliseconds: milliseconds(t.Time) / float64(o.Repeat),
			MultiplyAdds: t.MultiplyAdds / float64(o.Repeat), Bytes: t.Bytes / float64(o.Repeat)}
		r.Layers = append(r.Layers, row)
		i := slices.IndexFunc(r.Operators, func(x ProfileRow) bool { return x.Operator == row.Operator && x.Gradient == row.Gradient })
		if i < 0 {
			i, r.Operators = len(r.Operators), append(r.Operators, ProfileRow{Operator: row.Operator, Gradient: row.Gradient})
		}
		sum := &r.Operators[i]
		sum.Runs += row.Runs
		sum.Milliseconds += row.Milliseconds
		sum.MultiplyAdds += row.MultiplyAdds
		sum.Bytes += row.Bytes
	}
	for _, rows := range [][]ProfileRow{r.Operators, r.Layers} {
		for i := range rows {
			seconds := rows[i].Milliseconds / 1e3
			rows[i].Share = ratio(seconds, total/float64(o.Repeat))
			rows[i].OfMultiplyAdds = ratio(rows[i].MultiplyAdds, seconds*peaks.MultiplyAdds)
			rows[i].OfBytes = ratio(rows[i].Bytes, seconds*peaks.Bytes)
		}
	}
	slices.SortStableFunc(r.Operators, func(a, b ProfileRow) int { return cmp.Compare(b.Milliseconds, a.Milliseconds) })
	return r, nil
}

// ratio is a/b, or 0 if nothing was measured.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}
