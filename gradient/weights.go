package gradient

import (
	"maps"
	"slices"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Weights are the parameters of a model, as float32 values that may be changed. The model's
// own elements do not change. Weights are:
//
//   - initializers of floating-point types in the main graph
//   - tensors of these types elsewhere that training may have made: values of Constant nodes
//     and of sparse initializers, initializers of branches, of bodies of loops and of functions
//   - integers that serve only as quantised numbers, such as the data of DequantizeLinear
//
// Their names are those of onnxio.Parameter.
type Weights struct {
	names    []string
	arrays   map[string]nd.Array
	scales   map[string]bool
	added    []string                       // by With
	fixed    map[string]bool                // that must not be written to
	messages map[*onnxpb.TensorProto]string // names of those that are no initializers of the main graph
}

// LoadWeights returns the weights of m. DOUBLE elements, and integers above 2²⁴,
// are rounded to float32. Elements that are stored as float32 stay in the file's
// mapping until they are written to (see [onnxio.Writable]). Such weights must not
// be used after m is closed; those that Clone returns may be. The error is that of
// reading a tensor.
func LoadWeights(m *onnxio.Model) (*Weights, error) { return LoadWeightsToChange(m, All) }

// LoadWeightsToChange is LoadWeights, but only the parameters that change selects may be
// written to. The others stay in the mapping that the model has anyway, and writing to them
// ends the process. So several Weights of a large model take the memory of one.
func LoadWeightsToChange(m *onnxio.Model, change func(name string) bool) (*Weights, error) {
	w := &Weights{arrays: map[string]nd.Array{}, scales: map[string]bool{}, messages: map[*onnxpb.TensorProto]string{}, fixed: map[string]bool{}}
	writable := m.Writable()
	for _, p := range weightsOf(m) {
		from := writable
		if !change(p.name) {
			from, w.fixed[p.name] = nil, true
		}
		a, err := weightOf(from, p.tensor)
		if err != nil {
			return nil, err
		}
		w.names = append(w.names, p.name)
		w.arrays[p.name] = nd.Of(a, slices.Clone(p.tensor.Dims)...)
		w.scales[p.name] = p.scale
		if p.message != nil {
			w.messages[p.message] = p.name
		}
	}
	return w, nil
}

// unchanged selects no parameters, for LoadWeightsToChange.
func unchanged(string) bool { return false }

// weight is a tensor that Weights has.
type weight struct {
	name    string
	tensor  *onnxio.Initializer
	message *onnxpb.TensorProto // nil for an initializer of the main graph
	scale   bool
}

// weightsOf lists the weights of a model: initializers of the main graph in the order of
// the file, then the others in the order in which nodes use them.
func weightsOf(m *onnxio.Model) []weight {
	params := map[string]*onnxio.Parameter{}
	var list, others []weight
	for _, p := range m.Parameters() {
		if p.Tensor == nil || p.Message == nil {
			continue
		}
		if p.Place == onnxio.InInitializer && p.Graph == "" {
			params[p.Name] = p
			continue
		}
		if (p.Place == onnxio.InInitializer || p.Place == onnxio.InConstant || p.Place == onnxio.InSparseInitializer) && p.Trained && trained(p.Tensor.DataType, p.Quantised) {
			others = append(others, weight{p.Name, p.Tensor, p.Message, p.Role == onnxio.RoleScale && !ownScales(p)})
		}
	}
	for _, init := range m.Initializers() {
		p := params[init.Name]
		if trained(init.DataType, p != nil && p.Trained && p.Quantised) {
			list = append(list, weight{init.Name, init, nil, p != nil && p.Role == onnxio.RoleScale && !ownScales(p)})
		}
	}
	return append(list, others...)
}

// ownScales reports whether scales belong to the weights of one operator alone, so that
// nothing else relies on them.
func ownScales(p *onnxio.Parameter) bool {
	for _, u := range p.Uses {
		if u.Domain != "com.microsoft" || !slices.Contains([]string{"MatMulNBits", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLSTM", "GatherBlockQuantized"}, u.Operator) {
			return false
		}
	}
	return p.Trained && len(p.Uses) > 0
}

// Parameters returns the number of parameters of m, as Weights.Len does, without
// reading them.
func Parameters(m *onnxio.Model) int {
	n := 0
	for _, w := range weightsOf(m) {
		if !w.scale {
			n += w.tensor.Len()
		}
	}
	return n
}

// trained reports whether a tensor of a type is a weight. quantised says that it
// serves only as quantised numbers.
func trained(t onnxpb.TensorProto_DataType, quantised bool) bool {
	switch t {
	case onnxpb.TensorProto_FLOAT, onnxpb.TensorProto_FLOAT16, onnxpb.TensorProto_BFLOAT16, onnxpb.TensorProto_DOUBLE:
		return true
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8, onnxpb.TensorProto_INT16, onnxpb.TensorProto_UINT16, onnxpb.TensorProto_INT32,
		onnxpb.TensorProto_INT4, onnxpb.TensorProto_UINT4, onnxpb.TensorProto_INT2, onnxpb.TensorProto_UINT2,
		onnxpb.TensorProto_FLOAT8E4M3FN, onnxpb.TensorProto_FLOAT8E4M3FNUZ, onnxpb.TensorProto_FLOAT8E5M2, onnxpb.TensorProto_FLOAT8E5M2FNUZ,
		onnxpb.TensorProto_FLOAT4E2M1:
		return quantised
	}
	return false
}

// weightOf returns the elements as float32 values, which may be changed unless from is
// nil.
func weightOf(from *onnxio.Writable, init *onnxio.Initializer) ([]float32, error) {
	switch {
	case !init.Floating():
	case from == nil:
		return init.Float32s()
	default:
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
	c.arrays, c.fixed = map[string]nd.Array{}, nil
	for name, a := range w.arrays {
		c.arrays[name] = nd.Of(slices.Clone(a.Float32s()), a.Shape...)
	}
	return &c
}

// Names returns the names: of the main graph's initializers in the order of the file,
// then of the others in the order in which nodes use them.
func (w *Weights) Names() []string { return w.names }

// Array returns the present elements of a weight. Writing to them changes what programs
// compute. ok is false if there is no weight of that name.
func (w *Weights) Array(name string) (nd.Array, bool) {
	a, ok := w.arrays[name]
	return a, ok
}

// element returns the elements of a weight of which one is to be changed. The error is a *WeightError.
func (w *Weights) element(name string, index int) ([]float32, error) {
	a, ok := w.arrays[name]
	switch {
	case !ok:
		return nil, &WeightError{Weight: name, Elements: -1}
	case w.fixed[name], index < 0, index >= a.Len():
		return nil, &WeightError{Weight: name, Index: index, Elements: a.Len(), Fixed: w.fixed[name]}
	}
	return a.Float32s(), nil
}

// With returns weights that share the elements of w and have one more initializer,
// for nodes that were added to a model's graph. The model has no initializer of
// that name.
func (w *Weights) With(name string, a nd.Array) *Weights {
	more := &Weights{
		names: append(slices.Clip(w.names), name), added: append(slices.Clip(w.added), name),
		arrays: maps.Clone(w.arrays), scales: w.scales, messages: w.messages, fixed: w.fixed,
	}
	more.arrays[name] = a
	return more
}

// Scale reports whether a weight holds scales of quantised numbers. Scales have
// gradients as others do. They are not parameters to be changed one by one, because
// inference engines may rely on the relations between them; those that one operator
// alone uses for its weights are parameters like others.
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
