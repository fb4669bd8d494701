package gradient_test

import (
	"errors"
	"fmt"
	"log"
	"math"

	"github.com/advparams/advparams/dataset"
	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

// demo opens the model that package models embeds, which reads hexadecimal digits,
// and the first 200 of its test samples.
func demo() (*onnxio.Model, *dataset.Set) {
	m, err := onnxio.Open("../models/glyphs.onnx")
	if err != nil {
		log.Fatal(err)
	}
	set, err := dataset.Open("../models/data", dataset.Spec{
		Inputs:  []dataset.Input{{Name: "input", Shape: []int{-1, 1, 28, 28}}},
		Classes: 16, Split: dataset.Test, Limit: 200, NeedLabels: true,
	})
	if err != nil {
		log.Fatal(err)
	}
	return m, set
}

// Compile a model for batches of 100 images and compute its outputs.
func Example() {
	m, set := demo()
	defer m.Close()
	p, err := gradient.Compile(m, gradient.Config{
		Shapes: map[string][]int{"input": {100, 1, 28, 28}},
	})
	if err != nil {
		log.Fatal(err)
	}

	batch, err := set.Batch(0, 100) // arrays by input name
	if err != nil {
		log.Fatal(err)
	}
	outputs, err := p.Forward(batch)
	if err != nil {
		log.Fatal(err)
	}
	logits := outputs[0]
	correct := 0
	for i, label := range set.Labels()[:100] {
		if gradient.ArgMax(logits.Rows(i, i+1).Float32s()) == label {
			correct++
		}
	}
	fmt.Printf("logits %v, %d of 100 correct\n", logits.Shape, correct)
	// Output: logits [100 16], 97 of 100 correct
}

// Compute the gradient of the cross-entropy with respect to every weight.
func ExampleProgram_Gradients() {
	m, set := demo()
	defer m.Close()
	p, err := gradient.Compile(m, gradient.Config{
		Shapes:    map[string][]int{"input": {100, 1, 28, 28}},
		Gradients: gradient.All,
	})
	if err != nil {
		log.Fatal(err)
	}

	batch, err := set.Batch(0, 100)
	if err != nil {
		log.Fatal(err)
	}
	loss, _, err := p.Gradients(batch, gradient.CrossEntropy(set.Labels()[:100]))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("loss %.2f\n", loss)
	for _, name := range []string{"stem.weight", "head.bias"} {
		g, _ := p.Gradient(name)
		fmt.Printf("%s has %d derivatives\n", name, len(g))
	}
	// Output:
	// loss 0.08
	// stem.weight has 144 derivatives
	// head.bias has 16 derivatives
}

// A loss is any function of the outputs that writes its gradient with respect to
// them. This one is the mean of the squared logits.
func ExampleLoss() {
	m, set := demo()
	defer m.Close()
	p, err := gradient.Compile(m, gradient.Config{
		Shapes:    map[string][]int{"input": {100, 1, 28, 28}},
		Gradients: func(name string) bool { return name == "head.bias" },
	})
	if err != nil {
		log.Fatal(err)
	}

	squares := func(outputs, seeds []nd.Array) (loss float64, err error) {
		y, seed := outputs[0].Float32s(), seeds[0].Float32s()
		for i, v := range y {
			loss += float64(v) * float64(v) / float64(len(y))
			seed[i] = 2 * v / float32(len(y))
		}
		return loss, nil
	}
	batch, err := set.Batch(0, 100)
	if err != nil {
		log.Fatal(err)
	}
	loss, outputs, err := p.Gradients(batch, squares)
	if err != nil {
		log.Fatal(err)
	}

	// A bias adds to one column of the logits.
	var want float64
	for i := range 100 {
		want += 2 * float64(outputs[0].Float32s()[i*16]) / 1600
	}
	g, _ := p.Gradient("head.bias")
	fmt.Println(loss > 0, math.Abs(float64(g[0])-want) < 1e-5)
	// Output: true true
}

// Evaluate the effect of one changed weight. The weight keeps its value.
func ExampleProgram_Try() {
	m, set := demo()
	defer m.Close()
	weights, err := gradient.LoadWeights(m) // that may be changed
	if err != nil {
		log.Fatal(err)
	}
	p, err := gradient.Compile(m, gradient.Config{
		Shapes:  map[string][]int{"input": {100, 1, 28, 28}},
		Keep:    true,
		Weights: weights,
	})
	if err != nil {
		log.Fatal(err)
	}

	batch, err := set.Batch(0, 100)
	if err != nil {
		log.Fatal(err)
	}
	objective := gradient.CrossEntropy(set.Labels()[:100])
	outputs, err := p.Forward(batch)
	if err != nil {
		log.Fatal(err)
	}
	before, _ := objective(outputs, nil)
	outputs, err = p.Try("depthwise.bias", 0, 50)
	if err != nil {
		log.Fatal(err)
	}
	after, _ := objective(outputs, nil)
	fmt.Println("the loss grows by more than half:", after > 1.5*before)
	// Output: the loss grows by more than half: true
}

// A Session runs a model over many samples, and compiles it when it needs to.
func ExampleSession() {
	m, set := demo()
	defer m.Close()
	workers := gradient.NewWorkers(0) // all cores
	defer workers.Close()
	s, err := gradient.NewSession(m, gradient.Config{Gradients: gradient.All, Workers: workers}, 64)
	if err != nil {
		log.Fatal(err)
	}
	loss, gradients, err := s.Gradients(set, func(lo, n int) gradient.Loss {
		return gradient.CrossEntropy(set.Labels()[lo : lo+n])
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d samples, loss %.2f, gradients of %d initializers\n", set.Len(), loss, len(gradients))
	// Output: 200 samples, loss 0.13, gradients of 12 initializers
}

// The fields of errors say what is wrong.
func ExampleInputError() {
	m, _ := demo()
	defer m.Close()
	_, err := gradient.Compile(m, gradient.Config{
		Shapes: map[string][]int{"input": {100, 3, 28, 28}},
	})
	if e, ok := errors.AsType[*gradient.InputError](err); ok {
		fmt.Printf("input %s is %v, not %v\n", e.Input.Name, e.Input.Shape, e.Shape)
	}
	// Output: input input is [-1 1 28 28], not [100 3 28 28]
}

// Not every operator passes gradients on.
func ExampleSupportFor() {
	for _, name := range []string{"Conv", "ArgMax", "SVMClassifier"} {
		s := gradient.SupportFor("", name, 17)
		fmt.Printf("%s: forward %v, gradient %v\n", name, s.Forward, s.Gradient)
	}
	// Output:
	// Conv: forward true, gradient true
	// ArgMax: forward true, gradient false
	// SVMClassifier: forward false, gradient false
}
