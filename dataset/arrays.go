package dataset

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/advparams/advparams/nd"
)

// arrays is a source of arrays in the form of the model's inputs.
type arrays struct {
	inputs map[string]nd.Array
	shared map[string]nd.Array // the same for all samples, without an axis of samples
	truth  nd.Array            // labels that are no classes; the zero Array without
	named  map[string]nd.Array // Spec.Named
	n      int
	format string
	line   []int // of each row in its text file; nil when there is none
	chosen []int // the rows that were asked for, in that order; nil for all
	kept   []int // those rows, sorted, which are all that the arrays hold
}

// FromArrays returns samples given as arrays in the form that the model takes, by the name
// of its input. The first axis of each array counts samples. format is what Describe calls
// them.
func FromArrays(inputs map[string]nd.Array, format string) (*Set, error) {
	n := -1
	for name, a := range inputs {
		if len(a.Shape) == 0 || n >= 0 && a.Shape[0] != n {
			return nil, fmt.Errorf("input %q has shape %v, others have %d samples", name, a.Shape, n)
		}
		n = a.Shape[0]
	}
	if n <= 0 {
		return nil, errors.New("no samples")
	}
	return &Set{source: &arrays{inputs: inputs, n: n, format: format}, rows: count(n)}, nil
}

func (a *arrays) len() int      { return a.n }
func (a *arrays) about() string { return a.format }

func (a *arrays) name(row int) string {
	if a.line == nil {
		return ""
	}
	return fmt.Sprintf("line %d", a.line[row])
}

func (a *arrays) batch(rows []int) (map[string]nd.Array, error) {
	rows = a.positions(rows)
	out := make(map[string]nd.Array, len(a.inputs))
	for name, all := range a.inputs {
		out[name] = rowsOf(all, rows)
	}
	for name, one := range a.shared {
		out[name] = repeated(one, len(rows))
	}
	return out, nil
}

// positions returns where rows are in the arrays.
func (a *arrays) positions(rows []int) []int {
	if a.kept == nil {
		return rows
	}
	at := make([]int, len(rows))
	for i, row := range rows {
		at[i], _ = slices.BinarySearch(a.kept, row)
	}
	return at
}

// rowsOf takes some rows of an array; without copying when they are consecutive.
func rowsOf(a nd.Array, rows []int) nd.Array {
	consecutive := true
	for i, row := range rows {
		consecutive = consecutive && row == rows[0]+i
	}
	switch data := a.Data.(type) {
	case []int64:
		return gather(data, a.Shape, rows, consecutive)
	case []bool:
		return gather(data, a.Shape, rows, consecutive)
	default:
		return gather(a.Float32s(), a.Shape, rows, consecutive)
	}
}

// gather takes some rows of an array; without copying when they are consecutive.
func gather[T nd.Elem](data []T, shape, rows []int, consecutive bool) nd.Array {
	size := nd.Size(shape[1:])
	shape = append([]int{len(rows)}, shape[1:]...)
	if consecutive && len(rows) > 0 {
		first := rows[0] * size
		return nd.Of(data[first:first+len(rows)*size:first+len(rows)*size], shape...)
	}
	out := make([]T, 0, len(rows)*size)
	for _, row := range rows {
		out = append(out, data[row*size:(row+1)*size]...)
	}
	return nd.Of(out, shape...)
}

// labelNames are the names that labels go by, the usual one first.
var labelNames = []string{"labels", "label", "target", "targets", "class", "y", "y_true", "masks", "mask", "boxes"}

func openNPZ(path string, spec Spec) (source, []int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, errors.Unwrap(err)
	}
	defer f.Close()
	z, err := newNPZReader(f)
	if err != nil {
		return nil, nil, err
	}
	return fromNPZ(z, spec)
}

// fromNPZ takes from an .npz the arrays that a model needs.
func fromNPZ(z *npzReader, spec Spec) (source, []int, error) {
	members, err := z.inputMembers(spec)
	if err != nil {
		return nil, nil, err
	}
	src := &arrays{inputs: make(map[string]nd.Array), shared: map[string]nd.Array{}, format: "npz", n: -1}
	counted := "" // an array with src.n samples
	for i, in := range spec.Inputs {
		if members[i] == "" {
			src.shared[in.Name] = in.zeros()
			continue
		}
		h, err := z.header(members[i])
		if err != nil {
			return nil, nil, err
		}
		shape, shared := in.ahead(h.shape)
		if shared {
			shape = append([]int{1}, h.shape...)
		}
		if err := checkShape(members[i], shape, in); err != nil {
			return nil, nil, err
		}
		if shared {
			a, err := z.array(members[i], in.DType, nil)
			if err != nil {
				return nil, nil, err
			}
			src.shared[in.Name] = a
			continue
		}
		switch n := shape[0]; {
		case n > MaxSamples:
			return nil, nil, &ArraySizeError{Array: members[i], Shape: h.shape, Limit: MaxSamples}
		case src.n >= 0 && n != src.n:
			return nil, nil, &CountError{Arrays: [2]string{counted, members[i]}, Samples: [2]int{src.n, n}}
		default:
			src.n, counted = n, members[i]
		}
	}
	if src.n < 0 {
		src.n = 1 // all arrays together are one sample
	}
	name := z.labels(members)
	labels, err := z.readLabels(name, src, spec)
	if err != nil {
		return nil, nil, err
	}
	if name == "" {
		src.format += z.unused(members, spec)
	}
	for i, in := range spec.Inputs {
		if _, shared := src.shared[in.Name]; shared {
			continue
		}
		a, err := z.inFront(members[i], in, src.kept)
		if err != nil {
			return nil, nil, err
		}
		if err := checkFinite(members[i], a, src.kept); err != nil {
			return nil, nil, err
		}
		src.inputs[in.Name] = a
	}
	return src, labels, z.readNamed(src, spec)
}

// readNamed reads the arrays of Spec.Named that are there.
func (z *npzReader) readNamed(src *arrays, spec Spec) error {
	src.named = map[string]nd.Array{}
	for _, name := range spec.Named {
		if z.members[name] == nil {
			continue
		}
		h, err := z.header(name)
		if err != nil {
			return err
		}
		if len(h.shape) == 0 || h.shape[0] != src.n {
			return fmt.Errorf("array %q has shape %v for %d samples", name, h.shape, src.n)
		}
		a, err := z.array(name, 0, src.kept)
		if err != nil {
			return err
		}
		if err := checkFinite(name, a, src.kept); err != nil {
			return err
		}
		src.named[name] = a
	}
	return nil
}

// readLabels reads the labels, all of them if they are classes, and settles which
// samples to read: what was not asked for is not kept.
func (z *npzReader) readLabels(name string, src *arrays, spec Spec) ([]int, error) {
	choose := func(labels []int) {
		if src.chosen = spec.choose(src.n, labels); src.chosen != nil {
			src.kept = slices.Sorted(slices.Values(src.chosen))
		}
	}
	if name == "" {
		choose(nil)
		return nil, nil
	}
	h, err := z.header(name)
	if err != nil {
		return nil, err
	}
	if spec.AnyLabels && !h.isClasses() {
		switch {
		case len(h.shape) == 0:
			return nil, fmt.Errorf("array %q is a scalar, but labels have a row per sample", name)
		case h.shape[0] != src.n:
			return nil, fmt.Errorf("%d samples, but %d labels", src.n, h.shape[0])
		}
		choose(nil)
		src.truth, err = z.array(name, 0, src.kept)
		if err != nil {
			return nil, err
		}
		return nil, checkFinite(name, src.truth, src.kept)
	}
	labels, err := z.classes(name)
	if err != nil {
		return nil, err
	}
	if len(labels) != src.n {
		return nil, fmt.Errorf("%d samples, but %d labels", src.n, len(labels))
	}
	choose(labels)
	return labels, nil
}

// isClasses reports whether an array holds one integer a sample.
func (h *npyHeader) isClasses() bool {
	return (h.kind == 'i' || h.kind == 'u') && (len(h.shape) == 1 || len(h.shape) == 2 && h.shape[1] == 1)
}

// inputMembers finds the member for each input: the one of its name; with the
// prefix of a gradient corpus, in/; or, for a model of one input, the only
// array in the file.
func (z *npzReader) inputMembers(spec Spec) ([]string, error) {
	found := make([]string, len(spec.Inputs))
	for i, in := range spec.Inputs {
		switch {
		case z.members[in.Name] != nil:
			found[i] = in.Name
		case z.members["in/"+in.Name] != nil:
			found[i] = "in/" + in.Name
		case len(spec.Inputs) == 1:
			rest := slices.DeleteFunc(slices.Clone(z.names), func(name string) bool { return name == z.labels(nil) || slices.Contains(spec.Named, name) })
			if len(rest) == 1 {
				found[i] = rest[0]
			}
		}
		if found[i] == "" && !in.Zero {
			names := "the file is empty"
			if len(z.names) > 0 {
				names = "the file has " + listed(z.names)
			}
			return nil, malformed(fmt.Sprintf("name arrays after the model's inputs, as in numpy.savez(file, **{%q: x, \"labels\": y})", in.Name),
				"no array for the model's input %q: %s", in.Name, names)
		}
	}
	return found, nil
}

// labels returns the name of the array of labels, "" without one.
func (z *npzReader) labels(taken []string) string {
	for _, name := range labelNames {
		if z.members[name] != nil && !slices.Contains(taken, name) {
			return name
		}
	}
	return ""
}

// unused says which arrays of a file without labels are neither inputs nor named: one of
// them may have been meant for the labels.
func (z *npzReader) unused(taken []string, spec Spec) string {
	left := slices.DeleteFunc(slices.Clone(z.names), func(name string) bool {
		return slices.Contains(taken, name) || slices.Contains(spec.Named, name)
	})
	if len(left) == 0 {
		return ""
	}
	return "; not used: " + listed(left)
}

// classes reads an integer array of shape [N] or [N,1].
func (z *npzReader) classes(name string) ([]int, error) {
	h, err := z.header(name)
	if err != nil {
		return nil, err
	}
	if len(h.shape) > 0 && h.shape[0] > MaxSamples {
		return nil, &ArraySizeError{Array: name, Shape: h.shape, Limit: MaxSamples}
	}
	a, err := z.array(name, 0, nil)
	if err != nil {
		return nil, err
	}
	if a.DType() != nd.Int64 {
		return nil, malformed("for one-hot labels store their argmax", "array %q is %v, but labels are integers", name, a.DType())
	}
	if !oneEach(a) {
		return nil, malformed("for one-hot labels store their argmax", "array %q has shape %v, but labels are one integer a sample", name, a.Shape)
	}
	return classesOf(a)
}

// checkShape compares the shape of an array with the input it is for.
func checkShape(name string, shape []int, in Input) error {
	if len(shape) == 0 {
		return fmt.Errorf("array %q is a scalar and has no axis of samples", name)
	}
	fits := in.Shape == nil || len(in.Shape) == len(shape)
	for axis := 1; fits && axis < len(in.Shape); axis++ {
		fits = in.Shape[axis] < 0 || in.Shape[axis] == shape[axis]
	}
	if !fits {
		return &ShapeError{Array: name, Shape: shape, Input: in}
	}
	return nil
}

// checkFinite makes sure that an array holds finite numbers. It holds the given rows
// of the array in the file, or all of them.
func checkFinite(name string, a nd.Array, rows []int) error {
	data, ok := a.Data.([]float32)
	if !ok {
		return nil
	}
	for i, v := range data {
		if !finite(v) {
			row := i / nd.Size(a.Shape[1:])
			if rows != nil {
				row = rows[row]
			}
			return fmt.Errorf("array %q: sample %d holds %v", name, row, v)
		}
	}
	return nil
}
