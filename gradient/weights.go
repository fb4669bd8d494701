package gradient

import (
	"maps"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Weights are the trained initializers of a model, as float32 values that may be
// changed. These are the initializers of floating-point types, and integer ones
// that serve only as quantised numbers (such as the data of DequantizeLinear),
// whose values are whole numbers. The model's own elements do not change.
type Weights struct {
	names  []string
	arrays map[string]nd.Array
	scales map[string]bool
	added  []string // by With
}

// LoadWeights returns the weights of m. DOUBLE elements, and integers above 2²⁴,
// are rounded to float32. Elements that are stored as float32 stay in the file's
// mapping until they are written to (see [onnxio.Writable]). Such weights must not
// be used after m is closed; those that Clone returns may be. The error is that of
// reading an initializer.
func LoadWeights(m *onnxio.Model) (*Weights, error) {
	q := quantisationOf(m.Proto().GetGraph())
	w := &Weights{arrays: map[string]nd.Array{}, scales: map[string]bool{}}
	writable := m.Writable()
	for _, init := range m.Initializers() {
		if !trained(init.DataType, q.operands[init.Name]) {
			continue
		}
		a, err := weightOf(writable, init)
		if err != nil {
			return nil, err
		}
		w.names = append(w.names, init.Name)
		w.arrays[init.Name] = nd.Of(a, slices.Clone(init.Dims)...)
		w.scales[init.Name] = q.scales[init.Name]
	}
	return w, nil
}

// Parameters returns the number of parameters of m, as Weights.Len does, without
// reading them.
func Parameters(m *onnxio.Model) int {
	q := quantisationOf(m.Proto().GetGraph())
	n := 0
	for _, init := range m.Initializers() {
		if trained(init.DataType, q.operands[init.Name]) && !q.scales[init.Name] {
			n += init.Len()
		}
	}
	return n
}

// trained reports whether an initializer of a type is a weight. quantised says that
// it serves only as quantised numbers.
func trained(t onnxpb.TensorProto_DataType, quantised bool) bool {
	switch t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return true
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT16, onnxpb.TensorProto_UINT16, onnxpb.TensorProto_INT32:
		return quantised
	}
	return false
}

// weightOf returns the elements as float32 values that may be changed.
func weightOf(from *onnxio.Writable, init *onnxio.Initializer) ([]float32, error) {
	if trained(init.DataType, false) {
		return from.Float32s(init)
	}
	whole, err := init.Int64s()
	f := make([]float32, len(whole))
	for k, v := range whole {
		f[k] = float32(v)
	}
	return f, err
}

// Clone returns a copy that does not depend on the model's file.
func (w *Weights) Clone() *Weights {
	c := *w
	c.arrays = map[string]nd.Array{}
	for name, a := range w.arrays {
		c.arrays[name] = nd.Of(slices.Clone(a.Float32s()), a.Shape...)
	}
	return &c
}

// Names returns the initializers' names in the order of the file.
func (w *Weights) Names() []string { return w.names }

// Array returns the present elements of an initializer. Writing to them changes
// what programs compute. ok is false if the initializer is not trained.
func (w *Weights) Array(name string) (nd.Array, bool) {
	a, ok := w.arrays[name]
	return a, ok
}

// With returns weights that share the elements of w and have one more initializer,
// for nodes that were added to a model's graph. The model has no initializer of
// that name.
func (w *Weights) With(name string, a nd.Array) *Weights {
	more := &Weights{
		names: append(slices.Clip(w.names), name), added: append(slices.Clip(w.added), name),
		arrays: maps.Clone(w.arrays), scales: w.scales,
	}
	more.arrays[name] = a
	return more
}

// Scale reports whether an initializer holds scales of quantised numbers. Scales
// have gradients as others do. They are not parameters to be changed one by one,
// because inference engines may rely on the relations between them.
func (w *Weights) Scale(name string) bool { return w.scales[name] }

// Len returns the number of parameters, not counting scales of quantised numbers.
func (w *Weights) Len() int {
	n := 0
	for name, a := range w.arrays {
		if !w.scales[name] {
			n += a.Len()
		}
	}
	return n
}
