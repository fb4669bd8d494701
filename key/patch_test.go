package key

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/key/keypb"
)

// The parser of patches reads what protobuf's reads, and writes the same bytes.
func TestPatchIsProtobuf(t *testing.T) {
	for _, k := range []*Key{sample(), flipped(), small(), stepped()} {
		payload, err := encode(k)
		if err != nil {
			t.Fatal(err)
		}
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(message(t, k))
		if err != nil || string(again) != string(payload) {
			t.Errorf("protobuf writes %x\nand we write %x (%v)", again, payload, err)
		}
	}
}

// Positions may come one by one, or packed in several parts.
func TestPatchParts(t *testing.T) {
	part := func(b ...byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, patchPositions, protowire.BytesType), b)
	}
	one := func(n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, patchPositions, protowire.VarintType), n)
	}
	rest, err := proto.Marshal(&keypb.TensorPatch{Width: 4, Flip: 1})
	if err != nil {
		t.Fatal(err)
	}
	for name, parts := range map[string][][]byte{
		"packed":           {part(3, 200, 1)},
		"in two parts":     {part(3), part(200, 1)},
		"one by one":       {one(3), one(200)},
		"both":             {part(3), one(200), part()},
		"longer than need": {part(0x83, 0, 200, 1)},
		"across parts":     {part(3, 200), part(1)},
		"cut":              {part(3, 200)},
	} {
		var data []byte
		for _, p := range parts {
			data = append(data, p...)
		}
		data = append(data, rest...)
		before := string(data)
		var want keypb.TensorPatch
		refused := proto.Unmarshal(data, &want) != nil
		p, unknown, err := parsePatch(data)
		if (err != nil) != refused || unknown {
			t.Errorf("%s: error %v, but protobuf refuses it: %v", name, err, refused)
		}
		if err == nil {
			previous, i := int64(0), 0
			for index := range p.Indices.All() {
				if index-previous != int64(want.Positions[i]) {
					t.Errorf("%s: index %d, but %v", name, index, want.Positions)
				}
				previous = index
				i++
			}
			if i != len(want.Positions) || p.Flip != want.Flip || p.Width != int(want.Width) {
				t.Errorf("%s: %+v, want %v", name, p, &want)
			}
		}
		if string(data) != before {
			t.Errorf("%s: the payload is changed", name)
		}
	}
}

// A key of many changes takes memory in proportion to its size.
func TestLargeKeyMemory(t *testing.T) {
	k := large(1)
	p := &k.Record.Patches[0]
	p.Original, p.Flip = nil, 1<<31
	for i := range int64(2_000_000) {
		p.Indices.Append(1 + 2*i)
	}
	k.Record.Files[0].Size = 1 << 30
	k.Record.Files[0].LockedSize = 1 << 30
	data := string(plainBytes(t, k))
	got := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Read(strings.NewReader(data)); err != nil {
				b.Fatal(err)
			}
		}
	})
	if got.AllocedBytesPerOp() > 3*int64(len(data)) {
		t.Errorf("a key of %d bytes takes %d", len(data), got.AllocedBytesPerOp())
	}
}
