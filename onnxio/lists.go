package onnxio

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/onnxpb"
	"github.com/advparams/advparams/seal"
)

// Older operators of ai.onnx.ml have their numbers in attributes, as lists of floats. A float
// takes four bytes. Most writers put a tag before each of them, so that they lie five
// bytes apart.

var (
	attributeDesc = (*onnxpb.AttributeProto)(nil).ProtoReflect().Descriptor()
	floatsNumber  = attributeDesc.Fields().ByName("floats").Number()
)

// listPlaces returns where the floats of attributes lie in the model file. Elements at equal
// distances make one range.
func (m *Model) listPlaces() map[*onnxpb.AttributeProto][]Range {
	places := map[*onnxpb.AttributeProto][]Range{}
	data := m.files[0].data
	var message func(pos, end int, p protoreflect.Message)
	message = func(pos, end int, p protoreflect.Message) {
		d := p.Descriptor()
		if d == tensorDesc {
			return
		}
		seen := map[protowire.Number]int{}
		for pos < end {
			f, err := next(data, pos, end, d)
			if err != nil {
				return // Open has read the file: it does not happen
			}
			pos = f.end
			switch {
			case f.desc == nil:
			case d == attributeDesc && f.num == floatsNumber:
				a := p.Interface().(*onnxpb.AttributeProto)
				places[a] = appendFloats(places[a], f)
			case f.desc.Message() != nil && f.desc.IsList():
				if list := p.Get(f.desc).List(); seen[f.num] < list.Len() {
					message(f.payload, f.end, list.Get(seen[f.num]).Message())
				}
				seen[f.num]++
			case f.desc.Message() != nil && p.Has(f.desc):
				message(f.payload, f.end, p.Get(f.desc).Message())
			}
		}
	}
	message(0, len(data), m.proto.ProtoReflect())
	return places
}

// appendFloats adds the floats of one field, packed or not.
func appendFloats(all []Range, f wireField) []Range {
	const width = 4
	at, stride, count := int64(f.payload), width, int64(f.end-f.payload)/width
	if count == 0 {
		return all
	}
	if n := len(all); n > 0 && count == 1 {
		last := &all[n-1]
		if d := at - (last.Offset + (last.Count-1)*int64(last.Stride)); last.Count == 1 || d == int64(last.Stride) {
			last.Stride = int(d)
			last.Count++
			return all
		}
	}
	return append(all, Range{0, at, stride, width, count})
}

// A SealedList is a list of floats whose elements do not lie side by side. No keystream goes
// over them: the key holds their old values.
type SealedList struct {
	Name   string
	Ranges []Range     // of the model file
	Tensor seal.Tensor // with an index that no range has
}

// sealLists returns patches that seal lists, and those that undo them, with offsets in the
// original.
func (m *Model) sealLists(key *seal.Key, lists []SealedList) (do []*TensorPatch, undo []TensorPatch, err error) {
	data := m.files[0].data
	for _, l := range lists {
		var old []byte
		for _, r := range l.Ranges {
			for i := range r.Count {
				old = append(old, data[r.Offset+i*int64(r.Stride):][:r.Width]...)
			}
		}
		if int64(len(old)) != l.Tensor.Count*int64(l.Tensor.Kind.Width()) {
			return nil, nil, fmt.Errorf("list %q: %d bytes for %d elements", l.Name, len(old), l.Tensor.Count)
		}
		c, err := key.Cipher(l.Tensor)
		if err != nil {
			return nil, nil, fmt.Errorf("list %q: %w", l.Name, err)
		}
		sealed := append([]byte(nil), old...)
		c.Seal(sealed, 0, 1)
		for _, r := range l.Ranges {
			size := int(r.Count) * r.Width
			back := TensorPatch{Tensor: l.Name, Offset: r.Offset, Stride: r.Stride, Width: r.Width, Original: old[:size:size]}
			for i := range r.Count {
				back.Indices.Append(i)
			}
			forth := back
			forth.Original = sealed[:size:size]
			undo, do = append(undo, back), append(do, &forth)
			old, sealed = old[size:], sealed[size:]
		}
	}
	return do, undo, nil
}
