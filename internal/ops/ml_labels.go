package ops

import (
	"slices"

	"github.com/advparams/advparams/internal/kernel/parallel"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// ml_labels: LabelEncoder (opset 1, 2 and 4), which maps elements by a table.

// labels are the keys or the values of a LabelEncoder. Strings are positions in names.
type labels struct {
	ints   []int64
	floats []float32
	names  []string
}

func (l *labels) len() int { return max(len(l.ints), len(l.floats)) }

// labelsOf reads keys or values from the attributes of a name.
func (c *Call) labelsOf(name string) labels {
	if v := c.IntsAttr(name + "_int64s"); v != nil {
		l := labels{}
		for _, x := range v {
			l.ints = append(l.ints, int64(x))
		}
		return l
	}
	if v := c.FloatsAttr(name + "_floats"); v != nil {
		return labels{floats: v}
	}
	if v := c.StringsAttr(name + "_strings"); v != nil {
		return named(v)
	}
	if !c.Has(name + "_tensor") {
		c.fail("neither %s_int64s nor %[1]s_floats nor %[1]s_strings", name)
	}
	if t := c.attr(name+"_tensor", onnxpb.AttributeProto_TENSOR).GetT(); onnxpb.TensorProto_DataType(t.GetDataType()) == onnxpb.TensorProto_STRING {
		v := make([]string, len(t.GetStringData()))
		for i, s := range t.GetStringData() {
			v[i] = string(s)
		}
		return named(v)
	}
	switch d := c.tensorAttr(name + "_tensor").data.(type) {
	case []int64:
		return labels{ints: d}
	case []float32:
		return labels{floats: d}
	}
	unsupported("%s of type bool", name)
	return labels{}
}

// named returns labels that are strings: each is its first position.
func named(v []string) labels {
	l := labels{names: v}
	for _, s := range v {
		l.ints = append(l.ints, int64(slices.Index(v, s)))
	}
	return l
}

// buildLabelEncoder maps each element to a value. What no key equals becomes the default.
func buildLabelEncoder(c *Call) []*Value {
	x := c.Input(0)
	var keys, values labels
	if c.Has("classes_strings") { // opset 1: strings to positions, or back
		names := named(c.StringsAttr("classes_strings"))
		places := labels{}
		for i := range names.ints {
			places.ints = append(places.ints, int64(i))
		}
		if keys, values = places, names; x.Strings != nil {
			keys, values = names, places
		}
	} else {
		keys, values = c.labelsOf("keys"), c.labelsOf("values")
	}
	if keys.len() != values.len() {
		c.fail("%d keys and %d values", keys.len(), values.len())
	}
	find := c.finder(x, keys)
	n := values.len()
	if values.floats != nil {
		missing := c.Float32("default_float", 0)
		if c.Has("default_tensor") {
			if d, ok := c.tensorAttr("default_tensor").data.([]float32); ok && len(d) == 1 {
				missing = d[0]
			}
		}
		return []*Value{encode(c, x, find, append(slices.Clone(values.floats), missing), n)}
	}
	missing := int64(c.Int("default_int64", -1))
	if c.Has("default_tensor") && values.names == nil {
		if d, ok := c.tensorAttr("default_tensor").data.([]int64); ok && len(d) == 1 {
			missing = d[0]
		}
	}
	var names []string
	if values.names != nil { // the default is one more string
		names = append(slices.Clone(values.names), c.String("default_string", "_Unused"))
		missing = int64(n)
	}
	y := encode(c, x, find, append(slices.Clone(values.ints), missing), n)
	y.Strings = names
	return []*Value{y}
}

// encode maps the elements of x by find to the elements of table.
func encode[T nd.Elem](c *Call, x *Value, find func(in nd.Array, i int) (int, bool), table []T, missing int) *Value {
	return c.emit(nd.Of(table, len(table)).DType(), x.Shape, Op{
		name: "LabelEncoder",
		kernel: runFunc(func(_ *parallel.Workers, out nd.Array, in []nd.Array) {
			y := out.Data.([]T)
			for i := range y {
				k, ok := find(in[0], i)
				if !ok {
					k = missing
				}
				y[i] = table[k]
			}
		}),
	}, x)
}

// finder returns a function that finds element i of an array like x among the keys. Of equal
// keys the first one counts. NaN equals NaN.
func (c *Call) finder(x *Value, keys labels) func(in nd.Array, i int) (int, bool) {
	switch {
	case keys.names != nil && len(x.Strings) > 0:
		at := map[int64]int{}
		for p, s := range x.Strings {
			if k := slices.Index(keys.names, s); k >= 0 {
				at[int64(p)] = k
			}
		}
		return func(in nd.Array, i int) (int, bool) { k, ok := at[in.Int64s()[i]]; return k, ok }
	case keys.names == nil && x.Strings == nil && keys.ints != nil && x.DType == nd.Int64:
		at := map[int64]int{}
		for k, v := range slices.Backward(keys.ints) {
			at[v] = k
		}
		return func(in nd.Array, i int) (int, bool) { k, ok := at[in.Int64s()[i]]; return k, ok }
	case keys.floats != nil && x.DType == nd.Float32:
		at, nan := map[float32]int{}, -1
		for k, v := range slices.Backward(keys.floats) {
			if at[v] = k; v != v {
				nan = k
			}
		}
		return func(in nd.Array, i int) (int, bool) {
			v := in.Float32s()[i]
			if v != v {
				return nan, nan >= 0
			}
			k, ok := at[v]
			return k, ok
		}
	}
	if x.Strings != nil {
		unsupported("strings that are not known while compiling")
	}
	unsupported("keys of another type than the input, %v", x.DType)
	return nil
}
