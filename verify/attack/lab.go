package attack

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/task"
)

// lab holds what attacks work with: a locked model, whose weights in memory each attack
// alters, and the data.
type lab struct {
	model     *onnxio.Model
	opt       Options
	weights   *gradient.Weights
	anatomy   *anatomy
	names     []string        // of the weights that an attacker alters
	constants map[string]bool // numbers that no training made, such as the scales of a Resize
	locked    snapshot
	blank     bool // whether settings begin with a start that holds nothing

	folded *folded // nil if no weights are quantised
	public []pair  // weights with those of the public model

	train, valid, test *dataset.Set
	answered           *dataset.Set    // train with the original's answers for truth; nil: not yet
	evaluator          *task.Evaluator // of the present weights
	programs           map[scope]*gradient.Program
	batch              int

	repaired   *altered    // nil: not yet
	normalised *normalised // nil: not yet

	rng *rand.Rand // of the setting under way
	now Progress
}

// evalBatch is the number of samples that accuracies are computed on at a time.
const evalBatch = 200

// newLab returns a lab, which is to be closed.
func newLab(m *onnxio.Model, train, test *dataset.Set, opt Options) (_ *lab, err error) {
	if opt.Task == nil {
		opt.Task = task.Classification{}
	}
	if train.Len() == 0 || test.Len() == 0 || train.Truth(0, 1).Data == nil || test.Truth(0, 1).Data == nil {
		return nil, fmt.Errorf("attacks need labelled samples: %w", task.ErrNoLabels)
	}
	if opt.Outlook == nil {
		look, err := task.Look(m, opt.Output)
		if err != nil {
			return nil, err
		}
		opt.Outlook = &look
	}
	l := &lab{model: m, opt: opt, programs: map[scope]*gradient.Program{}, test: test}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	n := int(math.Round(opt.Validation * float64(train.Len())))
	if n < 1 || train.Len()-n < 1 || test.Len() == 0 {
		return nil, &SamplesError{train.Len()}
	}
	shuffled := train.Shuffle(opt.Seed)
	l.valid, l.train = part(shuffled, 0, n), part(shuffled, n, train.Len())
	if l.weights, err = gradient.LoadWeights(m); err != nil {
		return nil, err
	}
	batch := task.Batch(*opt.Outlook, train.Truth(0, 1), min(opt.Batch, l.train.Len()))
	session := func(size int) (*gradient.Session, error) {
		return gradient.NewSession(m, l.config(nil), size)
	}
	s, err := session(batch)
	if err != nil {
		return nil, err
	}
	l.batch, _ = s.BatchSize()
	if err := l.dequantise(); err != nil {
		return nil, fmt.Errorf("dequantising: %w", err)
	}
	l.anatomy, l.constants = anatomyOf(m.Proto().GetGraph(), l.weights, opt.Output), constantsOf(m)
	for _, name := range l.weights.Names() {
		if l.alterable(name) {
			l.names = append(l.names, name)
		}
	}
	if len(l.names) == 0 {
		return nil, fmt.Errorf("%s: %w", m.Path(), ErrNoWeights)
	}
	l.locked = l.snapshot()
	if opt = l.opt; opt.Public != nil {
		if l.public = l.align(opt.Public); len(l.public) == 0 {
			return nil, &PublicError{m.Path()}
		}
	}
	if s, err = session(task.Batch(*opt.Outlook, train.Truth(0, 1), evalBatch)); err != nil {
		return nil, err
	}
	l.evaluator = &task.Evaluator{Task: opt.Task, Session: s}
	return l, nil
}

// part returns samples [lo, hi) of a set.
func part(s *dataset.Set, lo, hi int) *dataset.Set {
	rows := make([]int, hi-lo)
	for i := range rows {
		rows[i] = lo + i
	}
	return s.Subset(rows)
}

// constantsOf returns what nodes compute with and no training made.
func constantsOf(m *onnxio.Model) map[string]bool {
	names := map[string]bool{}
	for _, p := range m.Parameters() {
		if !p.Trained {
			names[p.Name] = true
		}
	}
	return names
}

// alterable reports whether training may alter an initializer: it has floats that are
// neither statistics of a normalisation nor constants of the graph.
func (l *lab) alterable(name string) bool {
	if l.constants[name] {
		return false
	}
	init := l.model.Weight(name) // nil: of a normalisation that was put in, or what a quantised weight stands for
	if !l.made(name) && (init == nil || l.weights.Scale(name) || !floating(init.DataType)) {
		return false
	}
	a, _ := l.weights.Array(name)
	switch l.anatomy.role(name) {
	case mean, variance:
		return false
	case unknown:
		return a.Len() > 1
	}
	return a.Len() > 0
}

func (l *lab) samples() Samples {
	return Samples{Train: l.train.Len(), Validation: l.valid.Len(), Test: l.test.Len()}
}

// values returns the present elements of a weight.
func (l *lab) values(name string) []float32 {
	a, _ := l.weights.Array(name)
	return a.Float32s()
}

// snapshot is a copy of all weights, statistics included.
type snapshot map[string][]float32

func (l *lab) snapshot() snapshot {
	s := snapshot{}
	for _, name := range l.weights.Names() {
		s[name] = append([]float32(nil), l.values(name)...)
	}
	return s
}

// take copies the present weights to a snapshot that exists.
func (l *lab) take(s snapshot) {
	for name, x := range s {
		copy(x, l.values(name))
	}
}

func (l *lab) restore(s snapshot) {
	for name, x := range s {
		copy(l.values(name), x)
	}
}

// measure returns the accuracy of the present weights on a set, or their quality
// for another task.
func (l *lab) measure(ctx context.Context, set *dataset.Set) (float64, error) {
	score, err := l.evaluator.Measure(ctx, set, nil)
	return score.Quality, err
}

// validation is what choices are made by: the accuracy on the validation samples, and the
// loss there where that is equal. Few samples give many equal accuracies.
type validation struct{ accuracy, loss float64 }

// better reports whether a choice with v beats one with w.
func (v validation) better(w validation) bool {
	return v.accuracy > w.accuracy || v.accuracy == w.accuracy && v.loss < w.loss
}

// validate measures the present weights on the validation samples.
func (l *lab) validate(ctx context.Context) (validation, error) {
	tally, loss := l.opt.Task.NewTally(), 0.0
	err := l.evaluator.Each(ctx, l.valid, 0, func(b task.Evaluation) (bool, error) {
		seeds := make([]nd.Array, len(b.Outputs))
		for i, o := range b.Outputs {
			seeds[i] = nd.New(nd.Float32, o.Shape...)
		}
		one, err := l.opt.Task.Training(b.Truth)(b.Outputs, seeds)
		loss += one * float64(b.N) / float64(l.valid.Len())
		if err != nil {
			return false, err
		}
		return true, tally.Add(b.Outputs, b.Truth)
	})
	if err != nil {
		return validation{}, err
	}
	if math.IsNaN(loss) || loss > math.MaxFloat64 {
		loss = math.MaxFloat64 // which JSON has
	}
	return validation{tally.Score().Quality, loss}, nil
}

// program returns a program that computes the gradient by the weights in scope.
func (l *lab) program(s scope) (*gradient.Program, error) {
	if p := l.programs[s]; p != nil {
		return p, nil
	}
	wanted := map[string]bool{}
	for _, name := range l.namesIn(s) {
		wanted[name] = true
	}
	inputs, _, err := l.minibatch(l.train, 0, 1)
	if err != nil {
		return nil, err
	}
	cfg := l.config(inputs)
	cfg.Gradients = func(name string) bool { return wanted[name] }
	nodes := l.model.Proto().GetGraph().GetNode()
	if s == normalisedGraph {
		nodes = l.normalised.nodes
	}
	p, err := l.compile(nodes, cfg)
	if err == nil {
		l.programs[s] = p
	}
	return p, err
}

// config returns what to compile for batches like this one.
func (l *lab) config(inputs map[string]nd.Array) gradient.Config {
	cfg := gradient.Config{Weights: l.weights, Workers: l.opt.Workers, Logits: l.opt.Task.Traits().Logits, Raw: l.opt.Task.Traits().Raw, Shapes: map[string][]int{}, Values: inputs, Axes: l.opt.Outlook.Axes}
	cfg.Outputs = l.opt.Outlook.Outputs(l.opt.Task)
	for name, a := range inputs {
		cfg.Shapes[name] = a.Shape
	}
	return cfg
}

// namesIn returns the weights in scope.
func (l *lab) namesIn(s scope) []string {
	switch s {
	case everything:
		return l.names
	case normalisedGraph:
		return l.normalised.names
	}
	last := l.anatomy.layers[len(l.anatomy.layers)-1]
	var names []string
	for _, name := range l.names {
		if name == last.weight || name == last.bias {
			names = append(names, name)
		}
	}
	return names
}

// minibatch returns samples [lo, hi) of a set, filled up to the batch size with
// samples that do not count, and the loss of training on them.
func (l *lab) minibatch(set *dataset.Set, lo, hi int) (map[string]nd.Array, gradient.Loss, error) {
	rows := make([]int, l.batch)
	for i := range rows {
		rows[i] = lo
		if lo+i < hi {
			rows[i] = lo + i
		}
	}
	inputs, err := set.Subset(rows).Batch(0, l.batch)
	return inputs, l.opt.Task.Training(set.Truth(lo, hi)), err
}

// rankSamples is the number of samples that gradients are computed on to rank weights.
const rankSamples = 1000

// gradients returns the gradient of the training loss at the present weights, on the first
// training samples.
func (l *lab) gradients(ctx context.Context) (map[string][]float32, error) {
	p, err := l.program(everything)
	if err != nil {
		return nil, err
	}
	sums := map[string][]float32{}
	for _, name := range l.names {
		sums[name] = make([]float32, len(l.values(name)))
	}
	n := min(rankSamples, l.train.Len())
	for lo := 0; lo < n; lo += l.batch {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		hi := min(lo+l.batch, n)
		inputs, loss, err := l.minibatch(l.train, lo, hi)
		if err != nil {
			return nil, err
		}
		if _, _, err := p.Gradients(inputs, loss); err != nil {
			return nil, err
		}
		share := float32(hi-lo) / float32(n)
		for name, sum := range sums {
			g, _ := p.Gradient(name)
			for i, x := range g {
				sum[i] += x * share
			}
		}
	}
	return sums, nil
}

// fingerprint identifies the model, test set and options that results depend on.
func (l *lab) fingerprint() string {
	h := sha256.New()
	fmt.Fprintln(h, stateVersion, l.opt.Epochs, l.opt.Batch, l.opt.Validation, l.opt.Grid, l.opt.Seed, l.opt.Original != nil, l.opt.wants(long), l.opt.Output, l.opt.Oracle != nil)
	for _, name := range l.weights.Names() {
		fmt.Fprintf(h, "%q\n", name)
		binary.Write(h, binary.LittleEndian, l.values(name))
	}
	for _, p := range l.public {
		fmt.Fprintf(h, "public %q\n", p.name)
		binary.Write(h, binary.LittleEndian, p.public)
	}
	l.identify(h, l.test)
	return fmt.Sprintf("%x", h.Sum(nil))
}

// sampleFingerprint identifies the attacker's samples.
func (l *lab) sampleFingerprint() string {
	h := sha256.New()
	l.identify(h, l.train)
	l.identify(h, l.valid)
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}

func (l *lab) identify(h io.Writer, set *dataset.Set) {
	fmt.Fprintln(h, set.Describe(), set.Labels())
	if !l.opt.Task.Traits().Classes {
		fmt.Fprintln(h, l.opt.Task.Name(), set.Truth(0, set.Len()))
	}
}

// seeded returns random numbers that depend only on the seed and a name, so that an attack
// does not depend on those before it.
func (l *lab) seeded(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(l.opt.Seed, h.Sum64()))
}

func (l *lab) report(p Progress) {
	if l.opt.Progress != nil {
		l.opt.Progress(p)
	}
}
