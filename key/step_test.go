package key

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
)

// stepped returns a key of version 3: a name that comes back, tensors that are decrypted,
// and single elements that are put back.
func stepped() *Key {
	k := sample()
	r := &k.Record
	digest := func(b byte) (d [32]byte) {
		for i := range d {
			d[i] = b ^ byte(i)
		}
		return d
	}
	secret := seal.Key{Seed: digest(0x11), Salt: digest(0x22)}
	patches := r.Patches[3:4]
	r.Files[1].Size, r.Files[1].LockedSize, r.Patches = 1<<40, 1<<40, nil
	renamed := onnxio.Step{
		Results: []onnxio.Result{{File: 0, Size: 4001, SHA256: digest(0x33)}},
		Splices: r.Splices[:3:3],
	}
	r.Splices = nil
	at := func(name string, file int, offset int64, t seal.Tensor) onnxio.SealedRange {
		return onnxio.SealedRange{Name: name, File: file, Range: seal.Range{Offset: offset, Length: t.Count * int64(t.Kind.Width()), Tensor: t}}
	}
	decrypted := onnxio.Step{
		Results: []onnxio.Result{{File: 0, Size: 4001, SHA256: r.Files[0].SHA256}, {File: 1, Size: 1 << 40, SHA256: digest(0x44)}},
		Keystream: &onnxio.Keystream{Key: secret, Ranges: []onnxio.SealedRange{
			at("conv1.weight", 0, 100, seal.Tensor{Kind: seal.Float32, Count: 200}),
			at("variance", 0, 1000, seal.Tensor{Index: 1, Kind: seal.Float32, Count: 16, KeepSigns: true}),
			{Name: "varints", Range: seal.Range{Offset: 2000, Length: 40, Varints: true, Tensor: seal.Tensor{Index: 2, Kind: seal.Float16, Count: 15, KeepSigns: true}}},
			at("damped", 1, 1<<33, seal.Tensor{Index: 3, Kind: seal.Float16, Count: 1 << 20, Exponents: []byte{3, 4, 5, 1, 2}}),
			at("int8", 1, 1<<39, seal.Tensor{Index: 4, Kind: seal.Bytes, Count: 1 << 34}),
		}},
	}
	put := onnxio.Step{Results: []onnxio.Result{{File: 1, Size: 1 << 40, SHA256: r.Files[1].SHA256}}, Patches: patches}
	r.Steps = []onnxio.Step{renamed, decrypted, put}
	k.Summary = Summary{Profile: "sealed", Parameters: 1 << 35, Changed: 1 << 34, MadeUp: true}
	return k
}

// stepContradictions are those in stepped.
func stepContradictions() []contradiction {
	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 100, protowire.VarintType), 1)
	tensor := func(m *keypb.Payload, i int) *keypb.SealedTensor { return m.Steps[1].Keystream.Tensors[i] }
	return []contradiction{
		{"version 1", func(m *keypb.Payload) { m.FormatVersion = 1 }, "version 1 does not have"},
		{"unknown field of a step", func(m *keypb.Payload) { m.Steps[0].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a result", func(m *keypb.Payload) { m.Steps[0].Results[0].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a splice", func(m *keypb.Payload) { m.Steps[0].Splices[0].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a patch", func(m *keypb.Payload) { m.Steps[2].Patches[0].ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a keystream", func(m *keypb.Payload) { m.Steps[1].Keystream.ProtoReflect().SetUnknown(unknown) }, "does not define"},
		{"unknown field of a tensor", func(m *keypb.Payload) { tensor(m, 0).ProtoReflect().SetUnknown(unknown) }, "does not define"},

		{"splices beside a keystream", func(m *keypb.Payload) { m.Steps[1].Splices = []*keypb.Splice{{}} }, "beside a keystream"},
		{"step left out", func(m *keypb.Payload) { m.Steps = m.Steps[:2] }, "digest after the last step"},
		{"steps in another order", func(m *keypb.Payload) { m.Steps[1], m.Steps[2] = m.Steps[2], m.Steps[1] }, "digest after the last step"},
		{"result missing", func(m *keypb.Payload) { m.Steps[1].Results = m.Steps[1].Results[:1] }, "its result is missing"},
		{"results descend", func(m *keypb.Payload) {
			r := m.Steps[1].Results
			r[0], r[1] = r[1], r[0]
		}, "not in the order"},
		{"result twice", func(m *keypb.Payload) { m.Steps[2].Results = append(m.Steps[2].Results, m.Steps[2].Results...) }, "not in the order"},
		{"result of no file", func(m *keypb.Payload) { m.Steps[1].Results[1].File = 2 }, "no file 2"},
		{"result of another size", func(m *keypb.Payload) { m.Steps[1].Results[1].Size++ }, "the splices add 0"},
		{"result of a huge size", func(m *keypb.Payload) { m.Steps[1].Results[1].Size |= 1 << 63 }, "the splices add 0"},
		{"short digest", func(m *keypb.Payload) { m.Steps[1].Results[1].Sha256 = m.Steps[1].Results[1].Sha256[:31] }, "SHA-256"},

		{"next cipher", func(m *keypb.Payload) { m.Steps[1].Keystream.Cipher = 2 }, "cipher 2"},
		{"short seed", func(m *keypb.Payload) { m.Steps[1].Keystream.Seed = make([]byte, 31) }, "32 bytes"},
		{"long salt", func(m *keypb.Payload) { m.Steps[1].Keystream.Salt = make([]byte, 33) }, "32 bytes"},
		{"no kind", func(m *keypb.Payload) { tensor(m, 0).Kind = 0 }, "unknown kind 0"},
		{"kind beyond a byte", func(m *keypb.Payload) { tensor(m, 0).Kind = 258 }, "unknown kind 258"},
		{"tensor of no file", func(m *keypb.Payload) { tensor(m, 0).File = 9 }, "no file 9"},
		{"tensors in another order", func(m *keypb.Payload) {
			l := m.Steps[1].Keystream.Tensors
			l[0], l[1] = l[1], l[0]
		}, "not in the order"},
		{"tensors overlap", func(m *keypb.Payload) { tensor(m, 1).Offset = 899 }, "impossible ranges"},
		{"tensor beyond the end", func(m *keypb.Payload) { tensor(m, 4).Count = 1 << 40 }, "impossible ranges"},
		{"count times width overflows", func(m *keypb.Payload) { tensor(m, 0).Count = 1 << 62 }, "impossible ranges"},
		{"huge offset", func(m *keypb.Payload) { tensor(m, 4).Offset = math.MaxUint64 }, "not in the order"},
		{"huge varints", func(m *keypb.Payload) { tensor(m, 2).Varints = math.MaxUint64 }, "impossible ranges"},
		{"varints without signs", func(m *keypb.Payload) { tensor(m, 2).KeepSigns = false }, "impossible ranges"},
		{"half a run of exponents", func(m *keypb.Payload) { tensor(m, 3).Exponents = []uint32{1} }, "are no list"},
		{"endless run of exponents", func(m *keypb.Payload) { tensor(m, 3).Exponents = []uint32{1, math.MaxUint32} }, "are no list"},
		{"run of no exponents", func(m *keypb.Payload) { tensor(m, 3).Exponents = []uint32{1, 0} }, "are no list"},
		{"exponent twice", func(m *keypb.Payload) { tensor(m, 3).Exponents = []uint32{1, 2, 2, 1} }, "no permutation"},
		{"exponents of bytes", func(m *keypb.Payload) { tensor(m, 4).Exponents = []uint32{1, 2} }, "no permutation"},
	}
}

// Contradictions in steps, inside an intact container.
func TestStepContradictions(t *testing.T) {
	for _, tc := range stepContradictions() {
		t.Run(tc.name, func(t *testing.T) {
			m := message(t, stepped())
			tc.change(m)
			payload, err := proto.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			k, err := Read(bytes.NewReader(withPayload(payload)))
			if k != nil || !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), tc.message) {
				t.Errorf("Read returns %v, %v; want ErrDamaged with %q", k, err, tc.message)
			}
			if tc.name == "next cipher" && hint.Of(err) == "" {
				t.Error("no hint to update")
			}
		})
	}
}

// Runs of exponents come back, and take little where a tensor is damped as a whole.
func TestRuns(t *testing.T) {
	shifted := make([]byte, 120)
	for i := range shifted {
		shifted[i] = byte((i+115)%120 + 1)
	}
	for _, tc := range []struct {
		exponents []byte
		runs      int
	}{{nil, 0}, {[]byte{1}, 1}, {[]byte{3, 2, 1}, 3}, {shifted, 2}} {
		runs := runsOf(tc.exponents)
		back, ok := exponentsOf(runs)
		if !ok || !bytes.Equal(back, tc.exponents) || len(runs) != 2*tc.runs {
			t.Errorf("%d as runs are %d, and again %d, %v", tc.exponents, runs, back, ok)
		}
	}
}
