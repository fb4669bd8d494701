package key

import (
	"crypto/sha256"
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
	for i := range k.Record.Patches {
		if k.Record.Patches[i].Flip != 0 {
			m.FormatVersion = 2
		}
	}
	payload, err := marshal(nil, m)
	for i := 0; err == nil && i < len(k.Record.Patches); i++ {
		payload, err = appendPatch(payload, &k.Record.Patches[i])
	}
	last := &keypb.Payload{}
	for _, s := range k.Record.Splices {
		last.Splices = append(last.Splices, &keypb.Splice{
			File: uint32(s.File), Offset: uint64(s.Offset), Length: uint64(s.Length), Original: s.Original,
		})
	}
	if err == nil {
		payload, err = marshal(payload, last)
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the payload: %w", err)
	}
	if len(payload) > MaxSize {
		return nil, fmt.Errorf("a payload of %d bytes; a key holds %d", len(payload), MaxSize)
	}
	return payload, nil
}

func marshal(b []byte, m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, m)
}

// decode is the inverse of encode; it returns valid keys only. The key may refer to
// payload.
func decode(payload []byte) (*Key, error) {
	m := new(keypb.Payload)
	entries, err := countEntries(payload) // before they are allocated
	var patches [][]byte
	if err == nil && entries <= maxEntries {
		patches, err = unmarshalRest(payload, m)
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
	for _, data := range patches {
		p, more, err := parsePatch(data)
		unknown = unknown || more
		switch {
		case err != nil:
			return nil, fmt.Errorf("decoding the payload: %w", err)
		case m.GetFormatVersion() < 2 && p.Flip != 0:
			return nil, fmt.Errorf("tensor %q: bits to turn over, which version 1 does not have", p.Tensor)
		}
		k.Record.Patches = append(k.Record.Patches, p)
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
