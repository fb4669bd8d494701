package attack

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Deep networks train better with a batch normalisation (Ioffe and Szegedy,
// arXiv 1502.03167) after every layer but the last. Its mean and variance are those of the
// batch at every step; its scale and shift are trained. Exporters fold batch
// normalisations into the layers before them. An attacker can insert them again, and fold
// them when done. To measure an epoch, its weights are folded with statistics of their
// own into the graph of the locked model.
//
// Renormalising (renormalise.go) does once what this does at every step.

// foldSamples is the number of samples that statistics are computed on. A moving average
// with the usual momentum covers about as many.
const foldSamples = 2048

// normalised is the graph with batch normalisations inserted.
type normalised struct {
	norms    []norm
	nodes    []*onnxpb.NodeProto // of the graph
	names    []string            // of the weights that are trained
	observer *gradient.Program   // computes what the norms normalise
	inputs   []map[string]nd.Array
}

// norm is a batch normalisation after a layer.
type norm struct {
	layer *layer
	raw   string // what it normalises
	axis  int    // of the units in it
	rank  int
	// scale and shift are initializers: added ones, which are folded into the
	// layer, or those of the batch normalisation that follows, whose statistics
	// are the other two.
	scale, shift   string
	mean, variance string
	epsilon        float64
}

// foldable returns normalisations for the layers that one can be inserted after and
// folded into again.
func (l *lab) foldable() []norm {
	if l.opset() < 9 { // which knows no MeanVarianceNormalization
		return nil
	}
	used := map[string]int{}
	for _, y := range l.anatomy.layers {
		used[y.weight]++
	}
	var list []norm
	for _, y := range l.normalisable() {
		if y == &l.anatomy.layers[len(l.anatomy.layers)-1] || used[y.weight] > 1 {
			continue
		}
		n := norm{layer: y, raw: "\x00raw " + y.output, scale: "\x00scale " + y.output, shift: "\x00shift " + y.output}
		if follows := l.normalisationOf(y); follows != nil {
			in := follows.GetInput()
			n.scale, n.shift, n.mean, n.variance = in[1], in[2], in[3], in[4]
			n.epsilon = epsilonOf(follows)
		} else if l.biasOf(y) == nil {
			continue
		}
		list = append(list, n)
	}
	return list
}

// normalisationOf returns the batch normalisation that takes a layer's output; nil if
// there is none or something else takes it as well.
func (l *lab) normalisationOf(y *layer) (found *onnxpb.NodeProto) {
	for _, n := range l.model.Proto().GetGraph().GetNode() {
		for _, in := range n.GetInput() {
			if in != y.output {
				continue
			}
			if found != nil || n.GetOpType() != "BatchNormalization" || !l.ownStatistics(n, y.units) {
				return nil
			}
			found = n
		}
	}
	return found
}

// ownStatistics reports whether scale, bias, mean and variance are weights.
func (l *lab) ownStatistics(n *onnxpb.NodeProto, units int) bool {
	for _, name := range n.GetInput()[1:] {
		if a, ok := l.weights.Array(name); !ok || a.Len() != units {
			return false
		}
	}
	return len(n.GetInput()) == 5
}

func epsilonOf(n *onnxpb.NodeProto) float64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == "epsilon" {
			return float64(a.GetF())
		}
	}
	return 1e-5
}

// normalise inserts neutral normalisations into the graph: scale 1, shift 0.
func (l *lab) normalise() error {
	if l.normalised == nil {
		if err := l.putIn(l.foldable()); err != nil {
			return err
		}
	}
	for _, n := range l.normalised.norms {
		if n.mean != "" {
			clear(l.values(n.mean))
			fill(l.values(n.variance), 1)
			continue
		}
		fill(l.values(n.scale), 1)
		clear(l.values(n.shift))
	}
	return nil
}

// putIn builds the graph with the normalisations.
func (l *lab) putIn(norms []norm) error {
	s := &normalised{norms: norms}
	var err error
	if s.inputs, err = l.statisticsInputs(foldSamples); err != nil {
		return err
	}
	ranks, err := l.ranks(norms, s.inputs[0])
	if err != nil {
		return err
	}
	behind := map[string]*norm{}
	idle := map[string]bool{} // biases that a normalisation takes away again
	for k := range norms {
		n := &norms[k]
		behind[n.layer.output] = n
		idle[n.layer.bias] = true
		if n.axis, n.rank = n.layer.axis, ranks[k]; n.axis < 0 {
			n.axis += n.rank
		}
		if n.mean == "" {
			along := slices.Repeat([]int{1}, n.rank-n.axis)
			along[0] = n.layer.units
			for _, name := range []string{n.scale, n.shift} {
				l.weights = l.weights.With(name, nd.New(nd.Float32, along...))
			}
			l.anatomy.roles[n.scale], l.anatomy.roles[n.shift] = gain, bias
			s.names = append(s.names, n.scale, n.shift)
		}
	}
	for _, node := range l.model.Proto().GetGraph().GetNode() {
		var n *norm
		if len(node.GetOutput()) > 0 {
			n = behind[node.GetOutput()[0]]
		}
		if n == nil {
			s.nodes = append(s.nodes, node)
			continue
		}
		node = proto.CloneOf(node)
		node.Output[0] = n.raw
		s.nodes = append(s.nodes, node)
		s.nodes = append(s.nodes, n.nodes()...)
	}
	for _, name := range l.names {
		if !idle[name] {
			s.names = append(s.names, name)
		}
	}
	var raw []string
	for _, n := range norms {
		raw = append(raw, n.raw)
	}
	l.normalised = s
	s.observer, err = l.observe(s.nodes, raw, s.inputs[0])
	return err
}

func layersOf(norms []norm) (layers []*layer) {
	for _, n := range norms {
		layers = append(layers, n.layer)
	}
	return layers
}

// ranks returns the numbers of axes of what layers compute.
func (l *lab) ranks(norms []norm, inputs map[string]nd.Array) ([]int, error) {
	p, err := l.observe(l.model.Proto().GetGraph().GetNode(), outputsOf(layersOf(norms)), inputs)
	if err != nil {
		return nil, err
	}
	out, err := p.Forward(inputs)
	if err != nil {
		return nil, err
	}
	ranks := make([]int, len(norms))
	for k := range norms {
		ranks[k] = len(out[k].Shape)
	}
	return ranks, nil
}

// nodes returns the nodes that normalise a layer's output.
func (n *norm) nodes() []*onnxpb.NodeProto {
	node := func(op string, out string, in ...string) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{Name: proto.String(out), OpType: proto.String(op), Input: in, Output: []string{out}}
	}
	var axes []int64
	for a := range n.rank {
		if a != n.axis {
			axes = append(axes, int64(a))
		}
	}
	out := n.layer.output
	if n.mean == "" {
		out = "\x00normalised " + n.layer.output
	}
	m := node("MeanVarianceNormalization", out, n.raw)
	m.Attribute = []*onnxpb.AttributeProto{{Name: proto.String("axes"), Type: onnxpb.AttributeProto_INTS.Enum(), Ints: axes}}
	if n.mean != "" {
		return []*onnxpb.NodeProto{m}
	}
	scaled := "\x00scaled " + n.layer.output
	return []*onnxpb.NodeProto{m, node("Mul", scaled, out, n.scale), node("Add", n.layer.output, scaled, n.shift)}
}

// fold sets the weights of the locked model's graph so that it computes what the
// normalised graph computes with statistics of all samples.
func (l *lab) fold(ctx context.Context) error {
	s := l.normalised
	all, err := gather(ctx, s.observer, s.inputs, layersOf(s.norms), identity)
	if err != nil {
		return err
	}
	for k, n := range s.norms {
		l.foldNorm(n, all[k])
	}
	return nil
}

func (l *lab) foldNorm(n norm, m *moments) {
	if n.mean != "" {
		mean, variance := l.values(n.mean), l.values(n.variance)
		for u := range mean {
			center, deviation := m.of(u)
			mean[u] = float32(center)
			variance[u] = float32(max(deviation*deviation-n.epsilon, 0))
		}
		return
	}
	w, b := l.values(n.layer.weight), l.biasOf(n.layer)
	scale, shift := l.values(n.scale), l.values(n.shift)
	factor := make([]float64, n.layer.units)
	for u := range factor {
		center, deviation := m.of(u)
		factor[u] = float64(scale[u]) / (deviation + 1e-9)
		b[u] = float32((float64(b[u])-center)*factor[u] + float64(shift[u]))
	}
	for i := range w {
		w[i] = float32(float64(w[i]) * factor[n.layer.unitOf(i)])
	}
}

// opset returns the version of the default operator set.
func (l *lab) opset() int64 {
	for _, o := range l.model.Proto().GetOpsetImport() {
		if onnxpb.Domain(o.GetDomain()) == "" {
			return o.GetVersion()
		}
	}
	return 1
}

// batchNorm trains with normalisations inserted. It starts from the locked weights, from
// these without the ones of largest |gradient × weight|, and with the first layers
// initialised anew.
func batchNorm(l *lab) []variant {
	if len(l.foldable()) == 0 {
		return nil
	}
	list := []variant{
		l.withNorms("all layers", nil),
		l.withNorms("top 1 % of |gradient × weight| zeroed", zeroShare(0.01).change),
		l.withNorms("first layer initialised anew", reinitFirst(1).change),
	}
	if len(l.anatomy.layers) > 2 {
		list = append(list, l.withNorms("first two layers initialised anew", reinitFirst(2).change))
	}
	return list
}

// withNorms returns the setting that inserts normalisations after some change. With them
// the scale of weights affects only the speed of training, so that weights keep it.
func (l *lab) withNorms(name string, change func(context.Context, *lab) (string, error)) variant {
	return variant{name: name, tune: normalisedGraph, change: func(ctx context.Context, l *lab) (note string, err error) {
		if change != nil {
			if note, err = change(ctx, l); err != nil {
				return "", err
			}
		}
		if err = l.revive(ctx); err == nil {
			err = l.normalise()
		}
		return note, err
	}}
}

// revive draws the weights of units anew whose output is the same for all samples and
// cannot be normalised.
func (l *lab) revive(ctx context.Context) error {
	layers := layersOf(l.foldable())
	inputs, err := l.statisticsInputs(normaliseSamples)
	if err != nil {
		return err
	}
	p, err := l.observe(l.model.Proto().GetGraph().GetNode(), outputsOf(layers), inputs[0])
	if err != nil {
		return err
	}
	for range 3 { // a unit that has come alive revives those behind it
		m, err := gather(ctx, p, inputs, layers, identity)
		if err != nil {
			return err
		}
		count := 0
		for k, y := range layers {
			for u := range y.units {
				if _, deviation := m[k].of(u); !(deviation > silent) {
					l.reinitUnit(y, u)
					count++
				}
			}
		}
		if count == 0 {
			break
		}
	}
	return nil
}
