package key

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
)

const (
	magic         = "advparams key"
	formatVersion = 3 // the latest; one that older readers know is written if it will do
	// maxEntries bounds messages in lists together (files, patches, splices, steps,
	// results, sealed tensors): an empty one takes two bytes of a payload and a hundred
	// of memory.
	maxEntries = 1 << 20
)

// encode returns the payload of k. Equal keys give equal bytes.
func encode(k *Key) ([]byte, error) {
	if err := k.Validate(); err != nil {
		return nil, err
	}
	m := &keypb.Payload{
		Magic: magic, Tool: k.Tool,
		Summary: &keypb.Summary{
			Profile:    k.Summary.Profile,
			Parameters: uint64(k.Summary.Parameters), Changed: uint64(k.Summary.Changed),
			Samples: uint64(k.Summary.Samples), Accuracy: k.Summary.Accuracy, LockedAccuracy: k.Summary.LockedAccuracy,
			MadeUp: k.Summary.MadeUp, Preprocess: k.Summary.Preprocess,
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
	m.FormatVersion = versionOf(&k.Record)
	payload, err := marshal(nil, m)
	if err == nil {
		payload, err = appendChanges(payload, payloadPatches, k.Record.Patches, &keypb.Payload{Splices: splicesOf(k.Record.Splices)})
	}
	for i := 0; err == nil && i < len(k.Record.Steps); i++ {
		payload, err = appendStep(payload, &k.Record.Steps[i])
	}
	if err != nil {
		return nil, fmt.Errorf("encoding the payload: %w", err)
	}
	if len(payload) > MaxSize {
		return nil, fmt.Errorf("a payload of %d bytes; a key holds %d", len(payload), MaxSize)
	}
	return payload, nil
}

// versionOf returns the lowest format version that has room for a record.
func versionOf(r *onnxio.Record) uint32 {
	if len(r.Steps) > 0 {
		return 3
	}
	for i := range r.Patches {
		if r.Patches[i].Flip != 0 {
			return 2
		}
	}
	return 1
}

func marshal(b []byte, m proto.Message) ([]byte, error) {
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend(b, m)
}

// decode is the inverse of encode; it returns valid keys only. The key may refer to
// payload.
func decode(payload []byte) (*Key, error) {
	m := new(keypb.Payload)
	entries, err := countEntries(payload, m.ProtoReflect().Descriptor()) // before they are allocated
	var patches, steps [][]byte
	if err == nil && entries <= maxEntries {
		err = unmarshalRest(payload, m, map[protowire.Number]*[][]byte{payloadPatches: &patches, payloadSteps: &steps})
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("decoding the payload: %w", err)
	case entries > maxEntries:
		return nil, fmt.Errorf("%d entries; a key holds %d", entries, maxEntries)
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
		MadeUp: sum.GetMadeUp(), Preprocess: sum.GetPreprocess(),
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
	var more bool
	if k.Record.Patches, more, err = parsePatches(patches); err != nil {
		return nil, fmt.Errorf("decoding the payload: %w", err)
	}
	unknown = unknown || more
	k.Record.Splices, more = parseSplices(m.GetSplices())
	unknown = unknown || more
	for _, data := range steps {
		s, more, err := parseStep(data)
		if err != nil {
			return nil, fmt.Errorf("decoding the payload: %w", err)
		}
		unknown = unknown || more
		k.Record.Steps = append(k.Record.Steps, s)
	}
	switch version := m.GetFormatVersion(); {
	case version < 3 && len(steps) > 0:
		return nil, fmt.Errorf("steps, which version %d does not have", version)
	case version == 3 && len(steps) == 0:
		return nil, errors.New("version 3 without steps")
	case version < 2 && versionOf(&k.Record) > 1:
		return nil, errors.New("bits to turn over, which version 1 does not have")
	}
	if unknown {
		return nil, &UnknownError{fmt.Sprintf("the payload has fields that version %d does not define", m.GetFormatVersion())}
	}
	if err := k.Validate(); err != nil {
		return nil, err
	}
	return k, nil
}

// countEntries returns the number of messages in lists, of a message and of those in it.
func countEntries(message []byte, d protoreflect.MessageDescriptor) (int, error) {
	entries := 0
	for len(message) > 0 {
		num, typ, tag := protowire.ConsumeTag(message)
		if tag < 0 {
			return 0, protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(num, typ, message[tag:])
		if n < 0 {
			return 0, protowire.ParseError(n)
		}
		if f := d.Fields().ByNumber(num); f != nil && f.Message() != nil && typ == protowire.BytesType {
			if f.IsList() {
				entries++
			}
			inner, _ := protowire.ConsumeBytes(message[tag:])
			more, err := countEntries(inner, f.Message())
			if err != nil {
				return 0, err
			}
			entries += more
		}
		message = message[tag+n:]
	}
	return entries, nil
}

// hasUnknown reports fields that this version does not define. Skipping one
// could restore something else than what was locked. A summary may grow.
func hasUnknown(m proto.Message) bool { return len(m.ProtoReflect().GetUnknown()) > 0 }
