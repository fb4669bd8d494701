package perturb

import (
	"math"
	"slices"

	"github.com/advparams/advparams/gradient"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A bias shifts a whole channel, often by more than the gradient can tell. How far that moves what
// reads the channel can be told without data, from the weights that read it: let those of an output
// be w, and those of them at the channel add up to v. Inputs of about 1 make a sum of about |w|, and
// a shift by d moves it by d·v. The part d·v/|w|, as the root mean square over the outputs, is the
// reach of a shift.

// shifting is the number of shifts that a round tries, perBias how many of them are of one bias,
// and leastReach the reach that is worth it.
const (
	shifting   = 24
	perBias    = 8
	leastReach = 0.1
)

// shifts returns the shifts of the largest reach that are still to be made, at most so many, largest first. There are
// none near the target, where changes of that size are not what is missing.
func (s *minimal) shifts(most int) []candidate {
	if s.without.Shift || len(s.result.Changes) > 0 && s.near() {
		return nil
	}
	if s.reaching == nil {
		s.reaching = reaching(s.search)
	}
	var list []candidate
	for _, c := range s.reaching {
		if len(list) < min(shifting, most) && !s.changed[c.site] {
			list = append(list, c)
		}
	}
	return list
}

// reaching returns the shifts of the largest reach, largest first. It is never nil.
func reaching(s *search) []candidate {
	g := s.model.Proto().GetGraph()
	f := follower{search: s, makers: gradient.Makers(g), users: map[string][]*onnxpb.NodeProto{}, parts: map[reading][]float64{}}
	for _, n := range g.GetNode() {
		for _, name := range n.GetInput() {
			f.users[name] = append(f.users[name], n)
		}
	}
	list := []candidate{}
	for _, n := range g.GetNode() {
		for _, bias := range biasesOf(n) {
			if _, ok := s.bounds[bias]; ok {
				list = append(list, best(f.shifts(bias, n.GetOutput()[0]), perBias)...)
			}
		}
	}
	return best(list, len(list))
}

// biasesOf returns the inputs of a node that it adds to channels, if they are weights.
func biasesOf(n *onnxpb.NodeProto) []string {
	in := n.GetInput()
	switch {
	case len(n.GetOutput()) == 0:
		return nil
	case n.GetOpType() == "Add":
		return in
	case slices.Contains([]string{"Conv", "ConvTranspose", "Gemm", "BatchNormalization"}, n.GetOpType()):
		return in[min(2, len(in)):min(3, len(in))]
	}
	return nil
}

// follower follows channels to the layers that read them.
type follower struct {
	*search
	makers map[string]*onnxpb.NodeProto
	users  map[string][]*onnxpb.NodeProto
	parts  map[reading][]float64 // by what reads
}

// reading is how a layer reads channels.
type reading struct {
	weight, operator string
	transposed       bool // the weight of a product
	first, channels  int
	last             bool // channels are the last axis of what is flattened, not the first
}

// shift is one of all channels of a value by 1.
type shift struct {
	squares   []float64 // of the reach, by channel
	rectified bool      // channels that are shifted down end at 0
	seen      map[string]bool
}

// shifts returns the shifts by elements of a bias of a value, with their reach as gain.
func (f *follower) shifts(bias, value string) (list []candidate) {
	a, _ := f.weights.Array(bias)
	x, ends := a.Float32s(), f.bounds[bias]
	s := shift{squares: make([]float64, len(x)), seen: map[string]bool{}}
	f.follow(&s, value, 0, false)
	for i, v := range x {
		to := ends.high
		if !s.rectified && v-ends.low.value > ends.high.value-v {
			to = ends.low
		}
		if reach := math.Abs(float64(to.value-v)) * math.Sqrt(s.squares[i]); reach > leastReach && !math.IsInf(reach, 0) {
			list = append(list, candidate{site{bias, i}, to, reach})
		}
	}
	return list
}

// follow notes what layers read of a value that has the shifted channels from a first one on. Of
// several layers, that counts which they reach furthest.
func (f *follower) follow(s *shift, value string, first int, last bool) {
	if s.seen[value] {
		return
	}
	s.seen[value] = true
	for _, n := range f.users[value] {
		in, first, last := n.GetInput(), first, last
		switch op := n.GetOpType(); op {
		case "Conv", "ConvTranspose", "Gemm", "MatMul":
			if len(in) < 2 || in[0] != value {
				continue
			}
			for i, part := range f.reads(reading{in[1], op, transposed(n), first, len(s.squares), last}) {
				s.squares[i] = max(s.squares[i], part)
			}
			continue
		case "Relu", "Clip", "LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "HardSwish", "Mish", "Swish", "Softplus", "Mul":
			s.rectified = true // Mul is the product with a sigmoid
		case "Concat":
			before, ok := f.before(n, value)
			if !ok || last {
				continue
			}
			first += before
		case "Transpose":
			perm := intsOf(n, "perm")
			if len(perm) < 3 || perm[0] != 0 {
				continue
			}
			last = perm[len(perm)-1] == 1
		case "Add", "Sum", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "Pad", "Resize",
			"Dropout", "Identity", "Flatten", "Reshape", "Squeeze", "BatchNormalization":
		default:
			continue
		}
		if out := n.GetOutput(); len(out) > 0 {
			f.follow(s, out[0], first, last)
		}
	}
}

// before returns the number of channels that a Concat puts before those of one of its inputs.
func (f *follower) before(n *onnxpb.NodeProto, value string) (before int, ok bool) {
	for _, name := range n.GetInput() {
		if name == value {
			return before, true
		}
		k := f.channels(name)
		if k == 0 {
			break
		}
		before += k
	}
	return 0, false
}

// channels returns the number of channels of a value; 0 if the operators do not tell.
func (f *follower) channels(value string) (channels int) {
	n := f.makers[value]
	if n == nil || len(n.GetInput()) == 0 {
		return 0
	}
	in := n.GetInput()
	switch n.GetOpType() {
	case "Conv":
		if a, ok := f.weights.Array(in[min(1, len(in)-1)]); ok && len(a.Shape) > 2 {
			return a.Shape[0]
		}
		return 0
	case "Concat":
		for _, name := range in {
			k := f.channels(name)
			if k == 0 {
				return 0
			}
			channels += k
		}
		return channels
	case "Relu", "Clip", "LeakyRelu", "Mul", "Add", "MaxPool", "AveragePool", "BatchNormalization", "Dropout", "Identity", "Resize":
		return f.channels(in[0])
	}
	return 0
}

// reads returns the squares of the parts that channels which are 1 have of what a layer computes, in
// the mean over its outputs. It is nil if the layer cannot read so many.
func (f *follower) reads(r reading) []float64 {
	parts, known := f.parts[r]
	if !known {
		if l := f.layer(r); l != nil {
			parts = l.parts()[r.first : r.first+r.channels]
		}
		f.parts[r] = parts
	}
	return parts
}

// layer returns the weight of a layer that reads channels; nil if it cannot read so many.
func (f *follower) layer(r reading) *layer {
	if n := f.makers[r.weight]; n != nil && n.GetOpType() == "DequantizeLinear" {
		r.weight = n.GetInput()[0] // a scale of its own for each output changes nothing
	}
	a, ok := f.weights.Array(r.weight)
	if !ok || len(a.Shape) < 2 || a.Len() == 0 {
		return nil
	}
	l := layer{w: a.Float32s(), outs: a.Shape[0], ins: a.Shape[1], groups: 1}
	l.taps = a.Len() / (l.outs * l.ins)
	switch {
	case r.operator == "Conv":
		l.output, l.input, l.tap = l.ins*l.taps, l.taps, 1
		if r.first == 0 {
			l.groups = max(1, r.channels/l.ins)
		}
	case r.operator == "ConvTranspose":
		l.ins, l.outs = l.outs, l.ins
		l.output, l.input, l.tap = l.taps, l.outs*l.taps, 1
	case len(a.Shape) == 2:
		l.output, l.input = l.ins, 1
		if !r.transposed {
			l.ins, l.outs = l.outs, l.ins
			l.output, l.input = 1, l.outs
		}
		l.tap = l.input
		if l.ins > r.channels && r.first == 0 { // it reads all places of flattened maps
			l.taps = l.ins / r.channels
			if r.last {
				l.tap *= r.channels
			} else {
				l.input *= l.taps
			}
			l.ins /= l.taps
		}
	}
	if l.groups*l.ins < r.first+r.channels || l.outs%l.groups != 0 {
		return nil
	}
	return &l
}

// layer is a weight as [outputs][inputs][taps], where the inputs of an output are those of its group.
type layer struct {
	w                  []float32
	outs, ins, taps    int
	groups             int
	output, input, tap int // strides
}

// enoughOutputs is a number of outputs that tells how much of a layer reads an input.
const enoughOutputs = 256

// parts returns, by input, the mean over all outputs of the squares of the sum of its taps, divided by
// the sum of the squares of all taps.
func (l *layer) parts() []float64 {
	parts := make([]float64, l.groups*l.ins)
	sums := make([]float64, l.ins)
	every := 1
	if l.groups == 1 {
		every = max(1, l.outs/enoughOutputs)
	}
	for o := 0; o < l.outs; o += every {
		square := 0.0
		for i := range sums {
			sums[i] = 0
			for k := range l.taps {
				v := float64(l.w[o*l.output+i*l.input+k*l.tap])
				sums[i] += v
				square += v * v
			}
		}
		if square == 0 {
			continue
		}
		group := parts[o/(l.outs/l.groups)*l.ins:]
		for i, v := range sums {
			group[i] += v * v / square * float64(every) / float64(l.outs)
		}
	}
	return parts
}

// transposed reports whether a product multiplies with the transposed weight.
func transposed(n *onnxpb.NodeProto) bool {
	return slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "transB" && a.GetI() != 0 })
}

// intsOf returns an attribute of a node.
func intsOf(n *onnxpb.NodeProto, name string) []int64 {
	for _, a := range n.GetAttribute() {
		if a.GetName() == name {
			return a.GetInts()
		}
	}
	return nil
}
