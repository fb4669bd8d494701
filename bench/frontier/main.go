// Frontier measures how well models withstand attacks of which a share of the weights is
// sealed, the first ones in graph order. It adds a row to a CSV for every lock and attacker:
//
//	frontier -model lenet5 -shares 5,100 -samples 6000 docs/figures/frontier.csv
//
// Rows that are there already are not measured again, so that it may be stopped at any
// time. With -summary it prints the table of docs/method.md instead, and writes what
// docs/figures plots.
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
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
	"github.com/advparams/advparams/sealed"
	"github.com/advparams/advparams/verify/attack"
)

// subject is a model to seal, with its data.
type subject struct {
	title      string
	file, data string // below ../shared; files in bin are made here
	mean, std  []float32
	weights    float64 // how many it has
}

var subjects = map[string]subject{
	"lenet5":   {"LeNet-5", "models/fmnist-lenet5.onnx", "data/fashion-mnist", []float32{0.286}, []float32{0.353}, 61706},
	"vit":      {"ViT", "bin/vit.onnx", "data/fashion-mnist", []float32{0.286}, []float32{0.353}, 138890},
	"resnet20": {"ResNet-20", "models/cifar10-resnet20.onnx", "data/cifar10", []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}, 271690},
}

// header of the CSV. Shares are percentages as they were asked for; whole tensors are sealed,
// and sealed is the number of their weights. Accuracies are between 0 and 1 on the test
// images. The control is the best attack from a start that holds nothing, which the zero line
// is at least in the validation. Rows of -pairs have no zero line.
var header = []string{"model", "share", "seed", "samples", "epochs", "sealed", "locked", "attack", "setting", "accuracy", "zero_from", "zero_setting", "zero_accuracy", "advantage", "control"}

type study struct {
	subject
	name, shared string
	samples      int // that the attacker has
	test         int // images to measure on
	opt          attack.Options
	pairs        bool // leave training from scratch out
	path         string
	rows         [][]string
	scratch      map[int]*attack.Result // training from scratch by seed, which is the same for all shares
}

func main() {
	log.SetFlags(0)
	s := study{scratch: map[int]*attack.Result{}}
	flag.StringVar(&s.name, "model", "lenet5", "lenet5, resnet20, or vit, which vit.py trains")
	flag.StringVar(&s.shared, "shared", filepath.Join("..", "shared"), "the folder with reference models and data")
	shares := flag.String("shares", "0.5,2,5,20,50,100", "percent of the weights to seal")
	seeds := flag.Int("seeds", 1, "number of attackers, each with other samples and another sealing")
	first := flag.Int("first", 1, "number of the first attacker")
	flag.IntVar(&s.samples, "samples", 6000, "images that the attacker has")
	flag.IntVar(&s.test, "test", 0, "images to measure on; 0: all")
	flag.IntVar(&s.opt.Epochs, "epochs", 6, "of each training")
	flag.IntVar(&s.opt.Batch, "batch", 64, "images a step")
	flag.Float64Var(&s.opt.Validation, "validation", 0.1, "share of the images that choices are made by")
	grid := flag.String("grid", "adam:0.003", "optimisers, of attacks and the zero line alike")
	attacks := flag.String("attacks", "fine-tune,reinit-layers,batchnorm,redraw", "attacks to carry out")
	leave := flag.String("leave", "", "settings that are not tried, for lack of time, separated by semicolons")
	flag.BoolVar(&s.pairs, "pairs", false, "measure attacks and their controls alone, without training from scratch")
	summary := flag.String("summary", "", "measure nothing, print the table of what is in the file, and write `FILE.csv` for docs/figures")
	flag.Parse()
	if flag.NArg() != 1 {
		log.Fatal("usage: frontier [flags] FILE.csv")
	}
	s.path = flag.Arg(0)
	if err := s.read(); err != nil {
		log.Fatal(err)
	}
	if *summary != "" {
		if err := summarise(os.Stdout, s.rows[1:], *summary); err != nil {
			log.Fatal(err)
		}
		return
	}
	var ok bool
	if s.subject, ok = subjects[s.name]; !ok {
		log.Fatalf("there is no model %q", s.name)
	}
	for text := range strings.SplitSeq(*grid, ",") {
		o, err := attack.ParseOptimiser(text)
		if err != nil {
			log.Fatal(err)
		}
		s.opt.Grid = append(s.opt.Grid, o)
	}
	s.opt.Attacks = strings.Split(*attacks, ",")
	left := strings.Split(*leave, ";")
	s.opt.Settings = func(_, setting string) bool { return !slices.Contains(left, setting) }
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for seed := *first; seed < *first+*seeds; seed++ {
		for text := range strings.SplitSeq(*shares, ",") {
			percent, err := strconv.ParseFloat(text, 64)
			if err == nil {
				err = s.measure(ctx, percent, seed)
			}
			if err != nil {
				log.Fatal(err)
			}
		}
	}
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

// measure seals a share of a model and attacks it, unless that has been done.
func (s *study) measure(ctx context.Context, percent float64, seed int) error {
	row := []string{s.name, strconv.FormatFloat(percent, 'g', -1, 64), fmt.Sprint(seed), fmt.Sprint(s.samples), fmt.Sprint(s.opt.Epochs)}
	if slices.ContainsFunc(s.rows, func(known []string) bool { return slices.Equal(known[:len(row)], row) }) {
		return nil
	}
	path := s.file
	if !strings.HasPrefix(path, "bin/") {
		path = filepath.Join(s.shared, path)
	}
	m, err := onnxio.Open(path)
	if err != nil {
		return err
	}
	defer m.Close()
	locked, count, err := sealShare(ctx, m, percent/100)
	if err != nil {
		return err
	}
	defer locked.Close()
	train, err := s.open(m, dataset.Train, s.samples, uint64(100+seed))
	if err != nil {
		return err
	}
	test, err := s.open(m, dataset.Test, s.test, 0)
	if err != nil {
		return err
	}
	opt := s.opt
	opt.Seed = uint64(seed)
	opt.Scratch = s.scratch[seed]
	if s.pairs {
		opt.Scratch = &attack.Result{Validation: -1} // loses to any control
	}
	opt.Progress = func(p attack.Progress) {
		if p.Result != nil {
			log.Printf("%s: %s %.4f (%s), %.0f s", strings.Join(row, " "), p.Attack, p.Result.Accuracy, p.Result.Setting, p.Result.Seconds)
		}
	}
	r, err := attack.Run(ctx, locked, train, test, opt)
	if err != nil {
		return err
	}
	best := slices.IndexFunc(r.Attacks, func(one attack.Result) bool { return one.Name == r.BestAttack })
	row = append(row, fmt.Sprint(count), decimal(r.Locked), r.BestAttack, r.Attacks[best].Setting, decimal(*r.Best))
	if s.pairs {
		row = append(row, "", "", "", "")
	} else {
		s.scratch[seed] = r.Scratch
		row = append(row, r.Zero.From, r.Zero.Setting, decimal(r.Zero.Accuracy), decimal(*r.Advantage))
	}
	row = append(row, control(r.Attacks[best].Control))
	log.Print(strings.Join(row, ", "))
	s.rows = append(s.rows, row)
	return s.write()
}

// control returns the accuracy of an attack's control, and nothing of an attack that has none.
func control(r *attack.Result) string {
	if r == nil {
		return ""
	}
	return decimal(r.Accuracy)
}

func decimal(x float64) string { return strconv.FormatFloat(x, 'f', 4, 64) }

func (s *study) write() error {
	out := atomicfile.Set{Force: true}
	defer out.Abort()
	f, err := out.Create(s.path)
	if err != nil {
		return err
	}
	if err := csv.NewWriter(f).WriteAll(s.rows); err != nil {
		return err
	}
	return out.Commit()
}

// open returns images as the model takes them; the first ones for seed 0.
func (s *study) open(m *onnxio.Model, split dataset.Split, limit int, seed uint64) (*dataset.Set, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	spec := dataset.Spec{Split: split, Limit: limit, Seed: seed, Preprocess: dataset.Preprocess{Mean: s.mean, Std: s.std}, NeedLabels: true}
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	return dataset.Open(filepath.Join(s.shared, s.data), spec)
}

// sealShare seals a share of the weights with a fresh key. It returns the model, whose file
// is gone again, and how many weights are sealed.
func sealShare(ctx context.Context, m *onnxio.Model, share float64) (*onnxio.Model, int64, error) {
	plan, err := sealed.NewPlan(m, sealed.Options{Share: share})
	if err != nil {
		return nil, 0, err
	}
	var ranges []seal.Range
	for _, r := range plan.Ranges {
		ranges = append(ranges, r.Range)
	}
	dir, err := os.MkdirTemp("", "frontier-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(dir)
	original, err := os.ReadFile(m.Path()) // the models have no external data
	if err != nil {
		return nil, 0, err
	}
	var b bytes.Buffer
	if err := seal.NewKey().Seal(ctx, &b, bytes.NewReader(original), int64(len(original)), ranges, 1); err != nil {
		return nil, 0, err
	}
	path := filepath.Join(dir, "sealed.onnx")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		return nil, 0, err
	}
	locked, err := onnxio.Open(path)
	return locked, plan.Sealed, err
}
