package verify

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
)

const (
	mostHistograms = 12
	histogramBins  = 40
	// mostValues is the largest number of changed values that a histogram marks one by
	// one.
	mostValues = 64
)

// Tensors lists the parameters of a model in the order of the graph, with how many of their
// elements are changed. locked returns the elements of a parameter in the locked model; it
// may return the very slice it is given. Those of up to mostHistograms changed tensors, the
// largest, are counted in histograms.
func Tensors(ctx context.Context, original *onnxio.Model, locked func(p *onnxio.Parameter, before []float32) ([]float32, error)) ([]Tensor, error) {
	list := []Tensor{}
	for _, p := range inOrder(original) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if p.Tensor == nil || p.Tensor.Len() == 0 || len(p.Uses) == 0 || !p.Trained && !p.Tensor.Floating() {
			continue
		}
		t := Tensor{Name: p.Name, Operator: p.Uses[0].Operator, Shape: p.Tensor.Dims, Elements: p.Tensor.Len()}
		before, ok := numbers(p.Tensor)
		if !ok {
			continue
		}
		after, err := locked(p, before)
		if err != nil {
			return nil, err
		}
		t.compare(before, after)
		list = append(list, t)
	}
	keepHistograms(list)
	return list, nil
}

// inOrder returns the parameters in the order of the nodes that use them. Parameters of
// inner graphs follow.
func inOrder(m *onnxio.Model) []*onnxio.Parameter {
	place := map[string]int{}
	for i, n := range m.Proto().GetGraph().GetNode() {
		for _, name := range append([]string{n.GetName()}, n.GetOutput()...) {
			if _, ok := place[name]; name != "" && !ok {
				place[name] = i
			}
		}
	}
	at := func(p *onnxio.Parameter) int {
		best := len(place)
		for _, u := range p.Uses {
			if i, ok := place[u.Node]; ok {
				best = min(best, i)
			}
		}
		return best
	}
	list := slices.Clone(m.Parameters())
	slices.SortStableFunc(list, func(a, b *onnxio.Parameter) int { return cmp.Compare(at(a), at(b)) })
	return list
}

// numbers returns the elements of a tensor; ok is false if they are no numbers.
func numbers(t *onnxio.Initializer) (x []float32, ok bool) {
	a, err := t.Array()
	if err != nil {
		return nil, false
	}
	switch v := a.Data.(type) {
	case []float32:
		return v, true
	case []int64:
		x = make([]float32, len(v))
		for i, n := range v {
			x[i] = float32(n)
		}
		return x, true
	}
	return nil, false
}

// OfModel returns the function that Tensors takes, for a locked model in a file.
func OfModel(locked *onnxio.Model) func(p *onnxio.Parameter, before []float32) ([]float32, error) {
	return func(p *onnxio.Parameter, before []float32) ([]float32, error) {
		t := locked.Weight(p.Name)
		if t == nil || t.Len() != len(before) {
			return before, nil
		}
		after, ok := numbers(t)
		if !ok {
			return before, nil
		}
		return after, nil
	}
}

// compare counts changed elements, and values where there are any.
func (t *Tensor) compare(before, after []float32) {
	if len(before) == 0 || &before[0] == &after[0] {
		return
	}
	var values []float64
	for i, v := range after {
		if math.Float32bits(v) == math.Float32bits(before[i]) {
			continue
		}
		if t.Changed++; t.Changed <= mostValues && finite(v) {
			values = append(values, float64(v))
		}
	}
	if t.Changed == 0 {
		return
	}
	if t.Changed > mostValues || t.Changed > max(8, len(after)/4) {
		values = nil // the distributions say more
	}
	h := &Histogram{Low: math.Inf(1), High: math.Inf(-1), Before: make([]int, histogramBins), Locked: make([]int, histogramBins), Values: values}
	for _, list := range [][]float32{before, after} {
		for _, v := range list {
			if finite(v) {
				h.Low, h.High = min(h.Low, float64(v)), max(h.High, float64(v))
			}
		}
	}
	if h.Low > h.High {
		return
	}
	if h.Low == h.High {
		h.High = h.Low + max(1e-6, math.Abs(h.Low)*1e-3)
	}
	h.count(h.Before, before)
	h.count(h.Locked, after)
	t.Histogram = h
}

func (h *Histogram) count(bins []int, values []float32) {
	for _, v := range values {
		if finite(v) {
			bins[min(len(bins)-1, int(float64(len(bins))*(float64(v)-h.Low)/(h.High-h.Low)))]++
		}
	}
}

func finite(v float32) bool { return !math.IsNaN(float64(v)) && !math.IsInf(float64(v), 0) }

// keepHistograms removes all but the largest.
func keepHistograms(list []Tensor) {
	var with []int
	for i, t := range list {
		if t.Histogram != nil {
			with = append(with, i)
		}
	}
	slices.SortStableFunc(with, func(a, b int) int { return cmp.Compare(list[b].Elements, list[a].Elements) })
	for _, i := range with[min(len(with), mostHistograms):] {
		list[i].Histogram = nil
	}
}

// row returns the elements of sample i of an array.
func row[T any](a nd.Array, x []T, i int) []T {
	n := len(x) / max(1, a.Shape[0])
	return x[i*n:][:n]
}
