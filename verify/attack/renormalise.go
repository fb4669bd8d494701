package attack

import (
	"context"
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"google.golang.org/protobuf/proto"
)

// A changed weight shifts and scales the output of its unit and everything that follows.
// Giving each unit mean 0 and variance 1 on the attacker's samples, layer by layer, undoes
// that without finding the weight. Mishkin and Matas (arXiv 1511.06422, LSUV) normalise a
// layer as a whole. Here every unit is normalised by itself, as by an inserted batch
// normalisation.

func renormaliseTune(l *lab) []variant {
	if len(l.normalisable()) == 0 {
		return nil
	}
	return []variant{{name: "all units", tune: everything, change: func(ctx context.Context, l *lab) (string, error) {
		return "", l.renormalise(ctx)
	}}}
}

// normalisable returns the layers whose units are known.
func (l *lab) normalisable() []*layer {
	var list []*layer
	for i := range l.anatomy.layers {
		y := &l.anatomy.layers[i]
		if y.units > 0 && slices.Contains(l.names, y.weight) {
			list = append(list, y)
		}
	}
	return list
}

// normaliseSamples is the number of samples that statistics are computed on.
const normaliseSamples = 400

// silent is the standard deviation below which a unit counts as dead and is drawn anew.
const silent = 1e-6

// renormalise scales and shifts the weights of every unit so that its output has mean 0 and
// variance 1. Batch normalisations in the graph become neutral.
func (l *lab) renormalise(ctx context.Context) error {
	layers := l.normalisable()
	if len(layers) == 0 {
		return nil
	}
	for _, name := range l.weights.Names() {
		switch l.anatomy.role(name) {
		case mean:
			clear(l.values(name))
		case variance:
			fill(l.values(name), 1)
		}
	}
	inputs, err := l.statisticsInputs(normaliseSamples)
	if err != nil {
		return err
	}
	p, err := l.observe(l.model.Proto().GetGraph().GetNode(), outputsOf(layers), inputs[0])
	if err != nil {
		return err
	}
	for k, y := range layers {
		if err := ctx.Err(); err != nil {
			return err
		}
		m := newMoments(y.units)
		for _, in := range inputs {
			out, err := p.Forward(in)
			if err != nil {
				return err
			}
			m.add(out[k], y.axis, identity)
		}
		l.normaliseLayer(y, m)
	}
	return nil
}

// normaliseLayer applies the inverse of the moments to a layer's weights.
func (l *lab) normaliseLayer(y *layer, m *moments) {
	w, b := l.values(y.weight), l.biasOf(y)
	for u := range y.units {
		center, deviation := m.of(u)
		if !(deviation > silent) || math.IsInf(deviation, 0) {
			l.reinitUnit(y, u)
			m.sum[u], m.squares[u], m.n[u] = 0, 1, 1 // as it is
			continue
		}
		if b != nil {
			b[u] = float32((float64(b[u]) - center) / deviation)
		}
	}
	for i := range w {
		_, deviation := m.of(y.unitOf(i))
		w[i] = float32(float64(w[i]) / deviation)
	}
}

// statisticsInputs returns batches of about n samples to compute statistics on.
func (l *lab) statisticsInputs(n int) ([]map[string]nd.Array, error) {
	batches := max(1, min(n, l.train.Len())/l.batch)
	var inputs []map[string]nd.Array
	for k := range batches {
		in, _, err := l.minibatch(l.train, k*l.batch, min((k+1)*l.batch, l.train.Len()))
		if err != nil {
			return nil, err
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// outputsOf returns the names of the outputs of layers.
func outputsOf(layers []*layer) (names []string) {
	for _, y := range layers {
		names = append(names, y.output)
	}
	return names
}

// observe compiles a program that returns values inside a graph of these nodes.
func (l *lab) observe(nodes []*onnxpb.NodeProto, names []string, inputs map[string]nd.Array) (*gradient.Program, error) {
	cfg := l.config(inputs)
	cfg.Logits = false
	cfg.Outputs = names
	return l.compile(nodes, cfg)
}

// compile compiles a graph of these nodes in place of the model's. Values inside the graph
// become outputs while it compiles.
func (l *lab) compile(nodes []*onnxpb.NodeProto, cfg gradient.Config) (*gradient.Program, error) {
	g := l.model.Proto().GetGraph()
	own, outputs := g.Node, g.Output
	defer func() { g.Node, g.Output = own, outputs }()
	g.Node, g.Output = nodes, slices.Clone(outputs)
	for _, name := range cfg.Outputs {
		if !slices.ContainsFunc(outputs, func(o *onnxpb.ValueInfoProto) bool { return o.GetName() == name }) {
			g.Output = append(g.Output, &onnxpb.ValueInfoProto{Name: proto.String(name)})
		}
	}
	return gradient.Compile(l.model, cfg)
}

// moments accumulates mean and variance by unit.
type moments struct{ sum, squares, n []float64 }

func newMoments(units int) *moments {
	return &moments{make([]float64, units), make([]float64, units), make([]float64, units)}
}

// add adds f of the values of a batch, whose units lie along an axis.
func (m *moments) add(a nd.Array, axis int, f func(float32) float32) {
	if axis < 0 {
		axis += len(a.Shape)
	}
	inner, units := nd.Size(a.Shape[axis+1:]), a.Shape[axis]
	for i, v := range a.Float32s() {
		m.take(i/inner%units, f(v))
	}
}

func (m *moments) take(unit int, v float32) {
	m.sum[unit] += float64(v)
	m.squares[unit] += float64(v) * float64(v)
	m.n[unit]++
}

func identity(v float32) float32 { return v }

// gather runs a program whose outputs are those of layers, and returns the moments of f of
// their elements.
func gather(ctx context.Context, p *gradient.Program, inputs []map[string]nd.Array, layers []*layer, f func(float32) float32) ([]*moments, error) {
	all := make([]*moments, len(layers))
	for k, y := range layers {
		all[k] = newMoments(y.units)
	}
	for _, in := range inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		out, err := p.Forward(in)
		if err != nil {
			return nil, err
		}
		for k, y := range layers {
			all[k].add(out[k], y.axis, f)
		}
	}
	return all, nil
}

// of returns a unit's mean and standard deviation.
func (m *moments) of(unit int) (mean, deviation float64) {
	mean = m.sum[unit] / m.n[unit]
	return mean, math.Sqrt(max(m.squares[unit]/m.n[unit]-mean*mean, 0))
}
