package onnxio

import (
	"regexp"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// sourcePlace matches a place in Python source as tracebacks (torch.export) and
// TorchScript's doc strings write it.
var sourcePlace = regexp.MustCompile(`File "[^"\n]+", line \d+|[^\s"']+\.py(?:\(\d+\)|:\d+)`)

// Metadata counts the metadata entries and doc strings that give away where and
// how the model was made: places in the author's source files, often with the
// source lines. The example is the first such place, empty if there is none.
//
// torch.export writes them on every node, under "pkg.torch.onnx.stack_trace".
func (m *Model) Metadata() (count int, example string) {
	visitText(m.proto.ProtoReflect(), func(text string) {
		place := sourcePlace.FindString(text)
		if place == "" {
			return
		}
		if count++; count == 1 {
			example = place
		}
	})
	return count, example
}

var entryValue = (*onnxpb.StringStringEntryProto)(nil).ProtoReflect().Descriptor().Fields().ByName("value")

// visitText calls f with every doc_string and metadata value below a message.
func visitText(m protoreflect.Message, f func(string)) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if !m.Has(fd) {
			continue
		}
		switch {
		case fd == entryValue || fd.Name() == "doc_string":
			f(m.Get(fd).String())
		case fd.Message() == nil:
		case fd.IsList():
			list := m.Get(fd).List()
			for k := range list.Len() {
				visitText(list.Get(k).Message(), f)
			}
		default:
			visitText(m.Get(fd).Message(), f)
		}
	}
}
