package onnxio

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// Limits on what a file may ask for. The largest exported models stay far below
// them; a hostile file meets them before memory is spent.
const (
	maxDepth     = 100     // nested messages; one nested graph takes three
	maxMessages  = 1 << 22 // nodes, attributes, value infos … in one model
	maxStructure = 1 << 30 // bytes of a model without its tensors' elements
	maxRank      = 64
)

// lengthSize is the fixed size at which the walk writes message lengths, so that
// they can be filled in afterwards: five varint bytes hold any length below
// maxStructure.
const lengthSize = 5

// walker reads a serialised ModelProto once. It collects the tensors and builds
// a skeleton: the same messages without the elements of tensors and without
// unknown fields. In the skeleton a tensor's raw_data is its index in tensors,
// which is how bind finds the record of a message after unmarshalling.
type walker struct {
	data     []byte
	skeleton []byte
	messages int
	tensors  []*Initializer
}

// A formatError is a violation of the wire format, with the place where it is.
type formatError struct {
	path string // field names from the model down, "graph.node.attribute"
	at   int    // byte offset in the file
	err  error
}

func (e *formatError) Error() string {
	if e.path == "" {
		return fmt.Sprintf("byte %d: %v", e.at, e.err)
	}
	return fmt.Sprintf("%s at byte %d: %v", e.path, e.at, e.err)
}

func (e *formatError) Unwrap() error { return e.err }

// within adds the name of the enclosing field to the path of an error.
func within(field protoreflect.Name, err error) error {
	if e, ok := errors.AsType[*formatError](err); ok {
		if e.path == "" {
			e.path = string(field)
		} else {
			e.path = string(field) + "." + e.path
		}
	}
	return err
}

var (
	modelDesc  = (*onnxpb.ModelProto)(nil).ProtoReflect().Descriptor()
	tensorDesc = (*onnxpb.TensorProto)(nil).ProtoReflect().Descriptor()
)

// wireField is one field of a message as it lies in the file.
type wireField struct {
	num     protowire.Number
	typ     protowire.Type
	start   int // of the tag
	value   int // after the tag; the length prefix of a length-delimited field
	payload int // the value, or the content of a length-delimited field
	end     int
	desc    protoreflect.FieldDescriptor // nil for an unknown field
}

// next reads the field at pos of a message that ends at end.
func next(data []byte, pos, end int, d protoreflect.MessageDescriptor) (wireField, error) {
	f := wireField{start: pos}
	var n int
	if f.num, f.typ, n = protowire.ConsumeTag(data[pos:end]); n < 0 {
		return f, &formatError{at: pos, err: protowire.ParseError(n)}
	}
	if f.num > protowire.MaxValidNumber {
		return f, &formatError{at: pos, err: fmt.Errorf("invalid field number %d", f.num)}
	}
	f.value = pos + n
	if n = protowire.ConsumeFieldValue(f.num, f.typ, data[f.value:end]); n < 0 {
		err := error(&formatError{at: pos, err: protowire.ParseError(n)})
		if fd := d.Fields().ByNumber(f.num); fd != nil {
			err = within(fd.Name(), err)
		}
		return f, err
	}
	f.payload, f.end = f.value, f.value+n
	if f.typ == protowire.BytesType {
		_, n = protowire.ConsumeVarint(data[f.value:f.end])
		f.payload += n
	}
	f.desc = d.Fields().ByNumber(f.num)
	if f.desc != nil && !wireTypeFits(f.desc, f.typ) {
		return f, within(f.desc.Name(), &formatError{at: pos, err: fmt.Errorf("unexpected wire type %d", f.typ)})
	}
	return f, nil
}

// wireTypeFits reports whether a field of this type can be written that way.
// Repeated numbers may be packed or not, whatever the schema prefers.
func wireTypeFits(fd protoreflect.FieldDescriptor, t protowire.Type) bool {
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return t == protowire.BytesType
	}
	if fd.IsList() && t == protowire.BytesType {
		return true
	}
	switch fd.Kind() {
	case protoreflect.FloatKind:
		return t == protowire.Fixed32Type
	case protoreflect.DoubleKind:
		return t == protowire.Fixed64Type
	}
	return t == protowire.VarintType
}

// walk reads the whole model.
func (w *walker) walk() error {
	return w.message(0, len(w.data), modelDesc, 0)
}

// message appends the skeleton of the message in data[pos:end].
func (w *walker) message(pos, end int, d protoreflect.MessageDescriptor, depth int) error {
	if err := w.count(pos); err != nil {
		return err
	}
	if depth > maxDepth {
		return &formatError{at: pos, err: fmt.Errorf("messages nested more than %d deep", maxDepth)}
	}
	if d == tensorDesc {
		return w.tensor(pos, end)
	}
	for pos < end {
		f, err := next(w.data, pos, end, d)
		if err != nil {
			return err
		}
		pos = f.end
		switch {
		case f.desc == nil:
		case f.desc.Message() != nil:
			w.skeleton = protowire.AppendTag(w.skeleton, f.num, f.typ)
			at := len(w.skeleton)
			w.skeleton = append(w.skeleton, make([]byte, lengthSize)...)
			if err := w.message(f.payload, f.end, f.desc.Message(), depth+1); err != nil {
				return within(f.desc.Name(), err)
			}
			putLength(w.skeleton[at:], len(w.skeleton)-at-lengthSize)
		default:
			if err := w.copy(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// count counts a message against the limit.
func (w *walker) count(pos int) error {
	if w.messages++; w.messages > maxMessages {
		return &formatError{at: pos, err: fmt.Errorf("more than %d messages", maxMessages)}
	}
	return nil
}

// copy appends a field to the skeleton as it is.
func (w *walker) copy(f wireField) error {
	if len(w.skeleton)+f.end-f.start > maxStructure {
		return &formatError{at: f.start, err: fmt.Errorf("more than %d bytes besides the tensors", maxStructure)}
	}
	w.skeleton = append(w.skeleton, w.data[f.start:f.end]...)
	return nil
}

// putLength writes n as a varint of lengthSize bytes.
func putLength(b []byte, n int) {
	for i := range lengthSize {
		b[i] = byte(n>>(7*i))&0x7f | 0x80
	}
	b[lengthSize-1] &= 0x7f
}
