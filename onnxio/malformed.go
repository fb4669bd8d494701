package onnxio

import (
	"errors"
	"fmt"

	"github.com/advparams/advparams/internal/hint"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Malformed names one way in which a file is not a valid model. Each is an error
// that [errors.Is] finds in what [Open] returns, and a class of the test vectors
// in testdata/vectors. The names are stable.
//
// Most of them are about files that readers understand in different ways: one
// reader keeps the first of two values, another the last; one takes a function of
// the model, another its own operator of that name. What a lock does to such a
// file, and what verify measures, would not be what another runtime runs.
// Therefore such files are refused, also where today's readers happen to agree.
// docs/threats.md lists what each reader does.
type Malformed string

// Violations of the wire format.
const (
	WireFormat     Malformed = "wire-format"     // truncated, or not protobuf at all
	WireType       Malformed = "wire-type"       // a known field in a wire type that it cannot have
	WireGroup      Malformed = "wire-group"      // a group, which ONNX does not have
	OverlongVarint Malformed = "overlong-varint" // a tag or length of more than five bytes
	RepeatedField  Malformed = "repeated-field"  // a singular field, or a oneof, given twice
	EnumRange      Malformed = "enum-range"      // an enumeration value that is not defined
	IntegerRange   Malformed = "integer-range"   // an int32 field with a value of more than 32 bits
	InvalidName    Malformed = "invalid-name"    // a name that is not UTF-8, or has a zero byte, where C ends it
	TooDeep        Malformed = "too-deep"        // messages nested more than 100 deep
	TooLarge       Malformed = "too-large"       // more structure than any model has, or bytes that too many tensors share
)

// Violations by a tensor.
const (
	TensorType     Malformed = "tensor-type"     // a missing or unknown data type
	TensorDims     Malformed = "tensor-dims"     // negative, too many or too large dimensions
	TensorSize     Malformed = "tensor-size"     // more or fewer elements than the dimensions ask for
	TensorStorage  Malformed = "tensor-storage"  // stored twice, or where its type cannot be
	TensorValue    Malformed = "tensor-value"    // an element that its type does not have
	TensorSegment  Malformed = "tensor-segment"  // stored in segments
	ExternalKey    Malformed = "external-key"    // an unknown or repeated key of external data
	ExternalNumber Malformed = "external-number" // an offset or length that is no number, or the wrong one
	ExternalPath   Malformed = "external-path"   // a location outside of the folder, or that is no file's name
	ExternalFile   Malformed = "external-file"   // a data file that is missing, too short, or not a regular file
)

// Violations by the model, a graph, a node or a function.
const (
	NoGraph          Malformed = "no-graph"          // a model without a graph
	IRVersion        Malformed = "ir-version"        // no IR version, or one that is not known
	OpsetImport      Malformed = "opset-import"      // an operator set that is missing, given twice or out of range
	DuplicateName    Malformed = "duplicate-name"    // two initializers, values, inputs or nodes of one name
	ShadowedName     Malformed = "shadowed-name"     // a nested graph's name that the graph around it has too
	MissingName      Malformed = "missing-name"      // an initializer, input, operator, attribute, function or nested graph without a name
	UndefinedValue   Malformed = "undefined-value"   // an input or output that nothing computes
	Unsorted         Malformed = "unsorted"          // a node of a nested graph or function before one that it depends on
	InitializerType  Malformed = "initializer-type"  // an initializer that contradicts the graph input of its name
	ValueType        Malformed = "value-type"        // an input or output of an element type that is not known
	AttributeType    Malformed = "attribute-type"    // an attribute without a type, or with a value of another type
	AttributeValue   Malformed = "attribute-value"   // an attribute without the value that its type asks for
	ConstantNode     Malformed = "constant-node"     // a Constant with an input, or without exactly one value and one output
	DuplicateAttr    Malformed = "duplicate-attr"    // two attributes of one name
	AttributeRef     Malformed = "attribute-ref"     // ref_attr_name outside of a function, undeclared, or beside a value
	ReservedFunction Malformed = "reserved-function" // a function, or Constant, in a domain where readers have their own
	FunctionCall     Malformed = "function-call"     // a call with more inputs or outputs than the function has
	FunctionCycle    Malformed = "function-cycle"    // functions that call each other for ever
)

// Error returns the name of the class.
func (m Malformed) Error() string { return string(m) }

// A MalformedError says in which way a file is not a valid model, and where.
type MalformedError struct {
	Class  Malformed
	Field  string // field names from the model down, "graph.node.attribute"; may be empty
	Offset int    // byte in the model file; -1 where it is not about a place
	Err    error  // what is wrong
}

// Error says where, if that is known, and what is wrong.
func (e *MalformedError) Error() string {
	switch {
	case e.Offset < 0:
		return e.Err.Error()
	case e.Field == "":
		return fmt.Sprintf("byte %d: %v", e.Offset, e.Err)
	}
	return fmt.Sprintf("%s at byte %d: %v", e.Field, e.Offset, e.Err)
}

// encoding reports whether the file is no valid protobuf, or not of ONNX's messages.
func (e *MalformedError) encoding() bool { return e.Offset >= 0 || e.Class == WireFormat }

// Hint says what to do.
func (e *MalformedError) Hint() string {
	switch {
	case hint.Of(e.Err) != "":
		return hint.Of(e.Err)
	case e.encoding():
		return "copy, download or export it again"
	case e.Class == IRVersion:
		return "the file is damaged or uses an ONNX version newer than this program knows"
	case e.Class == DuplicateName || e.Class == ShadowedName:
		return "names must be unique: export the model again"
	}
	return "other programs refuse such a file or read it differently: export the model again"
}

// Unwrap returns the class and what is wrong.
func (e *MalformedError) Unwrap() []error { return []error{e.Class, e.Err} }

// malformed is a MalformedError that is not about a place in the file.
func malformed(class Malformed, format string, args ...any) error {
	return &MalformedError{Class: class, Offset: -1, Err: fmt.Errorf(format, args...)}
}

// malformedAt is a MalformedError about a byte of the file.
func malformedAt(class Malformed, at int, format string, args ...any) error {
	return &MalformedError{Class: class, Offset: at, Err: fmt.Errorf(format, args...)}
}

// within adds the name of the enclosing field to the path of an error.
func within(field protoreflect.Name, err error) error {
	if e, ok := errors.AsType[*MalformedError](err); ok && e.Offset >= 0 {
		if e.Field == "" {
			e.Field = string(field)
		} else {
			e.Field = string(field) + "." + e.Field
		}
	}
	return err
}

// parseError is the error of protowire that n stands for.
func parseError(at, n int) error {
	return &MalformedError{Class: WireFormat, Offset: at, Err: protowire.ParseError(n)}
}
