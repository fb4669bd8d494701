package gradient

import (
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Weights are the floating-point initializers of a model, as copies in memory
// that may be changed.
type Weights struct {
	names  []string
	arrays map[string]nd.Array
}

// LoadWeights copies the floating-point initializers of m.
func LoadWeights(m *onnxio.Model) (*Weights, error) {
	w := &Weights{arrays: map[string]nd.Array{}}
	for _, init := range m.Initializers() {
		switch init.DataType {
		case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		default:
			continue
		}
		a, err := init.Array()
		if err != nil {
			return nil, err
		}
		w.names = append(w.names, init.Name)
		w.arrays[init.Name] = nd.Of(slices.Clone(a.Float32s()), a.Shape...)
	}
	return w, nil
}

// Names returns the initializers' names in the order of the file.
func (w *Weights) Names() []string { return w.names }

// Array returns the present elements of an initializer; writing to them changes
// what programs compute.
func (w *Weights) Array(name string) (nd.Array, bool) {
	a, ok := w.arrays[name]
	return a, ok
}

// Len returns the number of parameters.
func (w *Weights) Len() int {
	n := 0
	for _, a := range w.arrays {
		n += a.Len()
	}
	return n
}
