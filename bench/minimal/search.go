package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/internal/study"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/perturb"
	"github.com/advparams/advparams/task"
)

// named is an entry of a list that is chosen from by name.
type named[T any] struct {
	name  string
	value T
}

func names[T any](list []named[T]) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = e.name
	}
	return out
}

func find[T any](list []named[T], name string) (T, error) {
	for _, e := range list {
		if e.name == name {
			return e.value, nil
		}
	}
	var none T
	return none, fmt.Errorf("there is no %q, but %v", name, names(list))
}

// reference is a trained model with its data and preprocessing.
type reference struct {
	file, data string
	mean, std  []float32
}

var models = []named[reference]{
	{"lenet5", reference{"fmnist-lenet5.onnx", "fashion-mnist", []float32{0.286}, []float32{0.353}}},
	{"keras", reference{"fmnist-keras-cnn.onnx", "fashion-mnist", nil, nil}},
	{"resnet20", reference{"cifar10-resnet20.onnx", "cifar10", []float32{0.4914, 0.4822, 0.4465}, []float32{0.247, 0.2435, 0.2616}}},
}

// most bounds the number of changes of a search.
const most = 64

// variant is a kind of search.
type variant struct {
	without study.Without
	options func(*onnxio.Model, *perturb.Options) // nil: as they are
}

// variants are kinds of search, from the one of the program to that of the paper.
var variants = []named[variant]{
	{"all", variant{}},
	{"beam 4", variant{options: func(_ *onnxio.Model, o *perturb.Options) { o.Beam = 4 }}},
	{"no collapse", variant{without: study.Without{Collapse: true}}},
	{"no biases", variant{without: study.Without{Collapse: true}, options: func(m *onnxio.Model, o *perturb.Options) {
		o.Allow = func(name string) bool { return len(m.Weight(name).Dims) > 1 }
	}}},
	{"cross-entropy", variant{without: study.Without{Collapse: true, Objective: true}}},
	{"first order", variant{without: study.Without{Collapse: true, Evaluation: true}}},
	{"first order, cross-entropy", variant{without: study.Without{Collapse: true, Evaluation: true, Objective: true}}},
}

func (r *reference) open(shared string, m *onnxio.Model, split dataset.Split, limit int, seed uint64) (*dataset.Set, error) {
	inputs, err := gradient.Inputs(m)
	if err != nil {
		return nil, err
	}
	spec := dataset.Spec{Split: split, Limit: limit, Seed: seed, Preprocess: dataset.Preprocess{Mean: r.mean, Std: r.std}, Classes: 10, NeedLabels: true}
	for _, in := range inputs {
		spec.Inputs = append(spec.Inputs, dataset.Input{Name: in.Name, Shape: in.Shape, DType: in.DType})
	}
	set, err := dataset.Open(filepath.Join(shared, "data", r.data), spec)
	if err != nil {
		return nil, err
	}
	return set.Shuffle(seed), nil
}

// search searches and returns the accuracy on test images with 0, 1, 2 … changes.
func (r *reference) search(shared string, seed uint64, kind variant) (course []float64, err error) {
	m, err := onnxio.Open(filepath.Join(shared, "models", r.file))
	if err != nil {
		return nil, err
	}
	defer m.Close()
	train, err := r.open(shared, m, dataset.Train, 2000, seed)
	if err != nil {
		return nil, err
	}
	test, err := r.open(shared, m, dataset.Test, 1000, 1)
	if err != nil {
		return nil, err
	}
	opt := perturb.Options{MaxParams: most}
	if kind.options != nil {
		kind.options(m, &opt)
	}
	found, err := perturb.Search(kind.without.Context(context.Background()), m, train, opt)
	if err != nil && !errors.Is(err, perturb.ErrTarget) {
		return nil, err
	}
	w, err := gradient.LoadWeights(m)
	if err != nil {
		return nil, err
	}
	s, err := gradient.NewSession(m, gradient.Config{Weights: w}, 100)
	if err != nil {
		return nil, err
	}
	evaluator := &task.Evaluator{Task: task.Classification{}, Session: s}
	for k := 0; ; k++ {
		score, err := evaluator.Measure(context.Background(), test, nil)
		if err != nil {
			return nil, err
		}
		course = append(course, score.Quality)
		if k == len(found.Changes) {
			return course, nil
		}
		c := found.Changes[k]
		a, _ := w.Array(c.Tensor)
		a.Float32s()[c.Index] = m.Weight(c.Tensor).Decode(c.New)
	}
}
