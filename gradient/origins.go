package gradient

import (
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Origins tells from what the outputs of a graph are chosen or rounded. What it finds it keeps: it is
// made once for all outputs, and asking for each takes no longer than looking through the graph once.
// It is not safe for concurrent use.
type Origins struct {
	g     *onnxpb.GraphProto
	maker map[string]*onnxpb.NodeProto

	choosers map[string]*onnxpb.NodeProto
	tables   map[string]string
	choices  map[string][]string
	rounded  map[roundedAt]string

	// What is the same for all outputs; nil until somebody asks.
	constants map[string]bool // initializers
	decidable map[string]bool // values that are computed from choices
	integers  *bool           // whether all outputs are whole numbers that no scores choose
	unsaid    *bool           // whether no output is of floats, or a choice by scores
	steps     int             // that Decided has taken
}

// OriginsOf returns the origins of a graph's outputs.
func OriginsOf(g *onnxpb.GraphProto) *Origins {
	return &Origins{g: g, maker: Makers(g), choosers: map[string]*onnxpb.NodeProto{}, tables: map[string]string{}, choices: map[string][]string{}, rounded: map[roundedAt]string{}}
}

// follow goes from a value to those before it, until step is done or something is known. The result is
// that of all values on the way, which is noted; the zero value if they make a cycle.
func follow[K comparable, T any](known map[K]T, at K, step func(K) (before K, result T, done bool)) (result T) {
	var way []K
	for {
		var ok, done bool
		if result, ok = known[at]; ok {
			break
		}
		known[at] = result
		way = append(way, at)
		if at, result, done = step(at); done {
			break
		}
	}
	for _, k := range way {
		known[k] = result
	}
	return result
}

// Chosen returns the value from which an ArgMax, a Multinomial or a TopK chooses an output: the scores of
// the classes, where the output has the class, or the best few. It is "" for other outputs. Casts, reshaping
// and tables of labels behind it do not matter.
func (o *Origins) Chosen(output string) (scores string) {
	if n := o.Chooser(output); n != nil {
		return BeforeLog(o.maker, FirstInput(n))
	}
	return ""
}

// Chooser returns the node that chooses an output (Chosen); nil if there is none.
func (o *Origins) Chooser(output string) *onnxpb.NodeProto {
	return follow(o.choosers, output, func(value string) (before string, chooser *onnxpb.NodeProto, done bool) {
		n := o.maker[value]
		if n == nil || len(n.GetInput()) == 0 {
			return "", nil, true
		}
		switch n.GetOpType() {
		case "ArgMax":
			return "", n, true
		case "TopK":
			if slices.Index(n.GetOutput(), value) != 1 || slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "largest" && a.GetI() == 0 }) {
				return "", nil, true // numbers, or those of what fits worst
			}
			return "", n, true
		case "Multinomial": // with the likeliest in place of one that is drawn
			if slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "sample_size" && a.GetI() != 1 }) {
				return "", nil, true
			}
			return "", n, true
		case "Concat":
			return n.GetInput()[0], nil, len(n.GetInput()) > 1
		case "Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten":
			return n.GetInput()[0], nil, false
		}
		_, number := o.label(n)
		return number, nil, number == ""
	})
}

// Labels returns the name of the constant table from which an output has labels by their numbers;
// "" if there is none.
func (o *Origins) Labels(output string) (table string) {
	return follow(o.tables, output, func(value string) (before, table string, done bool) {
		n := o.maker[value]
		switch n.GetOpType() {
		case "Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten":
			return FirstInput(n), "", false
		}
		table, _ = o.label(n)
		return "", table, true
	})
}

// label returns the constant table from which a node takes labels and the value with their numbers,
// as converters of scikit-learn write it; "" for other nodes.
func (o *Origins) label(n *onnxpb.NodeProto) (table, number string) {
	along := func(a *onnxpb.AttributeProto) bool { return a.GetName() == "axis" && a.GetI() != 0 }
	switch in := n.GetInput(); {
	case len(in) != 2 || !o.constant(in[0]) || slices.ContainsFunc(n.GetAttribute(), along):
	case n.GetOpType() == "Gather", n.GetOpType() == "ArrayFeatureExtractor":
		return in[0], in[1]
	}
	return "", ""
}

// Choices returns the values from which several choices are made that an output has beside each other,
// such as the actions of a policy: its columns, in their order. It is nil for other outputs, also for
// those of one choice (Chosen). The result must not be changed: outputs share it.
func (o *Origins) Choices(output string) (scores []string) {
	return follow(o.choices, output, func(value string) (before string, scores []string, done bool) {
		n := o.maker[value]
		switch n.GetOpType() {
		case "Identity", "Cast":
			return FirstInput(n), nil, false
		case "Concat":
			columns := slices.ContainsFunc(n.GetAttribute(), func(a *onnxpb.AttributeProto) bool { return a.GetName() == "axis" && (a.GetI() == 1 || a.GetI() == -1) })
			if len(n.GetInput()) < 2 || !columns {
				return "", nil, true
			}
			for _, name := range n.GetInput() {
				one := o.Chosen(name)
				if one == "" {
					return "", nil, true
				}
				scores = append(scores, one)
			}
			return "", scores, true
		}
		return "", nil, true
	})
}

// isChoice reports whether an output has one choice by scores, or several.
func (o *Origins) isChoice(output string) bool {
	return o.Chosen(output) != "" || o.Choices(output) != nil
}

// BeforeLog returns what a value is the logarithm of. If it is not a logarithm, BeforeLog returns
// the value itself. What is largest stays largest without the logarithm, and a probability of 0,
// whose logarithm is infinite, has a gradient.
func BeforeLog(maker map[string]*onnxpb.NodeProto, value string) string {
	if n := maker[value]; n.GetOpType() == "Log" {
		return FirstInput(n)
	}
	return value
}

// FirstInput returns the name of a node's first input; "" if it has none, as in a file that nobody
// has checked yet.
func FirstInput(n *onnxpb.NodeProto) string {
	if len(n.GetInput()) == 0 {
		return ""
	}
	return n.GetInput()[0]
}
