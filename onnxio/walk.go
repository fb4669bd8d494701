package onnxio

import (
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
		return f, parseError(pos, n)
	}
	if f.num > protowire.MaxValidNumber {
		return f, malformedAt(WireFormat, pos, "invalid field number %d", f.num)
	}
	f.value = pos + n
	f.desc = d.Fields().ByNumber(f.num)
	if err := f.measure(data, end); err != nil {
		if f.desc != nil {
			err = within(f.desc.Name(), err)
		}
		return f, err
	}
	return f, nil
}

// measure finds the end of a field whose tag has been read.
func (f *wireField) measure(data []byte, end int) error {
	if f.value-f.start > maxPrefix {
		return malformedAt(OverlongVarint, f.start, "tag of %d bytes", f.value-f.start)
	}
	n := protowire.ConsumeFieldValue(f.num, f.typ, data[f.value:end])
	if n < 0 {
		return parseError(f.start, n)
	}
	f.payload, f.end = f.value, f.value+n
	switch f.typ {
	case protowire.StartGroupType:
		return malformedAt(WireGroup, f.start, "field %d is a group", f.num)
	case protowire.BytesType:
		_, n = protowire.ConsumeVarint(data[f.value:f.end])
		if f.payload += n; n > maxPrefix {
			return malformedAt(OverlongVarint, f.start, "length of %d bytes", n)
		}
	}
	if f.desc != nil && !wireTypeFits(f.desc, f.typ) {
		return malformedAt(WireType, f.start, "unexpected wire type %d", f.typ)
	}
	return nil
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
		return malformedAt(TooDeep, pos, "messages nested more than %d deep", maxDepth)
	}
	if d == tensorDesc {
		return w.tensor(pos, end, depth)
	}
	var singular once
	for pos < end {
		f, err := next(w.data, pos, end, d)
		if err != nil {
			return err
		}
		pos = f.end
		if err := singular.field(f); err != nil {
			return err
		}
		if err := w.field(f, depth); err != nil {
			return err
		}
	}
	return nil
}

// field appends the skeleton of a field of a message that is so deep.
func (w *walker) field(f wireField, depth int) error {
	switch {
	case f.desc == nil:
		return nil
	case f.desc.Message() == nil:
		if err := checkScalar(w.data, f); err != nil {
			return err
		}
		return w.copy(f)
	}
	w.skeleton = protowire.AppendTag(w.skeleton, f.num, f.typ)
	at := len(w.skeleton)
	w.skeleton = append(w.skeleton, make([]byte, lengthSize)...)
	if err := w.message(f.payload, f.end, f.desc.Message(), depth+1); err != nil {
		return within(f.desc.Name(), err)
	}
	putLength(w.skeleton[at:], len(w.skeleton)-at-lengthSize)
	return nil
}

// count counts a message against the limit.
func (w *walker) count(pos int) error {
	if w.messages++; w.messages > maxMessages {
		return malformedAt(TooLarge, pos, "more than %d messages", maxMessages)
	}
	return nil
}

// copy appends a field to the skeleton as it is.
func (w *walker) copy(f wireField) error {
	if len(w.skeleton)+f.end-f.start > maxStructure {
		return malformedAt(TooLarge, f.start, "more than %d bytes besides the tensors", maxStructure)
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
