package key

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
)

// withPayload wraps a payload in a plain container with the right digest.
func withPayload(payload []byte) []byte { return append(plainHeader(payload), payload...) }

func message(t testing.TB, k *Key) *keypb.Payload {
	t.Helper()
	payload, err := encode(k)
	if err != nil {
		t.Fatal(err)
	}
	m := new(keypb.Payload)
	if err := proto.Unmarshal(payload, m); err != nil {
		t.Fatal(err)
	}
	return m
}

// A contradiction makes a payload wrong, in an intact container. Messages of errors
// contain message.
type contradiction struct {
	name    string
	change  func(*keypb.Payload)
	message string
}

// contradictions are those in sample.
func contradictions() []contradiction {
	const beyond = math.MaxInt64 + 1
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 100, protowire.VarintType), 1)
	return []contradiction{
		{"other magic", func(m *keypb.Payload) { m.Magic = "advparams" }, "not that of a key"},
		{"no version", func(m *keypb.Payload) { m.FormatVersion = 0 }, "format version 0"},
		{"next version", func(m *keypb.Payload) { m.FormatVersion = 4 }, "format version 4"},
		{"version 3 without steps", func(m *keypb.Payload) { m.FormatVersion = 3 }, "without steps"},
		{"steps in version 2", func(m *keypb.Payload) { m.FormatVersion, m.Steps = 2, []*keypb.Step{{}} }, "version 2 does not have"},
		{"patches beside steps", func(m *keypb.Payload) { m.FormatVersion, m.Steps = 3, []*keypb.Step{{}} }, "beside steps"},
		{"flip in version 1", func(m *keypb.Payload) { m.Patches[0].Flip = 1 }, "version 1 does not have"},
		{"flip beside originals", func(m *keypb.Payload) { m.FormatVersion, m.Patches[0].Flip = 2, 1 }, "bytes of original values"},
		{"flip beyond the width", func(m *keypb.Payload) {
			m.FormatVersion, m.Patches[0].Flip, m.Patches[0].Originals = 2, 1<<32, nil
		}, "do not fit 4 bytes"},
		{"position beyond the file with flip", func(m *keypb.Payload) {
			m.FormatVersion, m.Patches[0].Flip, m.Patches[0].Originals, m.Patches[0].Positions = 2, 1, nil, []uint64{1 << 40}
		}, "beyond the end"},
		{"unknown field", func(m *keypb.Payload) { m.ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a file", func(m *keypb.Payload) { m.Files[1].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a patch", func(m *keypb.Payload) { m.Patches[1].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a splice", func(m *keypb.Payload) { m.Splices[0].ProtoReflect().SetUnknown(unknown) }, "does not define"},

		{"negative count", func(m *keypb.Payload) { m.Summary.Changed = beyond }, "negative"},
		{"accuracy in percent", func(m *keypb.Payload) { m.Summary.Accuracy = 90.5 }, "between 0 and 1"},
		{"accuracy is NaN", func(m *keypb.Payload) { m.Summary.LockedAccuracy = math.NaN() }, "between 0 and 1"},

		{"no files", func(m *keypb.Payload) { m.Files = nil }, "no file is recorded"},
		{"short digest", func(m *keypb.Payload) { m.Files[0].Sha256 = m.Files[0].Sha256[:31] }, "SHA-256"},
		{"long digest", func(m *keypb.Payload) { m.Files[1].LockedSha256 = make([]byte, 33) }, "SHA-256"},
		{"no name", func(m *keypb.Payload) { m.Files[0].Name = nil }, "does not name a file"},
		{"folder", func(m *keypb.Payload) { m.Files[0].Name = []byte("a/..") }, "does not name a file"},
		{"parent folder", func(m *keypb.Payload) { m.Files[1].Name = []byte("../weights.bin") }, "does not name a file"},
		{"parent folder, hidden", func(m *keypb.Payload) { m.Files[1].LockedName = []byte("a/../../weights.bin") }, "does not name a file"},
		{"absolute name", func(m *keypb.Payload) { m.Files[1].LockedName = []byte("/etc/passwd") }, "does not name a file"},
		{"zero byte in name", func(m *keypb.Payload) { m.Files[0].Name = []byte("model.onnx\x00.txt") }, "does not name a file"},
		{"two originals of a name", func(m *keypb.Payload) { m.Files[1].Name = []byte("./model.onnx") }, "two files"},
		{"two locked files of a name", func(m *keypb.Payload) { m.Files[1].LockedName = []byte("locked.onnx") }, "two files"},
		{"huge size", func(m *keypb.Payload) { m.Files[0].Size = beyond }, "negative"},
		{"original longer than the splices say", func(m *keypb.Payload) { m.Files[0].Size++ }, "the splices add -6"},
		{"locked file longer than the splices say", func(m *keypb.Payload) { m.Files[1].LockedSize++ }, "the splices add 0"},

		{"patch of no file", func(m *keypb.Payload) { m.Patches[0].File = 2 }, "no file 2"},
		{"patch of file 2³²-1", func(m *keypb.Payload) { m.Patches[0].File = math.MaxUint32 }, "no file"},
		{"width 0", func(m *keypb.Payload) { m.Patches[0].Width, m.Patches[0].Originals = 0, nil }, "elements of 0 bytes"},
		{"width 3", func(m *keypb.Payload) { m.Patches[0].Width, m.Patches[0].Originals = 3, make([]byte, 9) }, "elements of 3 bytes"},
		{"width 16", func(m *keypb.Payload) { m.Patches[0].Width, m.Patches[0].Originals = 16, make([]byte, 48) }, "elements of 16 bytes"},
		{"width beyond the originals", func(m *keypb.Payload) { m.Patches[0].Width = math.MaxUint32 }, "1, 2, 4 and 8 are possible"},
		{"stride below width", func(m *keypb.Payload) { m.Patches[0].Stride = 3 }, "stride of 3"},
		{"huge stride", func(m *keypb.Payload) { m.Patches[0].Stride = math.MaxUint32 }, "stride"},
		{"an original too few", func(m *keypb.Payload) { m.Patches[0].Originals = m.Patches[0].Originals[4:] }, "8 bytes of original values for 3"},
		{"half an original", func(m *keypb.Payload) { m.Patches[0].Originals = append(m.Patches[0].Originals, 0, 0) }, "14 bytes of original values for 3"},
		{"a position too few", func(m *keypb.Payload) { m.Patches[0].Positions = m.Patches[0].Positions[1:] }, "12 bytes of original values for 2"},
		{"same position twice", func(m *keypb.Payload) { m.Patches[0].Positions[1] = 0 }, "position 0 follows position 0"},
		{"position descends", func(m *keypb.Payload) { m.Patches[0].Positions[2] = math.MaxUint64 }, "follows position 3"},
		{"first position huge", func(m *keypb.Payload) { m.Patches[0].Positions[0] = beyond }, "follows position -1"},
		{"position overflows", func(m *keypb.Payload) { m.Patches[0].Positions[2] = math.MaxInt64 }, "follows position 3"},
		{"position times stride overflows", func(m *keypb.Payload) { m.Patches[0].Positions[2] = 1 << 62 }, "beyond the end"},
		{"last byte beyond the end", func(m *keypb.Payload) { m.Patches[0].Positions[2] = (4007-100)/4 - 3 }, "beyond the end"},
		{"offset beyond the end", func(m *keypb.Payload) { m.Patches[0].Offset = 4008 }, "offset 4008"},
		{"huge offset", func(m *keypb.Payload) { m.Patches[0].Offset = beyond }, "offset"},
		{"no room for an element", func(m *keypb.Payload) { m.Patches[1].Offset, m.Patches[1].Positions[0] = 4004, 0 }, "beyond the end"},
		{"two tensors overlap", func(m *keypb.Payload) { m.Patches[1].Offset, m.Patches[1].Positions[0] = 103, 0 }, "overlap at byte 103"},
		{"same element twice", func(m *keypb.Payload) { m.Patches = append(m.Patches, m.Patches[2]) }, "overlap"},

		{"splice of no file", func(m *keypb.Payload) { m.Splices[0].File = 7 }, "no file 7"},
		{"splice beyond the end", func(m *keypb.Payload) { m.Splices[2].Length = 1 }, "beyond the end"},
		{"huge splice", func(m *keypb.Payload) { m.Splices[2].Length = math.MaxInt64 }, "beyond the end"},
		{"splice of negative length", func(m *keypb.Payload) { m.Splices[2].Length = beyond }, "beyond the end"},
		{"splice at a negative offset", func(m *keypb.Payload) { m.Splices[0].Offset = beyond }, "beyond the end"},
		{"splices overlap", func(m *keypb.Payload) { m.Splices[1].Offset-- }, "before the end of the previous"},
		{"splices descend", func(m *keypb.Payload) { m.Splices[0], m.Splices[1] = m.Splices[1], m.Splices[0] }, "before the end of the previous"},
		{"splice on a patch", func(m *keypb.Payload) { m.Splices[0].Offset = 105 }, "overlap at byte 112"},
		{"insertion inside an element", func(m *keypb.Payload) {
			m.Patches[1].Offset, m.Patches[1].Positions[0] = 4003-4, 0
			m.Splices[2].Offset = 4001
		}, "overlap at byte 4001"},
	}
}

// Contradictions that reach Read inside an intact container.
func TestContradictions(t *testing.T) {
	for _, tc := range contradictions() {
		t.Run(tc.name, func(t *testing.T) {
			m := message(t, sample())
			tc.change(m)
			payload, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			k, err := Read(bytes.NewReader(withPayload(payload)))
			if k != nil || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("Read returns %v, %v; want ErrDamaged with %q", k, err, tc.message)
			}
			if strings.Contains(tc.name, "next version") && hint.Of(err) == "" {
				t.Error("no hint to update")
			}
		})
	}
}

// Contradictions that a payload cannot express.
func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		name    string
		change  func(*onnxio.Record)
		message string
	}{
		{"positions without originals", func(r *onnxio.Record) { r.Patches[0].Original = nil }, "0 bytes of original values for 3 elements"},
		{"half an original", func(r *onnxio.Record) { r.Patches[2].Original = r.Patches[2].Original[1:] }, "3 bytes of original values for 2 elements"},
		{"negative file of a patch", func(r *onnxio.Record) { r.Patches[0].File = -1 }, "no file -1"},
		{"negative file of a splice", func(r *onnxio.Record) { r.Splices[0].File = -1 }, "no file -1"},
		{"negative width", func(r *onnxio.Record) { r.Patches[0].Width = -4 }, "elements of -4 bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			k := sample()
			tc.change(&k.Record)
			if err := k.Validate(); err == nil || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("Validate returns %v, want an error with %q", err, tc.message)
			}
		})
	}
}

// Two tensors may share bytes of a file as long as no byte is changed twice.
func TestInterleavedTensors(t *testing.T) {
	k := small()
	k.Record.Patches = []onnxio.TensorPatch{
		{Tensor: "a", Offset: 100, Stride: 8, Width: 4, Indices: onnxio.IndicesOf(0, 1, 2), Original: original(4, 1, 2, 3)},
		{Tensor: "b", Offset: 104, Stride: 8, Width: 4, Indices: onnxio.IndicesOf(0, 1, 2), Original: original(4, 4, 5, 6)},
	}
	got, err := Read(bytes.NewReader(plainBytes(t, k)))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(k, got); d != "" {
		t.Errorf("the key changes on the way (-want +got):\n%s", d)
	}
}

// A later version may add to the summary, which nothing depends on.
func TestSummaryMayGrow(t *testing.T) {
	m := message(t, sample())
	m.Summary.ProtoReflect().SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 100, protowire.VarintType), 1))
	payload, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Read(bytes.NewReader(withPayload(payload)))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(sample(), got); d != "" {
		t.Errorf("the key differs (-want +got):\n%s", d)
	}
}

// Two bytes of payload must not cost a message in memory without end.
func TestTooManyEntries(t *testing.T) {
	empty := protowire.AppendBytes(protowire.AppendTag(nil, 7, protowire.BytesType), nil)
	payload := bytes.Repeat(empty, maxEntries+1)
	if _, err := decode(payload); err == nil || !strings.Contains(err.Error(), "a key holds") {
		t.Errorf("decode returns %v for %d patches", err, maxEntries+1)
	}
	step := protowire.AppendTag(nil, 9, protowire.BytesType)
	result := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), nil)
	payload = protowire.AppendBytes(step, bytes.Repeat(result, maxEntries))
	if _, err := decode(payload); err == nil || !strings.Contains(err.Error(), "a key holds") {
		t.Errorf("decode returns %v for %d results", err, maxEntries)
	}
	k := small()
	k.Record.Splices = make([]onnxio.Splice, maxEntries)
	if _, err := encode(k); err == nil || !strings.Contains(err.Error(), "a key holds") {
		t.Errorf("encode returns %v for %d splices", err, maxEntries)
	}
}

// large returns a key of n changed float32 parameters, every 50th of a tensor.
func large(n int) *Key {
	k := small()
	p := onnxio.TensorPatch{Tensor: "weight", Stride: 4, Width: 4}
	for i := range n {
		p.Indices.Append(int64(i) * 50)
		p.Original = binary.LittleEndian.AppendUint32(p.Original, uint32(i)*2654435761)
	}
	k.Record.Patches = []onnxio.TensorPatch{p}
	k.Record.Files[0].Size = int64(n) * 200
	k.Record.Files[0].LockedSize = k.Record.Files[0].Size
	return k
}

func BenchmarkSeal(b *testing.B) {
	k, r := large(1_000_000), x25519(b).Recipient()
	for b.Loop() {
		var out bytes.Buffer
		if err := Seal(&out, k, r); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(out.Len()))
	}
}

func BenchmarkRead(b *testing.B) {
	id := x25519(b)
	data := sealedBytes(b, large(1_000_000), id.Recipient())
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Read(bytes.NewReader(data), id); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, k := range []*Key{sample(), small(), stepped()} {
		payload, err := encode(k)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		k, err := decode(payload)
		if err != nil {
			return
		}
		checkMessage(t, k, payload)
		changed := 0
		for _, p := range k.Record.Patches {
			changed += p.Indices.Len()
		}
		if changed > len(payload) {
			t.Fatalf("%d changes out of %d bytes", changed, len(payload))
		}
		again, err := encode(k)
		if err != nil {
			t.Fatalf("what was decoded does not encode: %v", err)
		}
		back, err := decode(again)
		if err != nil {
			t.Fatalf("what was encoded does not decode: %v", err)
		}
		if d := diff(k, back); d != "" {
			t.Fatalf("the key changes on the way (-first +second):\n%s", d)
		}
	})
}

// checkMessage compares a key, whose patches decode reads by itself, with what the
// protobuf library reads and keeps of unknown fields.
func checkMessage(t *testing.T, k *Key, payload []byte) {
	t.Helper()
	m := new(keypb.Payload)
	if err := (proto.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(payload, m); err != nil {
		t.Fatalf("decoded, but protobuf: %v", err)
	}
	same := func(patches []onnxio.TensorPatch, want []*keypb.TensorPatch) {
		if len(patches) != len(want) {
			t.Fatalf("%d patches, protobuf reads %d", len(patches), len(want))
		}
		for i, w := range want {
			p := &patches[i]
			if p.Tensor != string(w.GetTensor()) || p.File != int(w.GetFile()) || p.Offset != int64(w.GetOffset()) || p.Stride != int(w.GetStride()) ||
				p.Width != int(w.GetWidth()) || p.Flip != w.GetFlip() || !bytes.Equal(p.Original, w.GetOriginals()) || p.Indices.Len() != len(w.GetPositions()) {
				t.Fatalf("patch %d is %+v, protobuf reads %v", i, p, w)
			}
			at, k := int64(0), 0
			for index := range p.Indices.All() {
				if at += int64(w.Positions[k]); index != at {
					t.Fatalf("patch %d: element %d, protobuf reads %d", i, index, at)
				}
				k++
			}
		}
		for _, w := range want {
			if len(w.ProtoReflect().GetUnknown()) > 0 {
				t.Fatal("a patch with unknown fields is read")
			}
		}
	}
	same(k.Record.Patches, m.Patches)
	if len(k.Record.Steps) != len(m.Steps) || len(k.Record.Files) != len(m.Files) || len(k.Record.Splices) != len(m.Splices) {
		t.Fatalf("%d steps, %d files, %d splices; protobuf reads %v", len(k.Record.Steps), len(k.Record.Files), len(k.Record.Splices), m)
	}
	for i, s := range m.Steps {
		same(k.Record.Steps[i].Patches, s.Patches)
	}
	if len(m.ProtoReflect().GetUnknown()) > 0 {
		t.Fatal("unknown fields are read")
	}
}

func FuzzRead(f *testing.F) {
	plain := plainBytes(f, small())
	sealed := sealedBytes(f, small(), x25519(f).Recipient())
	for _, seed := range [][]byte{plain, plain[:len(plainIntro)], sealed, armoredBytes(f, sealed), nil} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, inspectErr := Inspect(bytes.NewReader(data))
		if inspectErr != nil && !errors.Is(inspectErr, ErrDamaged) {
			t.Fatalf("Inspect returns %v", inspectErr)
		}
		k, err := Read(bytes.NewReader(data))
		switch {
		case err == nil && inspectErr == nil:
			if back, err := Read(bytes.NewReader(plainBytes(t, k))); err != nil || diff(k, back) != "" {
				t.Fatalf("the key does not survive writing: %v", err)
			}
		case err == nil:
			t.Fatalf("Read takes what Inspect refuses: %v", inspectErr)
		case !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrIdentity):
			t.Fatalf("Read returns %v", err)
		}
	})
}
