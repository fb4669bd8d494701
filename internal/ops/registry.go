package ops

import (
	"maps"
	"slices"
)

// Operator says how nodes of one ONNX operator are built.
type Operator struct {
	// Since is the first version of the operator set whose definition of the
	// operator is implemented.
	Since int
	// Build returns the outputs of a node. Trailing optional ones may be missing.
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

// Lookup returns the operator of a node by the domain of its operator set and by
// name. The domain is "" or "ai.onnx" for ONNX's own.
func Lookup(domain, name string) (Operator, bool) {
	if domain != "" && domain != "ai.onnx" {
		return Operator{}, false
	}
	o, ok := registry[name]
	return o, ok
}

// Names returns the names of all operators, sorted.
func Names() []string { return slices.Sorted(maps.Keys(registry)) }
