package ops

import (
	"maps"
	"slices"
)

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
