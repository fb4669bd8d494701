package advparams

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/report"
	"github.com/advparams/advparams/minimal"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/verify"
)

// Evidence is what a report shows beside the result. It is part of the result, as JSON
// too, if a report is asked for.
type Evidence = verify.Evidence

// newEvidence returns evidence of a run on so many threads.
func newEvidence(program string, threads int) *Evidence {
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	return &Evidence{
		Tool: cmp.Or(program, tool()), Created: time.Now().Truncate(time.Second).UTC(),
		Machine: verify.Machine{System: runtime.GOOS + "/" + runtime.GOARCH, CPU: processor(), Threads: threads, Kernel: gradient.KernelName()},
		Files:   []verify.File{}, Settings: []verify.Setting{},
	}
}

// processor returns the name of the processor as Linux tells it; "" elsewhere.
func processor() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// addFiles adds the files of a model.
func addFiles(e *Evidence, role string, m *onnxio.Model) error {
	for i, f := range m.Files() {
		sum, err := digest(f.Path)
		if err != nil {
			return err
		}
		one := verify.File{Role: role, Name: f.Name, Size: f.Size, SHA256: sum}
		if i > 0 {
			one.Role += ", data"
		}
		e.Files = append(e.Files, one)
	}
	return nil
}

// settings collects options in effect.
type settings []verify.Setting

func (s *settings) add(name string, value any) {
	text := fmt.Sprint(value)
	if list, ok := value.([]string); ok {
		text = strings.Join(list, " ")
	}
	if text != "" {
		*s = append(*s, verify.Setting{Name: name, Value: text})
	}
}

// data adds which samples are used.
func (s *settings) data(prefix string, d *Data, usual Split, seed uint64) {
	switch {
	case !d.Given():
		s.add(prefix+"data", "none")
		return
	case d.MadeUp:
		s.add(prefix+"data", "made up from the model")
	case d.Samples != nil:
		s.add(prefix+"data", "in memory")
	default:
		s.add(prefix+"data", d.Path)
		s.add(prefix+"split", cmp.Or(d.Split, usual))
	}
	if d.Limit > 0 {
		s.add(prefix+"limit", d.Limit)
	}
	s.add(prefix+"seed", d.SeedOr(seed))
	s.add(prefix+"labels", cmp.Or(d.Labels, LabelsOfData))
}

// preparation describes how images are prepared; "" if in the usual way.
func preparation(d *Data) string {
	if d.Preprocess.IsZero() {
		return ""
	}
	return d.Preprocess.String()
}

// runs returns what runs two versions of a model on the samples.
func runs(p *samples.Prepared, d *Data, original, locked *gradient.Session, see feedback.Observer) *verify.Runs {
	r := &verify.Runs{Task: p.Task, Set: p.Set, Original: original, Locked: locked, Preprocess: d.Preprocess, Vocabulary: p.Vocabulary}
	if see.Progress != nil {
		r.Progress = see.Counter
	}
	return r
}

// describe adds which samples the figures come from.
func describe(e *Evidence, p *samples.Prepared, d *Data) {
	e.Task, e.Data, e.Samples, e.Preprocessing = p.Task.Name(), p.Set.Describe(), p.Set.Len(), preparation(d)
}

// withChanges returns the function that verify.Tensors takes, for a model and changes.
func withChanges(m *onnxio.Model, changes []perturb.Change) func(p *onnxio.Parameter, before []float32) ([]float32, error) {
	return func(p *onnxio.Parameter, before []float32) ([]float32, error) {
		after := before
		for _, c := range changes {
			if c.Tensor != p.Name {
				continue
			}
			if &after[0] == &before[0] {
				after = slices.Clone(before)
			}
			after[c.Index] = p.Tensor.Decode(c.New)
		}
		return after, nil
	}
}

// partly adds sessions with the first changes of a list.
func partly(r *verify.Runs, p *samples.Prepared, m *onnxio.Model, changes []perturb.Change, order string, w *gradient.Workers) {
	r.Changes, r.Order = len(changes), order
	r.Partly = func(n int) (*gradient.Session, error) { return p.Session(m, changes[:n], p.Set, w) }
}

// differences returns the elements that differ between two models as changes, in the order
// of the tensors; nil if there are more than most, or some that cannot be told.
func differences(original, locked *onnxio.Model, tensors []verify.Tensor, most int) (list []perturb.Change) {
	for _, t := range tensors {
		if t.Changed == 0 {
			continue
		}
		a, b := original.Weight(t.Name), locked.Weight(t.Name)
		if t.Changed+len(list) > most || a == nil || b == nil || !a.Floating() {
			return nil
		}
		for i := range a.Len() {
			if old, now := a.Bits(i), b.Bits(i); old != now {
				list = append(list, perturb.Change{Tensor: t.Name, Index: i, Old: old, New: now})
			}
		}
	}
	return list
}

// evidence gathers what a report of Protect shows of the profile Minimal.
func (o *ProtectOptions) evidence(ctx context.Context, m *onnxio.Model, l *minimal.Lock, w *gradient.Workers) (*Evidence, error) {
	e := newEvidence(o.Tool, w.Threads())
	p := l.Samples
	describe(e, p, &o.Data)
	original, err := p.Session(m, nil, p.Set, w)
	if err != nil {
		return nil, err
	}
	locked, err := p.Session(m, l.Found.Changes, p.Set, w)
	if err != nil {
		return nil, err
	}
	r := runs(p, &o.Data, original, locked, o.see())
	partly(r, p, m, l.Found.Changes, "search", w)
	if err := r.Observe(ctx, e); err != nil {
		return nil, err
	}
	e.Tensors, err = verify.Tensors(ctx, m, withChanges(m, l.Found.Changes))
	return e, err
}

// compared gathers what a report shows of two models in files.
func compared(ctx context.Context, e *Evidence, p *samples.Prepared, d *Data, original, locked *onnxio.Model, see feedback.Observer, w *gradient.Workers) (*Evidence, error) {
	describe(e, p, d)
	before, err := p.Session(original, nil, p.Set, w)
	if err != nil {
		return nil, err
	}
	after, err := p.Session(locked, nil, p.Set, w)
	if err != nil {
		return nil, err
	}
	if e.Tensors, err = verify.Tensors(ctx, original, verify.OfModel(locked)); err != nil {
		return nil, err
	}
	r := runs(p, d, before, after, see)
	if changes := differences(original, locked, e.Tensors, mostDifferences); changes != nil {
		partly(r, p, original, changes, "graph", w)
	}
	return e, r.Observe(ctx, e)
}

// mostDifferences is the largest number of changes to measure one after another.
const mostDifferences = 64

// unseen gathers what a report shows of a model that is sealed without samples.
func (s *sealing) unseen(p *Protection) (*Evidence, error) {
	e := newEvidence(s.Tool, s.Threads)
	var err error
	e.Tensors, err = verify.Tensors(s.ctx, s.m, func(_ *onnxio.Parameter, before []float32) ([]float32, error) { return before, nil })
	changed := map[string]int{}
	for _, t := range p.Tensors {
		changed[t.Name] = t.Changed
	}
	for i := range e.Tensors {
		e.Tensors[i].Changed = changed[e.Tensors[i].Name]
	}
	return e, err
}

// pageWanted reports whether what was done becomes a page.
func (o *ProtectOptions) pageWanted() bool { return o.Report != "" || o.ReportTo != nil }

// writePage writes the page, if one is wanted.
func (o *ProtectOptions) writePage(e *Evidence, p *Protection) error {
	if !o.pageWanted() {
		return nil
	}
	o.conclude(e, p)
	p.Page = o.Report
	return writePage(o.ReportTo, o.Report, o.Force, func(w io.Writer) error {
		return report.Write(w, report.Page{Kind: report.Lock, Result: p, Evidence: e})
	})
}

// conclude adds to the evidence what is known when a model is locked.
func (o *ProtectOptions) conclude(e *Evidence, p *Protection) {
	var s settings
	s.add("profile", p.Profile)
	s.data("", &o.Data, Train, 1)
	if p.Profile == Minimal {
		if o.Target > 0 {
			s.add("target", o.Target)
		} else {
			s.add("target", "chance")
		}
		s.add("max-params", cmp.Or(o.MaxParams, perturb.MostChanges(p.ParamsTotal)))
		s.add("beam", cmp.Or(o.Beam, 1))
		if o.EveryAnswer {
			s.add("every-answer", true)
		}
		bounds := "tensor"
		if o.Unbounded {
			bounds = "none"
		}
		s.add("bounds", bounds)
		if o.TimeLimit > 0 {
			s.add("time-limit", o.TimeLimit)
		}
	}
	if o.Share > 0 {
		s.add("share", o.Share)
	}
	s.add("include", o.Include)
	s.add("exclude", o.Exclude)
	s.add("output", o.Output)
	e.Profile = string(p.Profile)
	for _, f := range p.record.Files {
		e.Files = append(e.Files, verify.File{Role: "original", Name: f.Name, Size: f.Size, SHA256: f.SHA256},
			verify.File{Role: "locked", Name: f.LockedName, Size: f.LockedSize, SHA256: f.LockedSHA256})
	}
	e.Settings, e.Worth = s, p.Rest.worth(verify.Worth(string(p.Profile)))
	e.Timings = []verify.Timing{{Step: "all", Duration: time.Duration(p.Seconds * float64(time.Second))}}
	p.Evidence = e
}
