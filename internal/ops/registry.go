package ops

import (
	"maps"
	"slices"
)

// Operator is how one ONNX operator is built into a graph.
type Operator struct {
	// Since is the first version of the operator set whose definition of the
	// operator is understood.
	Since int
	// Build returns the node's outputs; trailing optional ones may be missing.
	Build func(c *Call) []*Value
}

// family is a table of operators of the default domain.
type family map[string]Operator

var registry = join(
	arithmetic, unaries, angles, matmul, convolution, pooling, reductions,
	softmaxes, normalization, shapes, constants, casts, activations, dropouts, recurrents, attentions,
	comparisons, choices, integers, gathers, scatters, searches, masks, cumulative,
	selections, pads, spatial, resizes, quantization, einsums, gridSamples, control,
	sequences, fourier, foldings, losses,
)

func join(families ...family) family {
	all := family{}
	for _, f := range families {
		maps.Copy(all, f)
	}
	return all
}

// Lookup finds the operator of a node by its operator set's domain, which is ""
// or "ai.onnx" for ONNX's own, and name.
func Lookup(domain, name string) (Operator, bool) {
	if domain != "" && domain != "ai.onnx" {
		return Operator{}, false
	}
	o, ok := registry[name]
	return o, ok
}

// Names returns the names of all operators, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registry)) }
