package attack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// Options of Run. The zero value runs all attacks with 20 epochs each.
type Options struct {
	// Attacks names those to run, of List; nil means all that can be run.
	// Training from scratch is run always.
	Attacks []string
	// Output names the output that has the answers; "" means the first.
	Output string
	// Task is what the model is for; nil means classification. For other tasks
	// accuracies are qualities (task.Score). Embeddings cannot be attacked: their
	// truth is the original, which the attacker does not have.
	Task task.Task
	// Outlook is what task.Look found for Output; nil means that Run looks.
	Outlook *task.Outlook
	// Settings reports whether an attack is to be tried in a setting, by the names in
	// Result.Settings; nil means all.
	Settings func(attack, setting string) bool
	// Scratch is the result of training from scratch, if it is known from attacks on
	// another lock of the same model with the same data and options.
	Scratch *Result
	// Epochs over the attacker's samples in each training; 0 means 20.
	Epochs int
	// Batch is the number of samples in a step; 0 means 64. A model with a fixed batch
	// size is trained with that.
	Batch int
	// Grid has the optimisers tried in each training; nil means DefaultGrid.
	Grid []Optimiser
	// Validation is the share of the attacker's samples that choices are made on; 0
	// means a tenth.
	Validation float64
	// Seed seeds everything random.
	Seed uint64
	// TimeLimit ends the attacks after some time; 0 means no limit. Cheap attacks come
	// first. Report.Unfinished names those that were not finished, which do not count.
	// If none was, Run returns an *UnfinishedError.
	TimeLimit time.Duration
	// State is a file that Run keeps the results of finished attacks in, so that another
	// Run with the same model, data and options need not repeat them; "" means none. A
	// file of another run is a *StateError.
	State string
	// Original has the weights before locking; nil if they are not known. With it, Run
	// also carries out the attacks of thieves of a part of the key, and rates detectors
	// of changed weights.
	Original *gradient.Weights
	// Public has the weights of a public model that the original was tuned from, and
	// Oracle is the original itself, as somebody has it who can only ask it; nil if there
	// are none. Each enables an attack, and what needs no locked weights of it counts
	// for the zero line.
	Public *gradient.Weights
	Oracle *onnxio.Model
	// Workers are the threads to compute on; nil means one thread.
	Workers *gradient.Workers
	// Progress, if not nil, is called after every epoch, and when an attack
	// begins and ends.
	Progress func(Progress)
}

// Progress is how far an attack has come.
type Progress struct {
	Attack      string
	Done, Total int // epochs and settings
	Best        float64
	Result      *Result // at the end of the attack
}

func (o *Options) complete() error {
	if o.Epochs == 0 {
		o.Epochs = 20
	}
	if o.Batch == 0 {
		o.Batch = 64
	}
	if o.Validation == 0 {
		o.Validation = 0.1
	}
	if o.Grid == nil {
		o.Grid = DefaultGrid()
	}
	if o.Epochs < 0 || o.Batch < 0 || o.Validation < 0 || o.Validation >= 1 || len(o.Grid) == 0 {
		return errors.New("attack: options out of range")
	}
	for _, name := range o.Attacks {
		if About(name) == "" {
			return &UnknownError{name}
		}
		if NeedsOriginal(name) && o.Original == nil {
			return &OriginalError{name}
		}
		if name == Public && o.Public == nil || name == Knockoff && o.Oracle == nil {
			return &ModelError{name}
		}
	}
	return nil
}

// attack is one way to repair a locked model.
type attack struct {
	name     string
	about    string
	variants func(l *lab) []variant
}

// counts reports whether an attack's result is that of an attacker, and not the zero line or
// that of somebody who knows more.
func (a *attack) counts() bool { return a.name != Scratch && !NeedsOriginal(a.name) }

// variant is one setting of an attack.
type variant struct {
	name string
	// change alters the locked weights before training; nil means no change. It may
	// return a note about what it did.
	change func(ctx context.Context, l *lab) (note string, err error)
	tune   scope
	// times is a factor on the number of epochs; 0 means 1.
	times int
	// ahead is the number of trainings in change itself, tries the number of samples that
	// it runs the model on besides.
	ahead, tries int
	// keep freezes the weights that are zero after change, so that pruned weights stay
	// pruned.
	keep bool
	// answers says that the original's answers take the place of labels.
	answers bool
	// only, if not nil, selects the weights to be trained after change.
	only func(ctx context.Context, l *lab) (map[string][]bool, error)
}

// scope says what is trained.
type scope int

const (
	nothing scope = iota
	everything
	lastLayer
	normalisedGraph // everything, in the graph with normalisations inserted
)

// Scratch is the name of training from scratch, which the zero line is a part of.
const Scratch = "scratch"

// Names of the attacks that need another model: Options.Public and Options.Oracle.
const (
	Public   = "public"
	Knockoff = "knockoff"
)

// long is the attack with a long schedule. If it runs, training from scratch gets as many
// epochs in one of its settings.
const long = "fine-tune-long"

// insiders are the attacks that take more than a locked model and data. They do not count
// for the advantage.
var insiders = []string{"known-places", "partial-key"}

// attacks in the order of reports; the first is training from scratch.
var attacks = []attack{
	{name: Scratch, about: "train the same architecture from several starts that hold nothing", variants: fromScratch},
	{name: "fine-tune", about: "train all weights", variants: fineTune},
	{name: "fine-tune-last", about: "train the last layer only", variants: fineTuneLast},
	{name: long, about: "train all weights for four times the epochs; from scratch as well", variants: fineTuneLong},
	{name: "prune", about: "zero the smallest weights", variants: prune},
	{name: "prune-tune", about: "zero the smallest weights, then train the others", variants: pruneTune},
	{name: "reset-outliers", about: "reset weights far from the others of their tensor", variants: resetOutliers},
	{name: "reset-extremes", about: "reset the smallest and largest weights of every tensor", variants: resetExtremes},
	{name: "reset-gradient", about: "zero the weights of largest |gradient × weight|", variants: resetGradient},
	{name: "reestimate", about: "set the weights that the loss depends on most to ordinary values", variants: reestimate},
	{name: "reset-tune", about: "reset outliers or the largest |gradient × weight|, then train", variants: resetTune},
	{name: "smooth", about: "replace weights by the median of those beside them", variants: smooth},
	{name: "requantise", about: "round weights to few bits", variants: requantise},
	{name: "sparse-tune", about: "train only the weights of largest |gradient × weight|", variants: sparseTune},
	{name: "reinit-layers", about: "initialise the first or last layer anew, then train", variants: reinitLayers},
	{name: "shuffle-layers", about: "give the first layers their values in random order, then train", variants: shuffleLayers},
	{name: "reinit-dead", about: "initialise dead units anew, then train", variants: reinitDead},
	{name: "renormalise", about: "give every unit mean 0 and variance 1, then train", variants: renormaliseTune},
	{name: "batchnorm", about: "put batch normalisations behind all layers, then train", variants: batchNorm},
	{name: "redraw", about: "keep the exponents or scales of all weights, draw the rest anew, then train", variants: redraw},
	{name: Public, about: "take what deviates from a public model that this one was tuned from, then train", variants: fromPublic},
	{name: Knockoff, about: "train on the answers of the original", variants: fromAnswers},
	{name: "repair", about: "run the search backwards: reset what lowers the loss most", variants: repair},
	{name: "repair-tune", about: "run the search backwards, then train", variants: repairTune},
	{name: "known-places", about: "reset what was changed, then train: whoever knows the places, but not the values", variants: knownPlaces},
	{name: "partial-key", about: "a part of the changes taken back, with and without training", variants: partialKey},
}

// List returns the names of all attacks, in the order of reports.
func List() []string {
	names := make([]string, len(attacks))
	for i, a := range attacks {
		names[i] = a.name
	}
	return names
}

// About describes an attack in half a sentence; "" for an unknown one.
func About(name string) string {
	for _, a := range attacks {
		if a.name == name {
			return a.about
		}
	}
	return ""
}

// NeedsOriginal reports whether an attack needs Options.Original. Such an attack does not
// count for the advantage.
func NeedsOriginal(name string) bool { return slices.Contains(insiders, name) }

// Run attacks a locked model with the labelled samples train and measures the results on
// test. It leaves the model as it is. Equal arguments give equal reports, except for times.
func Run(ctx context.Context, locked *onnxio.Model, train, test *dataset.Set, opt Options) (*Report, error) {
	if err := opt.complete(); err != nil {
		return nil, err
	}
	l, err := newLab(locked, train, test, opt)
	if err != nil {
		return nil, err
	}
	defer l.close()
	known, err := openState(opt.State, l.fingerprint(), l.sampleFingerprint())
	if err != nil {
		return nil, err
	}
	limited := ctx
	if opt.TimeLimit > 0 {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, opt.TimeLimit)
		defer cancel()
	}
	r := &Report{Task: l.opt.Task.Name(), Attacks: []Result{}, Samples: l.samples()}
	if r.Locked, err = l.measure(ctx, l.test); err != nil {
		return nil, err
	}
	if l.opt.Original != nil {
		r.Changed = len(l.changes())
		if r.Detectors, r.WrongSigns, err = l.detect(ctx); err != nil {
			return nil, err
		}
	}
	if opt.Scratch != nil {
		r.add(attacks[0], *opt.Scratch)
	}
	for _, p := range l.plan() {
		result, done := known.result(p.name)
		if !done {
			result, err = l.carryOut(limited, p)
			switch {
			case err == nil:
			case ctx.Err() != nil:
				return nil, ctx.Err()
			case limited.Err() != nil:
				r.Unfinished = append(r.Unfinished, p.name)
				continue
			default:
				return nil, fmt.Errorf("attack %s: %w", p.name, err)
			}
			if err := known.add(result); err != nil {
				return nil, err
			}
		}
		r.add(p.attack, result)
		l.report(Progress{Attack: p.name, Done: 1, Total: 1, Best: result.Validation, Result: &result})
	}
	if len(r.Unfinished) > 0 && r.Scratch == nil && len(r.Attacks) == 0 {
		return nil, &UnfinishedError{opt.TimeLimit}
	}
	r.conclude()
	return r, nil
}

// planned is an attack with the settings that it is tried in.
type planned struct {
	attack
	settings []variant
}

// controlled reports whether an attack is repeated from a start that holds nothing: if it
// trains, and counts. Then all its settings are, so that there is as much to choose from.
func (p *planned) controlled() bool {
	return p.counts() && slices.ContainsFunc(p.settings, func(v variant) bool { return v.tune != nothing })
}

// plan returns the attacks that are wanted and that the model has something for, those of
// least work first.
func (l *lab) plan() []planned {
	var list []planned
	for _, a := range attacks {
		if !l.opt.wants(a.name) || a.name == Scratch && l.opt.Scratch != nil {
			continue
		}
		l.restore(l.locked)
		settings := slices.DeleteFunc(a.variants(l), func(v variant) bool { return l.opt.Settings != nil && !l.opt.Settings(a.name, v.name) })
		if len(settings) > 0 {
			list = append(list, planned{a, settings})
		}
	}
	slices.SortStableFunc(list, func(a, b planned) int { return cmp.Compare(l.work(a), l.work(b)) })
	return list
}

// work returns about how many samples an attack runs the model on. A step of training
// counts as three.
func (l *lab) work(p planned) int {
	n := 0
	for _, v := range p.settings {
		n += v.tries + v.ahead*l.opt.Epochs*3*l.train.Len()
		if v.tune == nothing {
			n += l.valid.Len() + l.test.Len()
		} else {
			n += len(l.opt.Grid) * (l.epochs(v)*(3*l.train.Len()+l.valid.Len()) + l.test.Len())
		}
	}
	if p.controlled() {
		n *= 2
	}
	return n
}

// wants reports whether an attack is to be carried out.
func (o *Options) wants(name string) bool {
	switch {
	case name == Scratch:
		return true
	case o.Attacks != nil:
		return slices.Contains(o.Attacks, name)
	}
	return o.Original != nil || !NeedsOriginal(name)
}
