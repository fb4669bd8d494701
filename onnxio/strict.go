package onnxio

import (
	"bytes"
	"math"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Rules of the wire format on which readers of protobuf differ, or could. Those
// of single fields are in next (walk.go).

// maxPrefix is how many bytes a tag or a length may take. The C++ library and upb
// refuse more; others do not.
const maxPrefix = 5

// once notes the singular fields of one message.
type once struct{ seen, oneofs uint64 }

// field refuses a singular field that was there already, and a second member of a
// oneof: readers keep the last of two numbers, but merge two messages.
func (o *once) field(f wireField) error {
	if f.desc == nil || f.desc.IsList() {
		return nil
	}
	if one := f.desc.ContainingOneof(); one != nil {
		if bit := uint64(1) << one.Index(); o.oneofs&bit == 0 {
			o.oneofs |= bit
			return nil
		}
		return within(f.desc.Name(), malformedAt(RepeatedField, f.start, "%s is given twice", one.Name()))
	}
	if bit := uint64(1) << (f.num & 63); o.seen&bit == 0 { // ONNX has no numbers above 63
		o.seen |= bit
		return nil
	}
	return within(f.desc.Name(), malformedAt(RepeatedField, f.start, "is given twice"))
}

// checkScalar checks a value that is not a message.
func checkScalar(data []byte, f wireField) error {
	switch f.desc.Kind() {
	case protoreflect.EnumKind:
		v, _ := protowire.ConsumeVarint(data[f.payload:f.end])
		if v > math.MaxInt32 || f.desc.Enum().Values().ByNumber(protoreflect.EnumNumber(v)) == nil {
			return within(f.desc.Name(), malformedAt(EnumRange, f.start, "%d is not a %s", int64(v), f.desc.Enum().Name()))
		}
	case protoreflect.Int32Kind:
		if f.typ != protowire.VarintType {
			break // a packed list, of which int32_data is the only one
		}
		if v, _ := protowire.ConsumeVarint(data[f.payload:f.end]); int64(v) != int64(int32(v)) {
			return within(f.desc.Name(), malformedAt(IntegerRange, f.start, "%d has more than 32 bits", int64(v)))
		}
	case protoreflect.StringKind:
		switch s := data[f.payload:f.end]; {
		case isProse(f.desc):
		case !utf8.Valid(s):
			return within(f.desc.Name(), malformedAt(InvalidName, f.start, "%.40q is not UTF-8", s))
		case bytes.IndexByte(s, 0) >= 0:
			return within(f.desc.Name(), malformedAt(InvalidName, f.start, "%.40q has a zero byte", s))
		}
	}
	return nil
}

// isProse reports whether a string is text for people, which no reader compares
// with anything. Old exporters wrote it in whatever encoding they had.
func isProse(fd protoreflect.FieldDescriptor) bool {
	switch fd.Name() {
	case "doc_string", "producer_name", "producer_version":
		return true
	}
	return fd == entryValue
}
