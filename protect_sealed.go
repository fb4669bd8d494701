package advparams

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/advparams/advparams/feedback"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/samples"
	"github.com/advparams/advparams/seal"
	"github.com/advparams/advparams/sealed"
	"github.com/advparams/advparams/task"
)

// A model with weights at random may be right more often than by chance, or less often. If
// it is further from chance than this, other weights are drawn.
const sealedLuck = 0.03

// sealedDraws is how often weights are drawn at most.
const sealedDraws = 5

// NothingToSealError means that none of a model's weights were chosen, or that they cannot be sealed.
type NothingToSealError struct {
	Model string
	Left  []LeftParameter // weights that cannot be sealed
}

func (e *NothingToSealError) Error() string {
	if len(e.Left) > 0 {
		return fmt.Sprintf("%s: nothing to seal: %q stays in clear, since %s", e.Model, e.Left[0].Name, e.Left[0].Why)
	}
	return fmt.Sprintf("%s: nothing to seal: none of its weights is chosen", e.Model)
}

// checkSealed finds options that go with the profile Sealed only, or not with it.
func (o *ProtectOptions) checkSealed() error {
	ways := 0
	for _, is := range []bool{o.Locked != "", o.LockedTo != nil, o.InPlace} {
		if is {
			ways++
		}
	}
	switch {
	case !(o.Share >= 0 && o.Share <= 1):
		return &OptionError{Option: "Share", Value: o.Share, Reason: "is not between 0 and 1"}
	case o.Profile != Sealed && o.Share > 0:
		return optionf("Share", "only the profile sealed takes a share of the weights")
	case o.Profile != Sealed && o.SealScales:
		return optionf("SealScales", "only the profile sealed encrypts scales")
	case o.Profile != Sealed && o.Secret != nil:
		return optionf("Secret", "only the profile sealed derives a seed")
	case o.Secret != nil && len(o.Secret) < seal.MinSecret:
		return optionf("Secret", "it has %d bytes, and needs %d that nobody can guess", len(o.Secret), seal.MinSecret)
	case o.Profile != Sealed && o.InPlace:
		return optionf("InPlace", "only the profile sealed changes files in place")
	case o.InPlace && ways > 1:
		return optionf("InPlace", "give one of Locked, LockedTo and InPlace")
	case o.Profile == Sealed && o.Data.MadeUp:
		return optionf("Data.MadeUp", "sealing needs no samples, and made-up ones measure nothing")
	}
	return nil
}

// sealing is one run of the profile Sealed.
type sealing struct {
	*ProtectOptions
	ctx  context.Context
	see  feedback.Observer
	m    *onnxio.Model
	plan *sealed.Plan
	seen *Evidence // of what is written, if a report is wanted
	seed func(draw int) (*seal.Key, error)
}

func protectSealed(ctx context.Context, opt *ProtectOptions, start time.Time) (*Protection, error) {
	if opt.InPlace {
		opt.Locked = opt.Model
		defer func() { opt.Locked = "" }()
	}
	if err := opt.probeSealed(); err != nil {
		return nil, err
	}
	recipients, err := opt.recipients()
	if err != nil {
		return nil, err
	}
	m, err := onnxio.Open(opt.Model)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if n := len(m.Files()); opt.LockedTo != nil && n > 1 {
		return nil, optionf("Locked", "this model has %d files, which cannot go to one stream together", n)
	}
	s := &sealing{ProtectOptions: opt, ctx: ctx, see: opt.see(), m: m}
	p, err := s.choose()
	if err != nil {
		return nil, err
	}
	secret, err := s.draw(p)
	if err != nil {
		return nil, err
	}
	if s.seen == nil && opt.pageWanted() {
		if s.seen, err = s.unseen(p); err != nil {
			return nil, err
		}
	}
	if opt.InPlace {
		err = s.writeInPlace(secret, recipients, p)
	} else {
		err = opt.write(ctx, s.lock(secret, "sealing"), recipients, p)
	}
	if err != nil {
		return nil, err
	}
	p.Seconds = time.Since(start).Seconds()
	return p, opt.writePage(s.seen, p)
}

// probeSealed is probe, but for files that are changed in place.
func (o *ProtectOptions) probeSealed() error {
	if !o.InPlace {
		return o.probe()
	}
	key := *o
	key.Locked = ""
	return key.probe()
}

// choose decides what is sealed.
func (s *sealing) choose() (*Protection, error) {
	var names []string
	for _, p := range s.m.Parameters() {
		if p.Trained {
			names = append(names, p.Name)
		}
	}
	if len(names) == 0 {
		return nil, &NoWeightsError{Model: s.Model}
	}
	wanted, err := selection(names, s.Include, s.Exclude)
	if err != nil {
		return nil, err
	}
	s.plan, err = sealed.NewPlan(s.m, sealed.Options{Wanted: wanted, Share: s.Share, Scales: s.SealScales, InPlace: s.InPlace})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Model, err)
	}
	p := &Protection{
		Model: s.Model, Locked: s.Locked, Key: s.Key, Profile: Sealed, RealData: s.Data.Given(),
		ParamsTotal: int(s.plan.Parameters), ParamsChanged: int(s.plan.Sealed),
		Tensors: []TensorChange{}, Metrics: []LockedMetric{}, Outputs: []OutputAgreement{},
	}
	p.ClearScales = s.plan.Scales.Elements
	for _, l := range s.plan.Left {
		p.Left = append(p.Left, LeftParameter{l.Name, l.Elements, l.Why})
		s.see.Notify(NoticeLeft, "%s stays in clear (%d parameters): %s", l.Name, l.Elements, l.Why)
	}
	if len(s.plan.Ranges)+len(s.plan.Lists) == 0 {
		return nil, &NothingToSealError{s.Model, p.Left}
	}
	for _, r := range s.plan.Ranges {
		if n := len(p.Tensors); n > 0 && p.Tensors[n-1].Name == r.Name {
			p.Tensors[n-1].Changed += int(r.Tensor.Count)
			continue
		}
		p.Tensors = append(p.Tensors, TensorChange{r.Name, int(r.Tensor.Count)})
	}
	for _, l := range s.plan.Lists {
		p.Tensors = append(p.Tensors, TensorChange{l.Name, int(l.Tensor.Count)})
	}
	s.seed = func(int) (*seal.Key, error) { return seal.NewKey(), nil }
	if s.Secret != nil {
		context, err := s.context()
		if err != nil {
			return nil, err
		}
		s.seed = func(draw int) (*seal.Key, error) {
			return seal.DeriveKey(s.Secret, append(context, binary.LittleEndian.AppendUint64(nil, uint64(draw)))...)
		}
	}
	return p, nil
}

// context returns what tells apart everything that may be sealed with one secret: the
// digests of the original's files, and each range that is sealed.
func (s *sealing) context() (all [][]byte, err error) {
	for _, f := range s.m.Files() {
		sum, err := digest(f.Path)
		if err != nil {
			return nil, err
		}
		all = append(all, sum[:])
	}
	for i := range s.plan.Ranges {
		r := &s.plan.Ranges[i]
		t := &r.Tensor
		b := binary.LittleEndian.AppendUint64(nil, uint64(r.File))
		for _, n := range []int64{r.Offset, r.Length, t.Count, int64(t.Kind)} {
			b = binary.LittleEndian.AppendUint64(b, uint64(n))
		}
		for _, is := range []bool{t.KeepSigns, r.Varints} {
			if b = append(b, 0); is {
				b[len(b)-1] = 1
			}
		}
		all = append(all, append(b, t.Exponents...))
	}
	for _, l := range s.plan.Lists {
		all = append(all, fmt.Appendf(nil, "list %v of %d", l.Ranges, l.Tensor.Count))
	}
	return all, nil
}

// draw returns the key to seal with. If there are samples, it measures what the original
// and the sealed model are worth, and takes the best of several keys if it has to.
func (s *sealing) draw(p *Protection) (*seal.Key, error) {
	if !s.Data.Given() {
		return s.seed(0)
	}
	w, err := startWorkers(s.Threads, s.Memory)
	if err != nil {
		return nil, err
	}
	defer w.Close()
	if _, err := samples.ChooseOutput(s.m, s.Output); err != nil {
		return nil, err
	}
	ready, err := s.calibration(s.m, w, s.see).Prepare(s.ctx)
	if err != nil {
		return nil, err
	}
	before, err := s.measure(ready, s.m, "original", w)
	if err != nil {
		return nil, err
	}
	p.Task, p.Samples, p.Target = ready.Task.Name(), ready.Set.Len(), before.Chance
	var best *seal.Key
	var least task.Score // the nearest to chance
	for draw := range sealedDraws {
		key, err := s.seed(draw)
		if err != nil {
			return nil, err
		}
		score, seen, err := s.measureSealed(ready, key, w)
		if err != nil {
			return nil, err
		}
		if p.Draws = draw + 1; best == nil || fromChance(score) < fromChance(least) {
			best, least, s.seen = key, score, seen
		}
		if fromChance(least) <= sealedLuck {
			break
		}
	}
	if p.Draws > 1 {
		s.see.Notify(NoticeDraws, "the seal was drawn %d times, and the best kept: with weights at random, some networks are not right as often as by chance", p.Draws)
	}
	p.measured(before, least)
	return best, s.byRuntime(s.ctx, s.lock(best, "sealing to measure"), ready, least, p)
}

// fromChance returns how far a model is from answers that have nothing to do with the
// sample. A classifier that is wrong more often than by chance tells something too: of two
// classes, the other one is right.
func fromChance(s task.Score) float64 {
	if s.Classes != nil {
		return math.Abs(s.Quality - s.Chance)
	}
	return s.Quality - s.Chance
}

// measure says what a model is worth.
func (s *sealing) measure(ready *samples.Prepared, m *onnxio.Model, name string, w *gradient.Workers) (task.Score, error) {
	session, err := ready.Session(m, nil, ready.Set, w)
	if err != nil {
		return task.Score{}, err
	}
	e := &task.Evaluator{Task: ready.Task, Session: session}
	return e.Measure(s.ctx, ready.Set, s.see.Counter("measuring "+name, ready.Set.Len()))
}

// measureSealed says what the model is worth when it is sealed with a key, and gathers what a
// report shows of it. For as long as it is measured, the sealed model exists in a temporary
// folder.
func (s *sealing) measureSealed(ready *samples.Prepared, key *seal.Key, w *gradient.Workers) (score task.Score, seen *Evidence, err error) {
	scratch, err := newScratch()
	if err != nil {
		return score, nil, err
	}
	defer scratch.remove()
	var set atomicfile.Set
	defer set.Abort()
	path := scratch.path(filepath.Base(s.Model))
	if _, err := s.lock(key, "sealing to measure")(&set, path); err != nil {
		return score, nil, err
	}
	if err := set.Commit(); err != nil {
		return score, nil, err
	}
	m, err := onnxio.Open(path)
	if err != nil {
		return score, nil, err
	}
	defer m.Close()
	if score, err = s.measure(ready, m, "locked", w); err == nil && s.pageWanted() {
		seen, err = compared(s.ctx, newEvidence(s.Tool, w.Threads()), ready, &s.Data, s.m, m, s.see, w)
	}
	return score, seen, err
}

// lock returns what writes the sealed model.
func (s *sealing) lock(key *seal.Key, stage string) lockTo {
	return func(set *atomicfile.Set, path string) (*onnxio.Record, error) {
		return s.m.Seal(s.ctx, set, path, key, s.plan.Ranges, s.see.Bytes(stage, sizeOf(s.m)), s.plan.Lists...)
	}
}

// sizeOf returns how many bytes the files of a model have.
func sizeOf(m *onnxio.Model) (size int64) {
	for _, f := range m.Files() {
		size += f.Size
	}
	return size
}
