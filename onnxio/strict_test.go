package onnxio

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// strictClasses are the ways of being malformed that strict knows.
var strictClasses = []Malformed{WireFormat, WireType, WireGroup, OverlongVarint, RepeatedField, EnumRange, IntegerRange, InvalidName, TooDeep}

// FuzzStrict compares Open with a reader that is put together from protobuf-go and
// the rules of proto2 that it leaves to its users: what Open accepts, that reader
// accepts; what Open refuses for its encoding, that reader refuses.
func FuzzStrict(f *testing.F) {
	for _, kind := range []string{"onnx/*.onnx", "external/*/model.onnx"} {
		paths, err := filepath.Glob(filepath.Join(vectorsDir, kind))
		if err != nil || len(paths) == 0 {
			f.Fatalf("no vectors: %v", err)
		}
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	path := filepath.Join(f.TempDir(), "model.onnx")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		m, err := Open(path)
		strict := strictlyRead(data)
		if err == nil {
			m.Close()
			if strict != nil {
				t.Fatalf("opened, but %v", strict)
			}
			return
		}
		bad, ok := errors.AsType[*MalformedError](err)
		if ok && slices.Contains(strictClasses, bad.Class) && strict == nil {
			t.Fatalf("refused: %v; but a strict reader finds nothing", err)
		}
	})
}

// strictlyRead returns what is wrong with the encoding of a model, if anything.
func strictlyRead(data []byte) error {
	m := &onnxpb.ModelProto{}
	if err := (proto.UnmarshalOptions{RecursionLimit: maxDepth + 1}).Unmarshal(data, m); err != nil {
		return err
	}
	if err := strictMessage(m.ProtoReflect()); err != nil {
		return err
	}
	return strictFields(data, m.ProtoReflect().Descriptor())
}

// strictMessage finds what protobuf-go keeps of fields that it could not use: those
// of the wrong wire type are unknown fields, enumerations are open.
func strictMessage(m protoreflect.Message) error {
	for b := m.GetUnknown(); len(b) > 0; {
		num, typ, n := protowire.ConsumeTag(b)
		if m.Descriptor().Fields().ByNumber(num) != nil {
			return WireType
		}
		if typ == protowire.StartGroupType {
			return WireGroup
		}
		b = b[n+protowire.ConsumeFieldValue(num, typ, b[n:]):]
	}
	var err error
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Enum() != nil:
			if fd.Enum().Values().ByNumber(v.Enum()) == nil {
				err = EnumRange
			}
		case fd.Kind() == protoreflect.StringKind && fd.IsList():
			for i := range v.List().Len() {
				if !isName(fd, v.List().Get(i).String()) {
					err = InvalidName
				}
			}
		case fd.Kind() == protoreflect.StringKind:
			if !isName(fd, v.String()) {
				err = InvalidName
			}
		case fd.Message() == nil:
		case fd.IsList():
			for i := 0; i < v.List().Len() && err == nil; i++ {
				err = strictMessage(v.List().Get(i).Message())
			}
		default:
			err = strictMessage(v.Message())
		}
		return err == nil
	})
	return err
}

func isName(fd protoreflect.FieldDescriptor, s string) bool {
	switch string(fd.FullName().Name()) {
	case "doc_string", "producer_name", "producer_version":
		return true
	case "value":
		return fd.Parent().Name() == "StringStringEntryProto" || utf8.ValidString(s) && !bytes.ContainsRune([]byte(s), 0)
	}
	return utf8.ValidString(s) && !bytes.ContainsRune([]byte(s), 0)
}

// strictFields finds fields that protobuf-go merges or cuts. The message is valid
// protobuf.
func strictFields(data []byte, d protoreflect.MessageDescriptor) error {
	count := map[protoreflect.FullName]int{}
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n > 5 {
			return OverlongVarint
		}
		data = data[n:]
		size := protowire.ConsumeFieldValue(num, typ, data)
		value := data[:size]
		data = data[size:]
		if typ == protowire.BytesType {
			if _, n := protowire.ConsumeVarint(value); n > 5 {
				return OverlongVarint
			}
		}
		fd := d.Fields().ByNumber(num)
		if fd == nil {
			continue
		}
		name := fd.FullName()
		if one := fd.ContainingOneof(); one != nil {
			name = one.FullName()
		}
		if count[name]++; !fd.IsList() && count[name] > 1 {
			return RepeatedField
		}
		switch {
		case typ == protowire.VarintType && fd.Enum() != nil, typ == protowire.VarintType && fd.Kind() == protoreflect.Int32Kind && !fd.IsList():
			if v, _ := protowire.ConsumeVarint(value); int64(v) != int64(int32(v)) {
				return IntegerRange
			}
		case fd.Message() != nil:
			content, _ := protowire.ConsumeBytes(value)
			if err := strictFields(content, fd.Message()); err != nil {
				return err
			}
		}
	}
	return nil
}
