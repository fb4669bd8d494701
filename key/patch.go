package key

import (
	"errors"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
)

// Patches may have many millions of elements. Messages would take eight bytes for a
// position that takes one in a key, so that the fields concerned are read and written
// here, and of the messages around them everything else.

// Numbers of fields of keypb.
const (
	payloadPatches protowire.Number = 7 // of Payload
	payloadSteps   protowire.Number = 9
	stepPatches    protowire.Number = 2 // of Step
	patchPositions protowire.Number = 6 // of TensorPatch
	patchOriginals protowire.Number = 7
)

// appendPatch appends a patch to a message, as a field of that number.
func appendPatch(b []byte, number protowire.Number, p *onnxio.TensorPatch) ([]byte, error) {
	head, err := marshal(nil, &keypb.TensorPatch{
		Tensor: []byte(p.Tensor), File: uint32(p.File), Offset: uint64(p.Offset), Stride: uint32(p.Stride), Width: uint32(p.Width),
	})
	if err != nil {
		return nil, err
	}
	tail, err := marshal(nil, &keypb.TensorPatch{Flip: p.Flip})
	if err != nil {
		return nil, err
	}
	positions, size := p.Indices.Distances(), len(head)+len(tail)
	for _, data := range [][]byte{positions, p.Original} {
		if len(data) > 0 {
			size += 1 + protowire.SizeBytes(len(data)) // a tag has one byte
		}
	}
	b = protowire.AppendTag(b, number, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(size))
	b = append(b, head...)
	if len(positions) > 0 {
		b = protowire.AppendTag(b, patchPositions, protowire.BytesType)
		b = protowire.AppendBytes(b, positions)
	}
	if len(p.Original) > 0 {
		b = protowire.AppendTag(b, patchOriginals, protowire.BytesType)
		b = protowire.AppendBytes(b, p.Original)
	}
	return append(b, tail...), nil
}

// appendChanges appends patches and then what else is in last.
func appendChanges(b []byte, number protowire.Number, patches []onnxio.TensorPatch, last proto.Message) (_ []byte, err error) {
	for i := range patches {
		if b, err = appendPatch(b, number, &patches[i]); err != nil {
			return nil, err
		}
	}
	return marshal(b, last)
}

func splicesOf(splices []onnxio.Splice) (all []*keypb.Splice) {
	for _, s := range splices {
		all = append(all, &keypb.Splice{File: uint32(s.File), Offset: uint64(s.Offset), Length: uint64(s.Length), Original: s.Original})
	}
	return all
}

// unmarshalRest reads a message into m, but for fields of bytes with the numbers in lists,
// which go there.
func unmarshalRest(message []byte, m proto.Message, lists map[protowire.Number]*[][]byte) error {
	var rest []byte
	for len(message) > 0 {
		num, typ, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(num, typ, message[tag:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		if list := lists[num]; list != nil && typ == protowire.BytesType {
			data, _ := protowire.ConsumeBytes(message[tag:])
			*list = append(*list, data)
		} else {
			rest = append(rest, message[:tag+n]...)
		}
		message = message[tag+n:]
	}
	return proto.Unmarshal(rest, m)
}

// parsePatches reads patches, which may refer to fields. unknown reports fields that this
// version does not define.
func parsePatches(fields [][]byte) (all []onnxio.TensorPatch, unknown bool, err error) {
	for _, data := range fields {
		p, more, err := parsePatch(data)
		if err != nil {
			return nil, false, err
		}
		unknown = unknown || more
		all = append(all, p)
	}
	return all, unknown, nil
}

func parseSplices(list []*keypb.Splice) (all []onnxio.Splice, unknown bool) {
	for _, s := range list {
		unknown = unknown || hasUnknown(s)
		all = append(all, onnxio.Splice{
			File: int(s.GetFile()), Offset: int64(s.GetOffset()), Length: int64(s.GetLength()), Original: s.GetOriginal(),
		})
	}
	return all, unknown
}

// parsePatch reads a patch, which may refer to data. unknown reports fields that this
// version does not define.
func parsePatch(data []byte) (p onnxio.TensorPatch, unknown bool, err error) {
	var rest, positions []byte
	chunks := 0
	for len(data) > 0 {
		num, typ, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			return p, false, protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(num, typ, data[tag:])
		if n < 0 {
			return p, false, protowire.ParseError(n)
		}
		value := data[tag:][:n]
		switch {
		case num == patchPositions && typ == protowire.BytesType:
			packed, _ := protowire.ConsumeBytes(value)
			if len(packed) > 0 && packed[len(packed)-1] >= 0x80 {
				return p, false, errors.New("positions end inside a number")
			}
			if chunks++; chunks == 1 {
				positions = packed[:len(packed):len(packed)]
			} else {
				positions = append(positions, packed...)
			}
		case num == patchPositions && typ == protowire.VarintType:
			chunks++
			positions = append(positions, value...)
		case num == patchOriginals && typ == protowire.BytesType:
			p.Original, _ = protowire.ConsumeBytes(value) // the last one counts
		default:
			rest = append(rest, data[:tag+n]...)
		}
		data = data[tag+n:]
	}
	m := new(keypb.TensorPatch)
	if err := proto.Unmarshal(rest, m); err != nil {
		return p, false, err
	}
	if len(p.Original) == 0 {
		p.Original = nil
	}
	p.Tensor, p.File, p.Offset = string(m.GetTensor()), int(m.GetFile()), int64(m.GetOffset())
	p.Stride, p.Width, p.Flip = int(m.GetStride()), int(m.GetWidth()), m.GetFlip()
	p.Indices, err = onnxio.ParseIndices(positions)
	return p, hasUnknown(m), err
}
