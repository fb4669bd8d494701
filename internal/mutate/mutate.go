// Package mutate changes serialised protobuf messages, ONNX models before all, as an
// attacker would: field by field, keeping the lengths around them right. What comes
// out is often a model that one reader takes and another refuses, or that two read
// differently. Tests use it; nothing else does.
package mutate

import (
	"math/rand/v2"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// field is one field of a message.
type field struct {
	num      protowire.Number
	typ      protowire.Type
	number   uint64 // of a varint, fixed32 or fixed64
	content  []byte // of strings, bytes and packed lists
	message  *message
	tag, len int // bytes to pad the tag and the length to
}

// message is a message with its fields in file order.
type message struct {
	desc   protoreflect.MessageDescriptor
	fields []*field
}

var model = (*onnxpb.ModelProto)(nil).ProtoReflect().Descriptor()

// parse reads a valid message.
func parse(data []byte, d protoreflect.MessageDescriptor) *message {
	m := &message{desc: d}
	for len(data) > 0 {
		num, typ, n := protowire.ConsumeTag(data)
		if n < 0 {
			return m
		}
		data = data[n:]
		f := &field{num: num, typ: typ}
		switch typ {
		case protowire.VarintType:
			f.number, n = protowire.ConsumeVarint(data)
		case protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(data)
			f.number = uint64(v)
		case protowire.Fixed64Type:
			f.number, n = protowire.ConsumeFixed64(data)
		case protowire.BytesType:
			f.content, n = protowire.ConsumeBytes(data)
			if fd := d.Fields().ByNumber(num); n >= 0 && fd != nil && fd.Message() != nil {
				f.message, f.content = parse(f.content, fd.Message()), nil
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, data)
		}
		if n < 0 {
			return m
		}
		data = data[n:]
		m.fields = append(m.fields, f)
	}
	return m
}

func padded(v uint64, n int) []byte {
	b := protowire.AppendVarint(nil, v)
	for len(b) < n {
		b[len(b)-1] |= 0x80
		b = append(b, 0)
	}
	return b
}

func (m *message) append(b []byte) []byte {
	for _, f := range m.fields {
		b = append(b, padded(protowire.EncodeTag(f.num, f.typ), f.tag)...)
		switch f.typ {
		case protowire.VarintType:
			b = protowire.AppendVarint(b, f.number)
		case protowire.Fixed32Type:
			b = protowire.AppendFixed32(b, uint32(f.number))
		case protowire.Fixed64Type:
			b = protowire.AppendFixed64(b, f.number)
		case protowire.BytesType:
			content := f.content
			if f.message != nil {
				content = f.message.append(nil)
			}
			b = append(append(b, padded(uint64(len(content)), f.len)...), content...)
		case protowire.StartGroupType:
			b = protowire.AppendTag(b, f.num, protowire.EndGroupType)
		}
	}
	return b
}

// all returns every message below m, itself included.
func (m *message) all() []*message {
	list := []*message{m}
	for _, f := range m.fields {
		if f.message != nil {
			list = append(list, f.message.all()...)
		}
	}
	return list
}

// clone copies a field with all that is in it.
func (f *field) clone() *field {
	c := *f
	if f.message != nil {
		c.message = &message{desc: f.message.desc}
		for _, g := range f.message.fields {
			c.message.fields = append(c.message.fields, g.clone())
		}
	}
	return &c
}

// Model returns a copy of a valid serialised model with one to three changes.
func Model(data []byte, rng *rand.Rand) []byte { return Message(data, model, rng) }

// Message is Model for a message of any type.
func Message(data []byte, d protoreflect.MessageDescriptor, rng *rand.Rand) []byte {
	root := parse(data, d)
	for range 1 + rng.IntN(3) {
		change(root, rng)
	}
	out := root.append(nil)
	if rng.IntN(20) == 0 && len(out) > 0 { // now and then, something below the structure
		switch i := rng.IntN(len(out)); rng.IntN(3) {
		case 0:
			out[i] ^= 1 << rng.IntN(8)
		case 1:
			out = out[:i]
		case 2:
			out = append(out, byte(rng.IntN(256)), byte(rng.IntN(4)))
		}
	}
	return out
}

// change makes one change in a random message.
func change(root *message, rng *rand.Rand) {
	messages := root.all()
	m := messages[rng.IntN(len(messages))]
	if len(m.fields) == 0 {
		m.fields = append(m.fields, someField(m.desc, messages, rng))
		return
	}
	i := rng.IntN(len(m.fields))
	f := m.fields[i]
	switch rng.IntN(12) {
	case 0: // again, at once or at the end
		at := i
		if rng.IntN(2) == 0 {
			at = len(m.fields)
		}
		c := f.clone()
		m.fields = append(m.fields[:at:at], append([]*field{c}, m.fields[at:]...)...)
		if rng.IntN(2) == 0 {
			value(c, m.desc, messages, rng)
		}
	case 1: // not at all
		m.fields = append(m.fields[:i:i], m.fields[i+1:]...)
	case 2: // in another place
		k := rng.IntN(len(m.fields))
		m.fields[i], m.fields[k] = m.fields[k], m.fields[i]
	case 3: // one that the message may have
		at := rng.IntN(len(m.fields) + 1)
		m.fields = append(m.fields[:at:at], append([]*field{someField(m.desc, messages, rng)}, m.fields[at:]...)...)
	case 4: // encoded otherwise
		encoding(f, rng)
	case 5: // packed or unpacked
		repack(m, i)
	case 6: // what is in another message of this kind
		if f.message != nil {
			for _, k := range rng.Perm(len(messages)) {
				if other := messages[k]; other.desc == f.message.desc && other != f.message {
					f.message = (&field{message: other}).clone().message
					return
				}
			}
		}
		value(f, m.desc, messages, rng)
	default:
		value(f, m.desc, messages, rng)
	}
}

// interesting are numbers at the limits of what readers keep of them.
var interesting = []uint64{0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 16, 17, 21, 22, 99, 127, 128, 255, 256, 300, 1<<31 - 1, 1 << 31, 1<<32 - 1, 1 << 32, 1<<32 + 1, 1<<32 + 4, 1<<63 - 1, 1 << 63, 1<<64 - 1, 1<<64 - 2}

// value gives a field another value.
func value(f *field, d protoreflect.MessageDescriptor, messages []*message, rng *rand.Rand) {
	switch {
	case f.message != nil:
		if n := len(f.message.fields); n > 0 {
			value(f.message.fields[rng.IntN(n)], f.message.desc, messages, rng)
		}
	case f.typ != protowire.BytesType:
		if f.number = interesting[rng.IntN(len(interesting))]; f.typ == protowire.Fixed32Type {
			f.number = uint64(rng.Uint32())
		}
	case rng.IntN(3) > 0: // a name from elsewhere
		if s := someString(messages, rng); s != nil {
			f.content = s
		}
	default:
		content := append([]byte(nil), f.content...)
		switch n := len(content); {
		case n == 0 || rng.IntN(4) == 0:
			content = protowire.AppendVarint(content, interesting[rng.IntN(len(interesting))])
		case rng.IntN(2) == 0:
			content = content[:rng.IntN(n)]
		default:
			content[rng.IntN(n)] ^= 1 << rng.IntN(8)
		}
		f.content = content
	}
}

// someString returns the content of a random string field.
func someString(messages []*message, rng *rand.Rand) []byte {
	for _, k := range rng.Perm(len(messages)) {
		m := messages[k]
		for _, i := range rng.Perm(len(m.fields)) {
			if f := m.fields[i]; f.typ == protowire.BytesType && f.message == nil && len(f.content) < 40 {
				return f.content
			}
		}
	}
	return nil
}

// someField makes a field that a message may have, or one that it does not.
func someField(d protoreflect.MessageDescriptor, messages []*message, rng *rand.Rand) *field {
	if rng.IntN(12) == 0 || d.Fields().Len() == 0 {
		types := []protowire.Type{protowire.VarintType, protowire.BytesType, protowire.StartGroupType, protowire.Fixed32Type}
		return &field{num: protowire.Number(30 + rng.IntN(1000)), typ: types[rng.IntN(len(types))]}
	}
	fd := d.Fields().Get(rng.IntN(d.Fields().Len()))
	f := &field{num: fd.Number(), typ: protowire.VarintType}
	switch fd.Kind() {
	case protoreflect.StringKind, protoreflect.BytesKind:
		f.typ, f.content = protowire.BytesType, someString(messages, rng)
	case protoreflect.MessageKind:
		f.typ, f.message = protowire.BytesType, &message{desc: fd.Message()}
		for _, k := range rng.Perm(len(messages)) {
			if messages[k].desc == fd.Message() {
				f.message = (&field{message: messages[k]}).clone().message
				break
			}
		}
	case protoreflect.FloatKind:
		f.typ, f.number = protowire.Fixed32Type, uint64(rng.Uint32())
	case protoreflect.DoubleKind:
		f.typ, f.number = protowire.Fixed64Type, rng.Uint64()
	default:
		f.number = interesting[rng.IntN(len(interesting))]
	}
	return f
}

// encoding writes a field in another way, right or wrong.
func encoding(f *field, rng *rand.Rand) {
	switch rng.IntN(4) {
	case 0:
		f.tag = 1 + rng.IntN(10)
	case 1:
		f.len = 1 + rng.IntN(10)
	case 2:
		f.num = protowire.Number(1 + rng.IntN(26))
	case 3:
		f.typ = protowire.Type(rng.IntN(6))
		if f.typ == protowire.EndGroupType {
			f.typ = protowire.StartGroupType
		}
	}
}

// repack turns a packed list of varints into single ones, or one into a list.
func repack(m *message, i int) {
	f := m.fields[i]
	fd := m.desc.Fields().ByNumber(f.num)
	if fd == nil || !fd.IsList() || fd.Message() != nil {
		return
	}
	switch {
	case f.typ == protowire.VarintType:
		f.typ, f.content = protowire.BytesType, protowire.AppendVarint(nil, f.number)
	case f.typ == protowire.Fixed32Type:
		f.typ, f.content = protowire.BytesType, protowire.AppendFixed32(nil, uint32(f.number))
	case f.typ == protowire.BytesType && (fd.Kind() == protoreflect.Int64Kind || fd.Kind() == protoreflect.Int32Kind || fd.Kind() == protoreflect.Uint64Kind):
		var single []*field
		for b := f.content; len(b) > 0; {
			v, n := protowire.ConsumeVarint(b)
			if n < 0 {
				return
			}
			b = b[n:]
			single = append(single, &field{num: f.num, typ: protowire.VarintType, number: v})
		}
		m.fields = append(m.fields[:i:i], append(single, m.fields[i+1:]...)...)
	case f.typ == protowire.BytesType && fd.Kind() == protoreflect.FloatKind && len(f.content)%4 == 0:
		var single []*field
		for b := f.content; len(b) > 0; b = b[4:] {
			v, _ := protowire.ConsumeFixed32(b)
			single = append(single, &field{num: f.num, typ: protowire.Fixed32Type, number: uint64(v)})
		}
		m.fields = append(m.fields[:i:i], append(single, m.fields[i+1:]...)...)
	}
}
