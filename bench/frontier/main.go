// Frontier measures how well hardened locks withstand attacks, by the share of
// parameters that they change, and writes a CSV that docs/figures plots:
//
//	frontier -model lenet5 -rule front -budgets 0.5,5 docs/figures/frontier.csv
//
// Rows that are there already are not measured again, so that it may be stopped
// at any time.
package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/verify/attack"
)

// subject is a model to lock, with its data.
type subject struct {
	title      string
	file, data string // below ../shared
	mean, std  []float32
	attacker   int // samples that the attacker has
}

var subjects = map[string]subject{
	"lenet5":   {"LeNet-5", "models/fmnist-lenet5.onnx", "data/fashion-mnist", []float32{0.286}, []float32{0.353}, 6000},
	"resnet20": {"ResNet-20", "models/cifar10-resnet20.onnx", "data/cifar10", []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}, 1000},
}

// rules are the parts of the budget that are spread over all layers by gradient;
// the rest goes to the first ones.
var rules = map[string]float64{"front": perturb.DefaultSpread, "spread": 1}

// auc stands for an attack in rows of detectors.
const auc = "AUC"

// header of the CSV. Budgets are percentages, accuracies shares. Every setting of
// an attack has a row; of scratch there are those once a seed; known-places is told
// what was changed, and is not an attack.
var header = []string{"model", "rule", "budget", "seed", "epochs", "changed", "key_bytes", "locked", "attack", "setting", "validation", "accuracy"}

type study struct {
	subject
	name          string
	shared        string
	epochs        int
	batch         int
	grid, scratch []attack.Optimiser
	attacks       []string
	leave         []string // settings
	path          string
	rows          [][]string
}

func main() {
	log.SetFlags(0)
	s := study{}
	flag.StringVar(&s.name, "model", "lenet5", "lenet5 or resnet20")
	flag.StringVar(&s.shared, "shared", filepath.Join("..", "shared"), "the folder with reference models and data")
	rule := flag.String("rule", "front", "front or spread")
	budgets := flag.String("budgets", "0.05,0.2,0.5,1,2,5,10,20", "percent of the parameters to change")
	seeds := flag.Int("seeds", 1, "number of attackers, each with other samples")
	flag.IntVar(&s.epochs, "epochs", 10, "of each training")
	flag.IntVar(&s.batch, "batch", 64, "samples a step")
	grid := flag.String("grid", "adam:0.003", "optimisers of attacks")
	scratch := flag.String("scratch", "adam:0.001,adam:0.003,sgd:0.02", "optimisers of training from scratch")
	attacks := flag.String("attacks", "fine-tune,reinit-layers,batchnorm,unflip", "attacks to carry out")
	leave := flag.String("leave", "", "settings that are not tried, for lack of time, separated by semicolons")
	summary := flag.String("summary", "", "measure nothing, print the table of what is in the file, and write `FILE.csv` for docs/figures")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: frontier [flags] FILE.csv")
	}
	var ok bool
	if s.subject, ok = subjects[s.name]; !ok {
		log.Fatalf("there is no model %q", s.name)
	}
	if _, ok := rules[*rule]; !ok {
		log.Fatalf("there is no rule %q", *rule)
	}
	s.path, s.attacks, s.leave = flag.Arg(0), strings.Split(*attacks, ","), strings.Split(*leave, ";")
	var err error
	if s.grid, err = optimisers(*grid); err == nil {
		s.scratch, err = optimisers(*scratch)
	}
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := s.read(); err != nil {
		log.Fatal(err)
	}
	if *summary != "" {
		if err := summarise(os.Stdout, s.rows[1:], *summary); err != nil {
			log.Fatal(err)
		}
		return
	}
	for seed := 1; seed <= *seeds; seed++ {
		for text := range strings.SplitSeq(*budgets, ",") {
			budget, err := strconv.ParseFloat(text, 64)
			if err == nil {
				err = s.measure(ctx, *rule, budget, uint64(seed))
			}
			if err != nil {
				log.Fatal(err)
			}
		}
	}
}

func optimisers(list string) (grid []attack.Optimiser, err error) {
	for text := range strings.SplitSeq(list, ",") {
		o, err := attack.ParseOptimiser(text)
		if err != nil {
			return nil, err
		}
		grid = append(grid, o)
	}
	return grid, nil
}

// read takes over what was measured before.
func (s *study) read() error {
	data, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.rows = [][]string{header}
		return nil
	}
	if err != nil {
		return err
	}
	if s.rows, err = csv.NewReader(bytes.NewReader(data)).ReadAll(); err == nil && (len(s.rows) == 0 || !slices.Equal(s.rows[0], header)) {
		err = errors.New("another header than expected")
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	return nil
}

// known returns the rows that begin with these fields.
func (s *study) known(fields ...string) (rows [][]string) {
	for _, row := range s.rows {
		if slices.Equal(row[:len(fields)], fields) {
			rows = append(rows, row)
		}
	}
	return rows
}

func (s *study) measure(ctx context.Context, rule string, budget float64, seed uint64) error {
	start := []string{s.name, rule, strconv.FormatFloat(budget, 'g', -1, 64), fmt.Sprint(seed), fmt.Sprint(s.epochs)}
	if len(s.known(start...)) > 0 {
		return nil
	}
	m, err := onnxio.Open(filepath.Join(s.shared, s.file))
	if err != nil {
		return err
	}
	defer m.Close()
	search, err := s.samples(m, dataset.Train, 2000, seed)
	if err != nil {
		return err
	}
	found, err := perturb.Hardened(ctx, m, search.Shuffle(seed), perturb.HardenedOptions{Budget: budget / 100, Spread: rules[rule]})
	if found == nil || err != nil && !errors.Is(err, perturb.ErrTarget) {
		return err
	}
	log.Printf("%s: accuracy %.4f with %d changes", strings.Join(start, " "), found.Locked.Quality, len(found.Changes))
	locked, size, err := lock(m, found)
	if err != nil {
		return err
	}
	defer locked.Close()
	train, err := s.samples(m, dataset.Train, s.attacker, 100+seed)
	if err != nil {
		return err
	}
	test, err := s.samples(m, dataset.Test, 0, 0)
	if err != nil {
		return err
	}
	opt := attack.Options{Attacks: s.attacks, Epochs: s.epochs, Batch: s.batch, Grid: s.grid, Seed: seed}
	opt.Settings = func(_, setting string) bool { return !slices.Contains(s.leave, setting) }
	opt.Progress = func(p attack.Progress) {
		if p.Result != nil {
			log.Printf("%s: %s %.4f (%s), %.0f s", strings.Join(start, " "), p.Attack, p.Result.Accuracy, p.Result.Setting, p.Result.Seconds)
		}
	}
	scratch := []string{s.name, attack.Scratch, "", start[3], start[4]}
	if len(s.known(scratch...)) == 0 {
		alone := opt
		alone.Attacks, alone.Grid = []string{}, s.scratch
		r, err := attack.Run(ctx, locked, train, test, alone)
		if err != nil {
			return err
		}
		s.add(append(scratch, "", "", ""), *r.Scratch)
	}
	opt.Scratch = &attack.Result{Name: attack.Scratch} // no need to repeat it
	if opt.Original, err = gradient.LoadWeights(m); err != nil {
		return err
	}
	r, err := attack.Run(ctx, locked, train, test, opt)
	if err != nil {
		return err
	}
	start = append(start, fmt.Sprint(len(found.Changes)), fmt.Sprint(size), share(r.Locked))
	s.rows = append(s.rows, append(slices.Clone(start), "none", "", "", share(r.Locked)))
	for _, one := range r.Attacks {
		s.add(start, one)
	}
	for _, d := range r.Detectors {
		s.rows = append(s.rows, append(slices.Clone(start), auc, d.Name, "", share(d.AUC)))
	}
	return s.write()
}

// add notes all settings of an attack.
func (s *study) add(start []string, r attack.Result) {
	for _, one := range r.Settings {
		s.rows = append(s.rows, append(slices.Clone(start), r.Name, one.String(), share(one.Validation), share(one.Accuracy)))
	}
}

func share(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

func (s *study) write() error {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.WriteAll(s.rows); err != nil {
		return err
	}
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.Create(s.path)
	if err != nil {
		return err
	}
	if _, err := f.Write(b.Bytes()); err != nil {
		return err
	}
	return out.Commit()
}

// samples returns samples as the model takes them; the first ones for seed 0.
func (s *study) samples(m *onnxio.Model, split dataset.Split, limit int, seed uint64) (*dataset.Set, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	spec := dataset.Spec{Split: split, Limit: limit, Seed: seed, Mean: s.mean, Std: s.std, NeedLabels: true}
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	return dataset.Open(filepath.Join(s.shared, s.data), spec)
}

// lock writes the locked model to a temporary file that is gone again when it
// has been opened, and returns it with the size of its key.
func lock(m *onnxio.Model, found *perturb.Result) (*onnxio.Model, int, error) {
	dir, err := os.MkdirTemp("", "frontier-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	out := new(atomicfile.Set)
	path := filepath.Join(dir, "locked.onnx")
	record, err := m.Rewrite(out, path, found.Edits())
	if err != nil {
		return nil, 0, err
	}
	if err := out.Commit(); err != nil {
		return nil, 0, err
	}
	var plain bytes.Buffer
	if err := key.WritePlain(&plain, &key.Key{Record: *record}); err != nil {
		return nil, 0, err
	}
	locked, err := onnxio.Open(path)
	return locked, plain.Len(), err
}
