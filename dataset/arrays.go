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
	truth  nd.Array // labels that are no classes; the zero Array without
	n      int
	format string
	line   []int // of each row in its text file; nil when there is none
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
	out := make(map[string]nd.Array, len(a.inputs))
	for name, all := range a.inputs {
		out[name] = rowsOf(all, rows)
	}
	return out, nil
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
var labelNames = []string{"labels", "label", "target", "targets", "class", "y"}

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
	src := &arrays{inputs: make(map[string]nd.Array), format: "npz", n: -1}
	for i, in := range spec.Inputs {
		a, err := z.array(members[i], in.DType)
		if err != nil {
			return nil, nil, err
		}
		if err := checkInput(members[i], a, in); err != nil {
			return nil, nil, err
		}
		if src.n >= 0 && a.Shape[0] != src.n {
			return nil, nil, fmt.Errorf("array %q has %d samples, array %q has %d", members[0], src.n, members[i], a.Shape[0])
		}
		src.n = a.Shape[0]
		src.inputs[in.Name] = a
	}
	name := z.labels(members)
	if name == "" {
		return src, nil, nil
	}
	if spec.AnyLabels {
		labels, err := z.any(name, src)
		return src, labels, err
	}
	labels, err := z.classes(name)
	return src, labels, err
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
			rest := slices.DeleteFunc(slices.Clone(z.names), func(name string) bool { return name == z.labels(nil) })
			if len(rest) == 1 {
				found[i] = rest[0]
			}
		}
		if found[i] == "" {
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

// any reads labels of any type and shape: they are classes if they can be, or else
// the truth of src.
func (z *npzReader) any(name string, src *arrays) ([]int, error) {
	a, err := z.array(name, 0)
	switch {
	case err != nil:
		return nil, err
	case a.DType() == nd.Int64 && oneEach(a):
		return classesOf(a)
	case len(a.Shape) == 0:
		return nil, fmt.Errorf("array %q is a scalar, but labels have a row a sample", name)
	}
	if x, ok := a.Data.([]float32); ok {
		if i := slices.IndexFunc(x, func(v float32) bool { return !finite(v) }); i >= 0 {
			return nil, fmt.Errorf("array %q: sample %d holds %v", name, i/nd.Size(a.Shape[1:]), x[i])
		}
	}
	src.truth = a
	return nil, nil
}

// classes reads an integer array of shape [N] or [N,1].
func (z *npzReader) classes(name string) ([]int, error) {
	a, err := z.array(name, 0)
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

// checkInput compares an array with the input it is for.
func checkInput(name string, a nd.Array, in Input) error {
	if len(a.Shape) == 0 {
		return fmt.Errorf("array %q is a scalar and has no axis of samples", name)
	}
	fits := in.Shape == nil || len(in.Shape) == len(a.Shape)
	for axis := 1; fits && axis < len(in.Shape); axis++ {
		fits = in.Shape[axis] < 0 || in.Shape[axis] == a.Shape[axis]
	}
	if !fits {
		return malformed("arrays are taken as they are: reshape them before storing", "array %q has shape %v, but input %q wants %s", name, a.Shape, in.Name, shapeText(in.Shape))
	}
	data, ok := a.Data.([]float32)
	if !ok {
		return nil
	}
	for i, v := range data {
		if !finite(v) {
			return fmt.Errorf("array %q: sample %d holds %v", name, i/nd.Size(a.Shape[1:]), v)
		}
	}
	return nil
}
