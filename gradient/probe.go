package gradient

import (
	"cmp"
	"errors"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// probed is a number of samples that is seldom the length of another axis.
const probed = 5

// Probe runs a model on some samples, and on one, to find what shapes do not say:
//
//   - which axis of each output counts samples
//   - whether the model takes one sample at a time
//   - whether it has to, because the samples of a batch influence one another
//
// It returns the axes and the shapes of the outputs for one batch, with samples on axis 0.
// outputs are those that count; nil means all.
func (a *Axes) Probe(m *onnxio.Model, src Source, outputs []string, w *Workers) (*Axes, map[string][]int, error) {
	if src.Len() == 0 {
		return nil, nil, errNoSamples
	}
	defer m.Release() // it ran with the weights in the file, and a search has its own
	if open := a.opened(); open != nil {
		if shapes, ok := open.alike(m, src, outputs, w); ok {
			return open, shapes, nil
		}
	}
	p := &prober{a: a, m: m, src: src, outputs: outputs, w: w, n: probed}
	if a.Batch > 0 {
		p.n = a.Batch
	}
	plain := &Axes{Inputs: a.Inputs, Outputs: maps.Clone(a.Outputs), Single: a.Single, Batch: a.Batch}
	many, err := p.run(plain, 0, p.n)
	if wrong, is := errors.AsType[*RowsError](err); is {
		return nil, nil, wrong // whatever the model takes
	}
	if err == nil && plain.rows(many, p.n) {
		if one, shapes := p.apart(); one != nil {
			return one, shapes, nil
		}
		return plain, many, nil
	}
	if plain.Batch > 1 || p.n == 1 && err != nil {
		return plain, many, err
	}
	return p.compare(plain, many, err)
}

// prober is one run of Probe.
type prober struct {
	a       *Axes
	m       *onnxio.Model
	src     Source
	outputs []string
	w       *Workers
	n       int // samples of a batch

	heads, tails map[string]nd.Array // what the last run gave for its first sample, and for its last
}

// single returns axes for one sample at a time.
func (p *prober) single() *Axes {
	return &Axes{Inputs: p.a.Inputs, Outputs: maps.Clone(p.a.Outputs), Single: true, Batch: 1}
}

// run computes n samples from lo on, repeated if there are fewer, and returns the shapes of the
// outputs.
func (p *prober) run(axes *Axes, lo, n int) (map[string][]int, error) {
	given := min(n, p.src.Len()-lo)
	batch, err := batchOf(p.src, lo, lo+given)
	if err != nil {
		return nil, err
	}
	p.heads, p.tails = map[string]nd.Array{}, map[string]nd.Array{}
	batch = Fill(batch, max(n, axes.Batch))
	shapes := map[string][]int{}
	for name, x := range batch {
		shapes[name] = x.Shape
	}
	program, err := Compile(p.m, Config{Shapes: shapes, Values: batch, Outputs: p.outputs, Workers: p.w, Axes: axes})
	if err != nil {
		return nil, err
	}
	values, err := program.Forward(batch)
	if err != nil {
		return nil, err
	}
	found := map[string][]int{}
	names, _ := program.Outputs()
	for i, name := range names {
		found[name] = slices.Clone(values[i].Shape)
		if x := values[i]; len(x.Shape) > 0 && x.Shape[0] == max(n, axes.Batch) {
			p.heads[name], p.tails[name] = x.Rows(0, 1), x.Rows(given-1, given)
		}
	}
	return found, nil
}

// apart returns axes for one sample at a time, and the shapes, if the samples of the batch that
// was run last influence one another. It returns nil if they do not, or if the model does not
// leave the choice.
func (p *prober) apart() (*Axes, map[string][]int) {
	if p.a.Batch > 0 || p.a.Single || p.src.Len() < 2 {
		return nil, nil
	}
	first, last, share := p.heads, p.tails, mixing(p.m.Proto())
	one := p.single()
	shapes, err := p.run(one, 0, 1)
	if err != nil || !one.rows(shapes, 1) {
		return nil, nil
	}
	if !mixed(first, p.heads, share) {
		// A recurrent operator that takes samples for steps leaves the first as it is.
		if _, err := p.run(one, min(p.n, p.src.Len())-1, 1); err != nil || !mixed(last, p.heads, share) {
			return nil, nil
		}
	}
	return one, shapes
}

// compare compares the shapes for a batch, or the error of that run, with those for one sample.
func (p *prober) compare(plain *Axes, many map[string][]int, err error) (*Axes, map[string][]int, error) {
	one := p.single()
	alone, failed := many, err
	if p.n > 1 {
		alone, failed = p.run(one, 0, 1)
	}
	if failed != nil {
		return plain, nil, cmp.Or(err, failed)
	}
	if err == nil && p.n > 1 && plain.found(many, alone, p.n) {
		shapes, err := p.run(plain, 0, p.n)
		if err == nil {
			if one, alone := p.apart(); one != nil {
				return one, alone, nil
			}
		}
		maps.DeleteFunc(shapes, func(name string, _ []int) bool { return many[name] == nil })
		return plain, shapes, err
	}
	for name, shape := range alone {
		if _, set := p.a.Outputs[name]; !set && (len(shape) == 0 || shape[0] != 1) {
			one.Outputs[name] = NoAxis
		}
	}
	shapes, err := p.run(one, 0, 1)
	return one, shapes, err
}

// mixed reports whether outputs for a sample differ by more than a share of the largest number, so
// that the rest of a batch must have changed it.
func mixed(together, alone map[string]nd.Array, share float32) bool {
	for name, x := range together {
		y, ok := alone[name]
		if !ok || x.DType() != nd.Float32 || y.DType() != nd.Float32 || x.Len() != y.Len() {
			continue
		}
		size, most := float32(0), float32(0)
		for i, v := range x.Float32s() {
			w := y.Float32s()[i]
			size, most = max(size, v, -v), max(most, v-w, w-v)
		}
		if most > share*size {
			return true
		}
	}
	return false
}

// mixing returns the difference, relative to the largest number, that shows that samples of a batch
// influence one another. They may do so by sums over all of them, which are small in few samples;
// rounding changes less. Quantisation by the range of a batch changes a little more, and means
// nothing.
func mixing(m *onnxpb.ModelProto) float32 {
	nodes := slices.Clone(m.GetGraph().GetNode())
	for _, f := range m.GetFunctions() {
		nodes = append(nodes, f.GetNode()...)
	}
	for len(nodes) > 0 {
		n := nodes[len(nodes)-1]
		nodes = nodes[:len(nodes)-1]
		if strings.HasPrefix(n.GetOpType(), "DynamicQuantize") {
			return 0.1
		}
		for _, a := range n.GetAttribute() {
			nodes = append(nodes, a.GetG().GetNode()...)
		}
	}
	return rounding
}

// rounding is the largest difference, relative to the largest number, that is taken for rounding.
const rounding = 1e-4

// opened returns axes for any number of samples at a time of a model that declares a batch
// of one; nil for others.
func (a *Axes) opened() *Axes {
	if a.Batch != 1 || a.Single {
		return nil
	}
	return &Axes{Inputs: a.Inputs, Outputs: maps.Clone(a.Outputs), Open: true}
}

// alike reports whether a model that declares a batch of one computes several samples at a
// time as it computes them one by one. Many do: nothing in their graphs depends on it.
func (a *Axes) alike(m *onnxio.Model, src Source, outputs []string, w *Workers) (shapes map[string][]int, ok bool) {
	n := min(probed, src.Len())
	if n < 2 {
		return nil, false
	}
	batch, err := batchOf(src, 0, n)
	if err != nil {
		return nil, false
	}
	run := func(batch map[string]nd.Array) (*Program, []nd.Array, error) {
		sizes := map[string][]int{}
		for name, x := range batch {
			sizes[name] = x.Shape
		}
		p, err := Compile(m, Config{Shapes: sizes, Values: batch, Outputs: outputs, Workers: w, Axes: a})
		if err != nil {
			return nil, nil, err
		}
		out, err := p.Forward(batch)
		return p, out, err
	}
	p, many, err := run(batch)
	if err != nil {
		return nil, false
	}
	shapes = map[string][]int{}
	names, _ := p.Outputs()
	for k, y := range many {
		if len(y.Shape) == 0 || y.Shape[0] != n {
			return nil, false
		}
		shapes[names[k]] = slices.Clone(y.Shape)
	}
	for i := range n {
		one, err := batchOf(src, i, i+1)
		if err != nil {
			return nil, false
		}
		_, alone, err := run(one)
		if err != nil {
			return nil, false
		}
		for k, y := range alone {
			if y.DType() == nd.Float32 && !nearly(y.Float32s(), many[k].Rows(i, i+1).Float32s()) {
				return nil, false
			}
		}
	}
	return shapes, true
}

// nearly reports whether numbers are equal but for rounding.
func nearly(x, y []float32) bool {
	size := float32(0)
	for _, v := range x {
		size = max(size, v, -v)
	}
	for i := range x {
		if d := x[i] - y[i]; !(d <= rounding*size && d >= -rounding*size) && x[i] != y[i] {
			return false
		}
	}
	return len(x) == len(y)
}

// rows reports whether all outputs have n rows.
func (a *Axes) rows(shapes map[string][]int, n int) bool {
	for _, shape := range shapes {
		if len(shape) == 0 || shape[0] != n {
			return false
		}
	}
	return true
}

// found finds the axes of outputs that are n times as long for n samples as for one. It
// reports whether there is one for each output.
func (a *Axes) found(many, one map[string][]int, n int) bool {
	for name, shape := range many {
		if _, set := a.Outputs[name]; set || len(shape) > 0 && shape[0] == n && len(one[name]) > 0 && one[name][0] == 1 {
			continue
		}
		if len(many) > 1 && slices.Equal(shape, one[name]) {
			delete(many, name) // the same for all samples, such as anchors
			continue
		}
		if len(shape) != len(one[name]) {
			return false
		}
		at := NoAxis
		for k := range shape {
			if shape[k] == n && one[name][k] == 1 {
				at = k
				break
			}
		}
		if at == NoAxis {
			return false
		}
		a.Outputs[name] = at
	}
	return len(many) > 0
}

// sameRows reports whether all rows of an array are equal.
func sameRows(x nd.Array) bool {
	if len(x.Shape) == 0 {
		return true
	}
	for i := 1; i < x.Shape[0]; i++ {
		if !identical(x.Rows(0, 1), x.Rows(i, i+1)) {
			return false
		}
	}
	return true
}

// identical reports whether two arrays have the same elements, bit for bit: NaN is what it is.
func identical(x, y nd.Array) bool {
	switch a := x.Data.(type) {
	case []float32:
		b, ok := y.Data.([]float32)
		return ok && slices.EqualFunc(a, b, func(v, w float32) bool { return math.Float32bits(v) == math.Float32bits(w) })
	case []int64:
		b, ok := y.Data.([]int64)
		return ok && slices.Equal(a, b)
	case []bool:
		b, ok := y.Data.([]bool)
		return ok && slices.Equal(a, b)
	}
	return false
}
