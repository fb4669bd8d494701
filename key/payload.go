package key

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
)

const (
	magic         = "advparams key"
	formatVersion = 2 // the latest; one that older readers know is written if it will do
	// maxEntries bounds files, patches and splices together: an empty message
	// takes two bytes of a payload and a hundred of memory.
	maxEntries = 1 << 20
)

// encode returns the payload of k. Equal keys give equal bytes.
func encode(k *Key) ([]byte, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	m := &keypb.Payload{
		Magic: magic, FormatVersion: 1, Tool: k.Tool,
		Summary: &keypb.Summary{
			Profile:    k.Summary.Profile,
			Parameters: uint64(k.Summary.Parameters), Changed: uint64(k.Summary.Changed),
			Samples: uint64(k.Summary.Samples), Accuracy: k.Summary.Accuracy, LockedAccuracy: k.Summary.LockedAccuracy,
		},
	}
	if !k.Created.IsZero() {
		m.Created = k.Created.Unix()
	}
	for i := range k.Record.Files {
		f := &k.Record.Files[i]
		m.Files = append(m.Files, &keypb.File{
			Name: []byte(f.Name), Size: uint64(f.Size), Sha256: f.SHA256[:],
			LockedName: []byte(f.LockedName), LockedSize: uint64(f.LockedSize), LockedSha256: f.LockedSHA256[:],
		})
	}
	for _, p := range k.Record.Patches {
		m.Patches = append(m.Patches, &keypb.TensorPatch{
			Tensor: []byte(p.Tensor), File: uint32(p.File),
			Offset: uint64(p.Offset), Stride: uint32(p.Stride), Width: uint32(p.Width),
			Positions: deltas(p.Indices), Originals: pack(p.Original, p.Width), Flip: p.Flip,
		})
		if p.Flip != 0 {
			m.FormatVersion = 2
		}
	}
	for _, s := range k.Record.Splices {
		m.Splices = append(m.Splices, &keypb.Splice{
			File: uint32(s.File), Offset: uint64(s.Offset), Length: uint64(s.Length), Original: s.Original,
		})
	}
	payload, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("encoding the payload: %w", err)
	}
	if len(payload) > MaxSize {
		return nil, fmt.Errorf("a payload of %d bytes; a key holds %d", len(payload), MaxSize)
	}
	return payload, nil
}

// decode is the inverse of encode; it returns valid keys only.
func decode(payload []byte) (*Key, error) {
	m := new(keypb.Payload)
	entries, err := countEntries(payload) // before they are allocated
	if err == nil && entries <= maxEntries {
		err = proto.Unmarshal(payload, m)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("decoding the payload: %w", err)
	case entries > maxEntries:
		return nil, fmt.Errorf("%d files, patches and splices; a key holds %d", entries, maxEntries)
	case m.GetMagic() != magic:
		return nil, errors.New("the payload is not that of a key")
	case m.GetFormatVersion() < 1 || m.GetFormatVersion() > formatVersion:
		return nil, &VersionError{m.GetFormatVersion(), formatVersion}
	}
	sum := m.GetSummary()
	k := &Key{Tool: m.GetTool(), Summary: Summary{
		Profile:    sum.GetProfile(),
		Parameters: int64(sum.GetParameters()), Changed: int64(sum.GetChanged()),
		Samples: int64(sum.GetSamples()), Accuracy: sum.GetAccuracy(), LockedAccuracy: sum.GetLockedAccuracy(),
	}}
	if seconds := m.GetCreated(); seconds != 0 {
		k.Created = time.Unix(seconds, 0).UTC()
	}
	// An unsigned number beyond int64 turns negative below; Validate refuses it.
	unknown := hasUnknown(m)
	for i, f := range m.GetFiles() {
		unknown = unknown || hasUnknown(f)
		if len(f.GetSha256()) != sha256.Size || len(f.GetLockedSha256()) != sha256.Size {
			return nil, fmt.Errorf("file %d: a SHA-256 does not have %d bytes", i, sha256.Size)
		}
		k.Record.Files = append(k.Record.Files, onnxio.FileRecord{
			Name: string(f.GetName()), Size: int64(f.GetSize()), SHA256: [sha256.Size]byte(f.GetSha256()),
			LockedName: string(f.GetLockedName()), LockedSize: int64(f.GetLockedSize()), LockedSHA256: [sha256.Size]byte(f.GetLockedSha256()),
		})
	}
	for _, p := range m.GetPatches() {
		unknown = unknown || hasUnknown(p)
		if m.GetFormatVersion() < 2 && p.GetFlip() != 0 {
			return nil, fmt.Errorf("tensor %q: bits to turn over, which version 1 does not have", p.GetTensor())
		}
		n := len(p.GetPositions())
		if p.GetFlip() != 0 {
			n = 0
		}
		if uint64(len(p.GetOriginals())) != uint64(n)*uint64(p.GetWidth()) {
			return nil, fmt.Errorf("tensor %q: %d bytes of original values for %d elements of %d bytes", p.GetTensor(), len(p.GetOriginals()), n, p.GetWidth())
		}
		k.Record.Patches = append(k.Record.Patches, onnxio.TensorPatch{
			Tensor: string(p.GetTensor()), File: int(p.GetFile()),
			Offset: int64(p.GetOffset()), Stride: int(p.GetStride()), Width: int(p.GetWidth()),
			Indices: indices(p.GetPositions()), Original: unpack(p.GetOriginals(), n), Flip: p.GetFlip(),
		})
	}
	for _, s := range m.GetSplices() {
		unknown = unknown || hasUnknown(s)
		k.Record.Splices = append(k.Record.Splices, onnxio.Splice{
			File: int(s.GetFile()), Offset: int64(s.GetOffset()), Length: int64(s.GetLength()), Original: s.GetOriginal(),
		})
	}
	if unknown {
		return nil, fmt.Errorf("the payload has fields that version %d does not define", m.GetFormatVersion())
	}
	if err := k.Validate(); err != nil {
		return nil, err
	}
	return k, nil
}

// countEntries returns the number of files, patches and splices in a payload.
func countEntries(payload []byte) (int, error) {
	entries := 0
	for len(payload) > 0 {
		num, _, n := protowire.ConsumeField(payload)
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		if num >= 6 && num <= 8 {
			entries++
		}
		payload = payload[n:]
	}
	return entries, nil
}

// hasUnknown reports fields that this version does not define. Skipping one
// could restore something else than what was locked. A summary may grow.
func hasUnknown(m proto.Message) bool { return len(m.ProtoReflect().GetUnknown()) > 0 }

// deltas returns the first index and the difference of each to the one before.
func deltas(indices []int64) []uint64 {
	out := make([]uint64, len(indices))
	previous := int64(0)
	for i, index := range indices {
		out[i] = uint64(index - previous)
		previous = index
	}
	return out
}

// indices is the inverse of deltas. A sum that overflows does not ascend.
func indices(deltas []uint64) []int64 {
	out := make([]int64, len(deltas))
	index := int64(0)
	for i, d := range deltas {
		index += int64(d)
		out[i] = index
	}
	return out
}

// pack returns the low width bytes of each value, little-endian.
func pack(values []uint64, width int) []byte {
	out := make([]byte, 0, len(values)*width)
	for _, v := range values {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], v)
		out = append(out, b[:width]...)
	}
	return out
}

// unpack is the inverse of pack for n values of at most 8 bytes.
func unpack(data []byte, n int) []uint64 {
	if n == 0 {
		return nil
	}
	out := make([]uint64, n)
	for i := range out {
		width := len(data) / n
		var b [8]byte
		copy(b[:], data[i*width:(i+1)*width])
		out[i] = binary.LittleEndian.Uint64(b[:])
	}
	return out
}
