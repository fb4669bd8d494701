package attack

import (
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// An attacker does not train integers. The numbers that quantised weights stand for take
// their place: whatever the graph computes from them without the model's inputs, such as
// DequantizeLinear, Cast and a product, or a transposition behind it, is computed once and
// becomes a weight in floating point, and its nodes go. Quantisation of what layers pass on
// stays; gradients go straight through it. Weights of integer operators (ConvInteger,
// QLinearConv and the like) stay as they are.

// folded is how floating-point weights came of quantised ones.
type folded struct {
	nodes   []*onnxpb.NodeProto // of the graph as it was
	sources []string            // quantised weights
	types   map[string]onnxpb.TensorProto_DataType
	names   []string // of the floating-point weights
	program *gradient.Program
	inputs  map[string]nd.Array
}

// dequantise replaces quantised weights by floating-point ones, those of Options.Original
// and Options.Public too. It changes the nodes of the model's graph until close is called.
func (l *lab) dequantise() error {
	f := &folded{nodes: l.model.Proto().GetGraph().GetNode(), types: map[string]onnxpb.TensorProto_DataType{}}
	rest := f.find(l.model)
	if len(f.names) == 0 {
		return nil
	}
	var err error
	if f.inputs, _, err = l.minibatch(l.train, 0, 1); err != nil {
		return err
	}
	if f.program, err = l.folding(f, l.weights); err != nil {
		return err
	}
	if l.weights, err = f.add(l.weights, f.program); err != nil {
		return err
	}
	for _, other := range []**gradient.Weights{&l.opt.Original, &l.opt.Public} {
		if *other == nil || !f.knows(*other) {
			continue // a public model that is not quantised
		}
		p, err := l.folding(f, *other)
		if err != nil {
			return err
		}
		if *other, err = f.add(*other, p); err != nil {
			return err
		}
	}
	l.folded = f
	l.model.Proto().Graph.Node = rest
	return nil
}

// close puts back the nodes of the model's graph.
func (l *lab) close() {
	if l.folded != nil {
		l.model.Proto().Graph.Node = l.folded.nodes
	}
}

// find finds quantised weights and the values that are made of them alone, and returns the
// nodes that are left without these. Of values that are made one of another, the last one
// counts.
func (f *folded) find(m *onnxio.Model) (rest []*onnxpb.NodeProto) {
	g := m.Proto().GetGraph()
	known := map[string]bool{} // values that do not depend on inputs: whether they depend on quantised weights
	for _, p := range m.Parameters() {
		if p.Tensor != nil && p.Graph == "" && p.Place == onnxio.InInitializer {
			known[p.Name] = p.Quantised && p.Trained
			if known[p.Name] {
				f.sources = append(f.sources, p.Name)
				f.types[p.Name] = p.Tensor.DataType
			}
		}
	}
	output := map[string]bool{}
	for _, o := range g.GetOutput() {
		output[o.GetName()] = true
	}
	made := map[string]bool{} // of quantised weights, by nodes that go
	for _, n := range f.nodes {
		constant, ofWeights := foldable(n), false
		for _, in := range n.GetInput() {
			of, ok := known[in]
			constant = constant && (ok || in == "")
			ofWeights = ofWeights || of
		}
		constant = constant && !slices.ContainsFunc(n.GetOutput(), func(name string) bool { return output[name] })
		if constant {
			for _, out := range n.GetOutput() {
				known[out] = ofWeights
				made[out] = ofWeights
			}
		}
		if !constant || !ofWeights {
			rest = append(rest, n)
		}
	}
	used := gradient.Needed(&onnxpb.GraphProto{Node: rest}, slices.Collect(maps.Keys(output))...)
	for _, n := range f.nodes { // in the order of the graph
		for _, out := range n.GetOutput() {
			if made[out] && used[out] {
				f.names = append(f.names, out)
			}
		}
	}
	return rest
}

// foldable reports whether a node computes the same from the same inputs, and has no graphs
// in it.
func foldable(n *onnxpb.NodeProto) bool {
	return len(n.GetInput()) > 0 && !strings.HasPrefix(n.GetOpType(), "Random") && n.GetOpType() != "Bernoulli" && n.GetOpType() != "Multinomial" &&
		!slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.G != nil || len(a.Graphs) > 0 })
}

// knows reports whether there are values of all quantised weights.
func (f *folded) knows(w *gradient.Weights) bool {
	return !slices.ContainsFunc(f.sources, func(name string) bool { _, ok := w.Array(name); return !ok })
}

// folding compiles what computes the floating-point weights.
func (l *lab) folding(f *folded, w *gradient.Weights) (*gradient.Program, error) {
	cfg := l.config(f.inputs)
	cfg.Weights, cfg.Logits, cfg.Outputs = w, false, f.names
	return l.compile(f.nodes, cfg)
}

// add returns weights with the floating-point ones.
func (f *folded) add(w *gradient.Weights, p *gradient.Program) (*gradient.Weights, error) {
	values, err := p.Forward(f.inputs)
	if err != nil {
		return nil, err
	}
	for i, v := range values {
		w = w.With(f.names[i], nd.Of(slices.Clone(v.Float32s()), v.Shape...))
	}
	return w, nil
}

// source reports whether a weight is a quantised one that others stand for.
func (l *lab) source(name string) bool {
	return l.folded != nil && slices.Contains(l.folded.sources, name)
}

// made reports whether a weight is what a quantised one stands for.
func (l *lab) made(name string) bool {
	return l.folded != nil && slices.Contains(l.folded.names, name)
}

// redrawCodes draws quantised weights anew, as sealing does: narrow integers from all there
// are, wide ones with the bit lengths of their block in random places.
func (l *lab) redrawCodes() error {
	f := l.folded
	for _, name := range f.sources {
		x := l.values(name)
		switch low, n := codes(f.types[name]); {
		case n > 0:
			for i := range x {
				x[i] = float32(low + l.rng.IntN(n))
			}
			continue
		case f.types[name] != onnxpb.TensorProto_INT32: // floating point of 8 bits and less
			l.redrawFloats(x)
			continue
		}
		for block := range slices.Chunk(x, seal.BlockLen) {
			l.rng.Shuffle(len(block), func(i, j int) { block[i], block[j] = block[j], block[i] })
			for i, v := range block {
				if n := bits.Len64(uint64(math.Abs(float64(v)))); n > 0 {
					block[i] = float32(uint64(1)<<(n-1) | l.rng.Uint64()&(1<<(n-1)-1))
					if l.rng.IntN(2) == 0 {
						block[i] = -block[i]
					}
				}
			}
		}
	}
	values, err := f.program.Forward(f.inputs)
	if err != nil {
		return err
	}
	for i, name := range f.names {
		copy(l.values(name), values[i].Float32s())
	}
	return nil
}

// codes returns the n numbers of a narrow integer type, from low on. n is 0 for other types.
func codes(t onnxpb.TensorProto_DataType) (low, n int) {
	switch t {
	case onnxpb.TensorProto_INT2:
		return -2, 4
	case onnxpb.TensorProto_UINT2:
		return 0, 4
	case onnxpb.TensorProto_INT4:
		return -8, 16
	case onnxpb.TensorProto_UINT4:
		return 0, 16
	case onnxpb.TensorProto_INT8:
		return -128, 256
	case onnxpb.TensorProto_UINT8:
		return 0, 256
	case onnxpb.TensorProto_INT16:
		return -1 << 15, 1 << 16
	case onnxpb.TensorProto_UINT16:
		return 0, 1 << 16
	}
	return 0, 0
}
