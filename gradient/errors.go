package gradient

import (
	"errors"
	"fmt"
	"strings"

	"github.com/advparams/advparams/internal/ops"
	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// ErrUnsupported is wrapped by the errors that say a valid model uses something
// that is not implemented.
var ErrUnsupported = ops.ErrUnsupported

// ErrLimit is wrapped by the errors that say a model asks for more memory or work than
// Config.Memory allows: *MemoryError and *LimitError.
var ErrLimit = ops.ErrLimit

// ErrMemory is wrapped by a MemoryError.
var ErrMemory = errors.New("too large a batch")

// UnsupportedError lists the nodes of a model that cannot be computed.
type UnsupportedError struct {
	Path       string   // of the model
	Nodes      []string // one description a node: operator, name, opset and reason
	NotNetwork string   // what the model contains that has no gradients, such as decision trees

	// OneProcessor says that onnxruntime saved the model with its highest level of
	// optimisation, for processors like its own (com.microsoft.nchwc).
	OneProcessor bool
}

func (e *UnsupportedError) Error() string {
	if e.NotNetwork != "" {
		return fmt.Sprintf("%s: not a neural network: it contains %s, which have no gradients", e.Path, e.NotNetwork)
	}
	if e.OneProcessor {
		return fmt.Sprintf("%s: onnxruntime saved it for one kind of processor (com.microsoft.nchwc); save it with optimisation level extended or below", e.Path)
	}
	return fmt.Sprintf("%s: %d unsupported nodes: %s", e.Path, len(e.Nodes), strings.Join(e.Nodes, "; "))
}

// Is reports whether target is ErrUnsupported.
func (e *UnsupportedError) Is(target error) bool { return target == ErrUnsupported }

// NodeError is an error in a node of a model.
type NodeError struct {
	Operator string // its type, such as "Conv"
	Node     string // its name, or that of its first output if it has none
	Err      error
}

func newNodeError(n *onnxpb.NodeProto, err error) error {
	return &NodeError{n.GetOpType(), nodeName(n), err}
}

func (e *NodeError) Error() string { return fmt.Sprintf("node %s %q: %v", e.Operator, e.Node, e.Err) }

// Unwrap returns Err.
func (e *NodeError) Unwrap() error { return e.Err }

// InputTypeError means that an input is not a tensor, or one of a type that is
// not implemented. It wraps ErrUnsupported.
type InputTypeError struct {
	Input string
	Elem  onnxpb.TensorProto_DataType // UNDEFINED if the input is not a tensor
}

func (e *InputTypeError) Error() string {
	if e.Elem == onnxpb.TensorProto_UNDEFINED {
		return fmt.Sprintf("input %q is not a tensor: %v", e.Input, ErrUnsupported)
	}
	return fmt.Sprintf("input %q is of type %v: %v", e.Input, e.Elem, ErrUnsupported)
}

// Unwrap returns ErrUnsupported.
func (e *InputTypeError) Unwrap() error { return ErrUnsupported }

// MissingInputError means that there is no array for an input.
type MissingInputError struct{ Input Input }

func (e *MissingInputError) Error() string { return fmt.Sprintf("no data for input %v", e.Input) }

// Hint names the array that is missing.
func (e *MissingInputError) Hint() string { return fmt.Sprintf("give an array named %q", e.Input.Name) }

// InputError means that the array for an input is not what the model declares, or
// what a Program was compiled for.
type InputError struct {
	Input Input
	DType nd.DType // of the array
	Shape []int    // of the array
}

func (e *InputError) Error() string {
	if e.DType != e.Input.DType {
		return fmt.Sprintf("data of type %v for input %v", e.DType, e.Input)
	}
	return fmt.Sprintf("data of shape %v for input %v", e.Shape, e.Input)
}

// AssumedError means that the elements of an input, or of a weight together with inputs,
// decide shapes or which operators run, and are not those that the program was compiled for.
type AssumedError struct {
	Input  string
	Weight string // "" if it is an input
}

func (e *AssumedError) Error() string {
	what := fmt.Sprintf("input %q", e.Input)
	if e.Weight != "" {
		what = fmt.Sprintf("weight %q", e.Weight)
	}
	return fmt.Sprintf("the elements of %s decide shapes, and are not those that the program was compiled for", what)
}

// RowsError means that a Source has not as many rows for an input as samples were asked of it.
type RowsError struct {
	Input string
	Shape []int // of the array
	Rows  int   // that were asked for
}

func (e *RowsError) Error() string {
	return fmt.Sprintf("an array of shape %v for %d samples of input %q", e.Shape, e.Rows, e.Input)
}

// WeightError means that a weight cannot be tried or refreshed.
type WeightError struct {
	Weight   string
	Index    int // of the element, if there is a weight of that name
	Elements int // of the weight; -1 if there is none of that name
	// Fixed says that the weight lies in the mapping of the model's file (LoadWeightsToChange).
	Fixed bool
}

func (e *WeightError) Error() string {
	switch {
	case e.Elements < 0:
		return fmt.Sprintf("there is no weight %q", e.Weight)
	case e.Fixed:
		return fmt.Sprintf("weight %q was not loaded to be changed", e.Weight)
	}
	return fmt.Sprintf("element %d of weight %q, which has %d", e.Index, e.Weight, e.Elements)
}

// OutputError means that a model has no output of a name.
type OutputError struct {
	Output  string
	Outputs []string // that the model has
}

func (e *OutputError) Error() string { return fmt.Sprintf("the model has no output %q", e.Output) }

// Hint lists the outputs that there are.
func (e *OutputError) Hint() string { return fmt.Sprintf("it has %q", e.Outputs) }

// MemoryError means that the values of a run, or of a Fork, take more memory than
// Config.Memory allows. It wraps ErrMemory and ErrLimit.
type MemoryError struct {
	Limit int64 // bytes
	// Fixed says that the model fixes the size of its batches, and that these are too
	// large whatever Config.Memory says. It does not wrap ErrLimit then.
	Fixed bool
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%v: the values of a batch need more than %d MiB of memory", ErrMemory, e.Limit>>20)
}

// Is reports whether target is ErrMemory or ErrLimit.
func (e *MemoryError) Is(target error) bool {
	return target == ErrMemory || target == ErrLimit && !e.Fixed
}

// Hint says what takes less memory.
func (e *MemoryError) Hint() string {
	if e.Fixed {
		return "export the model with a smaller batch"
	}
	return "use smaller batches"
}

// LogitsError means that the first output does not hold the logits of a
// classifier, a float32 matrix of [samples, classes].
type LogitsError struct {
	DType nd.DType // of the output; undefined if Shape is nil
	Shape []int    // of the output; nil if there is no output
}

func (e *LogitsError) Error() string {
	switch {
	case e.Shape == nil:
		return "there is no output"
	case e.DType != nd.Float32:
		return "the output is not of a floating-point type"
	}
	return fmt.Sprintf("the output has shape %v; a classifier's is [samples, classes]", e.Shape)
}

// LabelError means that a label is not a class of the model.
type LabelError struct {
	Sample, Label int
	Classes       int // of the model
}

func (e *LabelError) Error() string {
	return fmt.Sprintf("label %d, but the model has %d classes", e.Label, e.Classes)
}

// Hint says what labels are.
func (e *LabelError) Hint() string {
	return fmt.Sprintf("labels count classes from 0 to %d", e.Classes-1)
}

// The errors of operators, which a NodeError wraps when a model is compiled.
type (
	// LimitError means that a value or the constants of a model would take too much memory, or
	// that it would take too long to compute.
	LimitError = ops.LimitError
	// Bound says which bound of a LimitError a model exceeds.
	Bound = ops.Bound
	// IndexError means that an element of an input is not an index of an axis.
	// Program.Forward returns it, too.
	IndexError = ops.IndexError
)

// The bounds of a LimitError.
const (
	BoundValue     = ops.BoundValue     // the elements of one value
	BoundConstants = ops.BoundConstants // the bytes of all constants that are computed while compiling
	BoundWork      = ops.BoundWork      // the multiplications of all operators
)

var (
	// errNoGradient is returned by programs that were compiled without gradients.
	errNoGradient = errors.New("the program was compiled without gradients")
	// errNotKept is returned by programs that were compiled without Keep.
	errNotKept = errors.New("the program was compiled without Keep")
	// errNoSamples means that a model was to be tried, or samples to be computed apart, where
	// there are none.
	errNoSamples = errors.New("there are no samples")
)

// newLogitsError describes the first of a program's outputs.
func newLogitsError(outputs []nd.Array) error {
	if len(outputs) == 0 {
		return &LogitsError{}
	}
	return &LogitsError{outputs[0].DType(), append([]int{}, outputs[0].Shape...)}
}
