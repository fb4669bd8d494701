package ops

import (
	"maps"
	"slices"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// registry has the operators of ONNX's own domain.
var registry = join(
	arithmetic, unaries, angles, matmul, convolution, pooling, reductions,
	softmaxes, normalization, shapes, constants, casts, activations, dropouts, recurrents, attentions,
	comparisons, choices, integers, gathers, scatters, searches, masks, cumulative,
	selections, pads, spatial, resizes, quantization, einsums, gridSamples, suppressions, control,
	sequences, optionals, randoms, fourier, foldings, losses, experimental,
)

func join(families ...family) family {
	all := family{}
	for _, f := range families {
		maps.Copy(all, f)
	}
	return all
}

// domains has the operators of every domain.
var domains = map[string]family{
	"":              registry,
	MicrosoftDomain: microsoft,
	MLDomain:        mlOperators,
}

// Lookup returns the operator of a node by the domain of its operator set and by
// name.
func Lookup(domain, name string) (Operator, bool) {
	o, ok := domains[onnxpb.Domain(domain)][name]
	return o, ok
}

// Names returns the names of all operators of a domain, sorted.
func Names(domain string) []string { return slices.Sorted(maps.Keys(domains[onnxpb.Domain(domain)])) }

// newest has the newest version of each domain's operator set whose definitions were
// looked at. What a later one changes is not known.
var newest = map[string]int{"": 28, MicrosoftDomain: 1, MLDomain: 5}

// Newest returns the newest version of a domain's operator set that is known.
func Newest(domain string) int { return newest[onnxpb.Domain(domain)] }
