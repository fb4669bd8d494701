package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/task"
	"github.com/advparams/advparams/verify"
)

type verification struct {
	app      *app
	original string
	locked   string
	key      string
	open     openFlags
	data     dataFlags
	threads  int
	page     string
	force    bool

	record *onnxio.Record // of the key
	report verify.Report
	// failed is what makes the exit status 4 once everything is measured.
	failed error
}

func newVerify(a *app) *cobra.Command {
	v := &verification{app: a}
	cmd := &cobra.Command{
		Use:   "verify --locked LOCKED.onnx [--original MODEL.onnx] [--key KEY -i IDENTITY] [--data DATA]",
		Short: "Measure original, locked and unlocked model",
		Long: `Measure the accuracy, or what else the task has, of the original, the locked and the unlocked model, as far as
they are there, and find out whether the locked model is the one a key was made for
and whether unlocking it gives the original, bit for bit. The unlocked model exists
in a temporary folder only. Models that are equal in every byte are measured once.

Without --data, only the files are checked. If they are not what the key says, the
exit status is 4, after everything that can be measured has been.

` + taskHelp + `

` + dataHelp,
		Example: `  advparams verify --locked locked.onnx --original model.onnx --key model.key -i me.txt --data images/
  advparams verify --locked locked.onnx --key model.key -i me.txt --data images/ --report report.html`,
		RunE: func(cmd *cobra.Command, _ []string) error { return v.run(cmd.Context()) },
	}
	nothing(cmd)
	fileFlag(cmd, &v.locked, "locked", "", "the locked model, `LOCKED.onnx`", "onnx")
	fileFlag(cmd, &v.original, "original", "", "the original model, `MODEL.onnx`", "onnx")
	fileFlag(cmd, &v.key, "key", "", "the `KEY` of the locked model", "key")
	v.open.register(cmd)
	v.data.register(cmd, dataset.Test, 0)
	fileFlag(cmd, &v.page, "report", "", "write the findings to `FILE.html` as well, one page without external parts", "html")
	cmd.Flags().BoolVar(&v.force, "force", false, "replace the report if it exists")
	threadsFlag(cmd, &v.threads, 0)
	must(cmd.MarkFlagRequired("locked"))
	return cmd
}

func (v *verification) check() error {
	switch {
	case v.data.path == "" && v.key == "":
		return usagef("nothing to verify: give --data, --key or both")
	case v.key == "" && len(v.open.identities) > 0:
		return usagef("--identity opens a key, but there is no --key")
	case v.data.byModel() && v.original == "" && v.key == "":
		return usagef("--labels model needs --original, or --key to get at it")
	}
	return v.data.check()
}

func (v *verification) run(ctx context.Context) error {
	if err := v.check(); err != nil {
		return err
	}
	if err := v.app.checkOutputs(v.force, v.page); err != nil {
		return err
	}
	models, err := v.models(ctx)
	defer models.close()
	if err != nil {
		return err
	}
	if v.data.path != "" {
		if err := v.measure(ctx, models); err != nil {
			return err
		}
	}
	v.report.Tool, v.report.Created = tool(), time.Now().Truncate(time.Second)
	if err := v.writePage(); err != nil {
		return err
	}
	if err := v.print(); err != nil {
		return err
	}
	return v.failed
}

// modelSet holds the models at hand, open; nil where one is not.
type modelSet struct {
	original, locked, unlocked *onnxio.Model
	folder                     string // of unlocked
}

func (m *modelSet) close() {
	for _, one := range []*onnxio.Model{m.original, m.locked, m.unlocked} {
		if one != nil {
			one.Close()
		}
	}
	if m.folder != "" {
		os.RemoveAll(m.folder)
	}
}

// models opens the models and checks them against the key.
func (v *verification) models(ctx context.Context) (*modelSet, error) {
	m := &modelSet{}
	var err error
	if v.key != "" {
		k, err := v.open.read(v.app, v.key)
		if err != nil {
			return m, err
		}
		v.record = &k.Record
		v.report.WithKey = true
		v.report.Parameters, v.report.Changed = k.Summary.Parameters, k.Summary.Changed
		if err := v.unlock(ctx, k, m); err != nil {
			return m, err
		}
	}
	if v.original != "" {
		if m.original, err = onnxio.Open(v.original); err != nil {
			return m, err
		}
		if err := v.compareOriginal(m.original); err != nil {
			return m, err
		}
	}
	if m.locked, err = onnxio.Open(v.locked); err != nil {
		if v.failed == nil {
			return m, err
		}
		v.app.warn("the locked model cannot be measured: %v", err)
	}
	return m, v.addFiles(m)
}

// unlock restores the original into a temporary folder.
func (v *verification) unlock(ctx context.Context, k *key.Key, m *modelSet) (err error) {
	defer v.timed("unlocking and comparing digests")()
	if m.folder, err = os.MkdirTemp("", "advparams-"); err != nil {
		return err
	}
	out := v.app.outputs(ctx, false)
	defer out.close()
	path := filepath.Join(m.folder, "unlocked.onnx")
	err = onnxio.Restore(v.locked, &k.Record, &out.Set, path)
	if errors.Is(err, onnxio.ErrMismatch) {
		v.report.Tampered, v.failed = true, err
		return nil
	}
	if err != nil {
		return err
	}
	if err := out.commit(ctx); err != nil {
		return err
	}
	v.report.BitExact = true // Restore has compared the digests
	m.unlocked, err = onnxio.Open(path)
	return err
}

// compareOriginal compares the original with the digests in the key.
func (v *verification) compareOriginal(m *onnxio.Model) error {
	if v.record == nil {
		return nil
	}
	equal := len(m.Files()) == len(v.record.Files)
	for i := 0; equal && i < len(m.Files()); i++ {
		sum, err := digest(m.Files()[i].Path)
		if err != nil {
			return err
		}
		equal = sum == v.record.Files[i].SHA256
	}
	if !equal {
		v.report.BitExact = false
		if v.failed == nil {
			v.failed = hint.With(fmt.Errorf("%w: %s is not the original of %s", onnxio.ErrMismatch, v.original, v.locked),
				"give the model that was locked, or leave --original out")
		}
	}
	return nil
}

// measure runs the models on the data.
func (v *verification) measure(ctx context.Context, m *modelSet) error {
	first := m.original
	if first == nil {
		first = m.unlocked
	}
	if first == nil {
		first = m.locked
	}
	if first == nil || v.data.byModel() && first == m.locked {
		return nil // the key does not fit, so that there is nothing to run, or nobody to ask
	}
	set, err := v.data.open(first)
	if err != nil {
		return err
	}
	if v.data.asksModel() && first == m.locked {
		return usagef("vectors are compared with those of the original: give --original, or --key to get at it")
	}
	v.report.Data, v.report.Task, v.report.Samples = set.Describe(), v.data.kind.Name(), set.Len()
	w, err := workers(v.threads)
	if err != nil {
		return err
	}
	defer w.Close()
	if v.data.asksModel() {
		if set, err = v.data.answered(ctx, v.app, first, set, w, "the original"); err != nil {
			return err
		}
	}
	accuracy := func(name string, m *onnxio.Model) (*task.Score, error) {
		if m == nil {
			return nil, nil
		}
		defer v.timed("measuring the " + name + " model")()
		session, err := v.data.session(m, set, w)
		if err != nil {
			return nil, err
		}
		bar := v.app.bar("measuring "+name, set.Len())
		defer bar.close()
		evaluator := &task.Evaluator{Task: v.data.kind, Session: session}
		score, err := evaluator.Measure(ctx, set, func(done int) { bar.set(done, "%d of %d", done, set.Len()) })
		return &score, err
	}
	r := &v.report
	if r.Original, err = accuracy("original", m.original); err != nil {
		return err
	}
	if r.Locked, err = accuracy("locked", m.locked); err != nil {
		return err
	}
	if r.Original != nil && r.BitExact {
		r.Unlocked = r.Original // the same bytes
		return nil
	}
	r.Unlocked, err = accuracy("unlocked", m.unlocked)
	return err
}

// timed notes how long a step takes: until the function it returns is called.
func (v *verification) timed(step string) func() {
	start := time.Now()
	return func() {
		v.report.Timings = append(v.report.Timings, verify.Timing{Step: step, Duration: time.Since(start)})
	}
}

func (v *verification) writePage() error {
	if v.page == "" {
		return nil
	}
	if v.page == standard {
		return verify.WriteHTML(v.app.stdout, v.report)
	}
	out := atomicfile.Set{Force: v.force}
	defer out.Abort()
	f, err := out.Create(v.page)
	if err != nil {
		return err
	}
	if err := verify.WriteHTML(f, v.report); err != nil {
		return err
	}
	return out.Commit()
}

// verifyResult is what verify prints. Null stands for what could not be found out.
type verifyResult struct {
	Accuracy    perModel        `json:"accuracy"`
	Information perModel        `json:"information_bits"`
	Task        string          `json:"task,omitempty"`
	Metric      *metricResults  `json:"metric"`  // the one that people go by
	Metrics     []metricResults `json:"metrics"` // all
	Samples     int             `json:"samples"`
	BitExact    *bool           `json:"bit_exact"`
	Tampered    *bool           `json:"tampered"`
	Seconds     float64         `json:"seconds"`
	Report      string          `json:"report,omitempty"`
}

type perModel struct {
	Original *float64 `json:"original"`
	Locked   *float64 `json:"locked"`
	Unlocked *float64 `json:"unlocked"`
}

func (v *verification) print() error {
	if v.page == standard {
		return nil
	}
	r := verifyResult{Report: v.page}
	for _, t := range v.report.Timings {
		r.Seconds += t.Duration.Seconds()
	}
	for _, one := range []struct {
		score                 *task.Score
		accuracy, information **float64
	}{
		{v.report.Original, &r.Accuracy.Original, &r.Information.Original},
		{v.report.Locked, &r.Accuracy.Locked, &r.Information.Locked},
		{v.report.Unlocked, &r.Accuracy.Unlocked, &r.Information.Unlocked},
	} {
		if s := one.score; s != nil {
			*one.accuracy, *one.information = accuracyIn(*s), metricIn(*s, "information")
			r.Samples, r.Task = v.report.Samples, v.report.Task
		}
	}
	if r.Metrics = measured(&v.report); len(r.Metrics) > 0 {
		r.Metric = &r.Metrics[0]
	}
	if v.report.WithKey {
		r.BitExact, r.Tampered = &v.report.BitExact, &v.report.Tampered
	}
	return v.app.result(r, v.text)
}

func (v *verification) text(w io.Writer) {
	answer := map[bool]string{true: "yes", false: "no"}
	for _, one := range []struct {
		name  string
		score *task.Score
	}{{"original", v.report.Original}, {"locked", v.report.Locked}, {"unlocked", v.report.Unlocked}} {
		samples := verify.Thousands(v.report.Samples)
		if s := one.score; s != nil && s.Classes == nil {
			fmt.Fprintf(w, "%s\t%s\ton %s samples\n", one.name, figures(*s), samples)
		} else if s != nil {
			fmt.Fprintf(w, "%s\t%.2f %%\tof %s samples right, %.3f of %.3f bits\n", one.name, 100*s.Quality, samples, *metricIn(*s, "information"), s.Entropy())
		}
	}
	if v.report.WithKey {
		fmt.Fprintf(w, "bit exact\t%s\n", answer[v.report.BitExact])
		fmt.Fprintf(w, "tampered\t%s\n", answer[v.report.Tampered])
	}
	if v.page != "" {
		fmt.Fprintf(w, "report\t%s\n", oneLine(v.page))
	}
}
