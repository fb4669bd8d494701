package key

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/key/keypb"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/seal"
)

// cipherVersion is the construction of docs/sealing.md, that of package seal.
const cipherVersion = 1

// appendStep appends a step to a payload, as a field.
func appendStep(b []byte, s *onnxio.Step) ([]byte, error) {
	head := &keypb.Step{}
	for _, to := range s.Results {
		head.Results = append(head.Results, &keypb.Result{File: uint32(to.File), Size: uint64(to.Size), Sha256: to.SHA256[:]})
	}
	message, err := marshal(nil, head)
	if err != nil {
		return nil, err
	}
	last := &keypb.Step{Splices: splicesOf(s.Splices), Keystream: keystreamOf(s.Keystream)}
	if message, err = appendChanges(message, stepPatches, s.Patches, last); err != nil {
		return nil, err
	}
	b = protowire.AppendTag(b, payloadSteps, protowire.BytesType)
	return protowire.AppendBytes(b, message), nil
}

func keystreamOf(k *onnxio.Keystream) *keypb.Keystream {
	if k == nil {
		return nil
	}
	m := &keypb.Keystream{Cipher: cipherVersion, Seed: k.Key.Seed[:], Salt: k.Key.Salt[:]}
	for i := range k.Ranges {
		r := &k.Ranges[i]
		t := &keypb.SealedTensor{
			Name: []byte(r.Name), File: uint32(r.File), Offset: uint64(r.Offset),
			Kind: uint32(r.Tensor.Kind), Count: uint64(r.Tensor.Count), KeepSigns: r.Tensor.KeepSigns,
			Exponents: runsOf(r.Tensor.Exponents),
		}
		if r.Varints {
			t.Varints = uint64(r.Length)
		}
		m.Tensors = append(m.Tensors, t)
	}
	return m
}

// parseStep reads a step, which may refer to data. unknown reports fields that this
// version does not define.
func parseStep(data []byte) (s onnxio.Step, unknown bool, err error) {
	m := new(keypb.Step)
	var patches [][]byte
	if err := unmarshalRest(data, m, map[protowire.Number]*[][]byte{stepPatches: &patches}); err != nil {
		return s, false, err
	}
	unknown = hasUnknown(m)
	for _, to := range m.GetResults() {
		unknown = unknown || hasUnknown(to)
		if len(to.GetSha256()) != sha256.Size {
			return s, false, fmt.Errorf("a result whose SHA-256 does not have %d bytes", sha256.Size)
		}
		s.Results = append(s.Results, onnxio.Result{File: int(to.GetFile()), Size: int64(to.GetSize()), SHA256: [sha256.Size]byte(to.GetSha256())})
	}
	var more bool
	if s.Patches, more, err = parsePatches(patches); err != nil {
		return s, false, err
	}
	unknown = unknown || more
	s.Splices, more = parseSplices(m.GetSplices())
	unknown = unknown || more
	if k := m.GetKeystream(); k != nil {
		s.Keystream, more, err = parseKeystream(k)
		unknown = unknown || more
	}
	return s, unknown, err
}

func parseKeystream(m *keypb.Keystream) (_ *onnxio.Keystream, unknown bool, err error) {
	k := new(onnxio.Keystream)
	switch {
	case m.GetCipher() != cipherVersion:
		return nil, false, &CipherError{m.GetCipher(), cipherVersion}
	case len(m.GetSeed()) != len(k.Key.Seed) || len(m.GetSalt()) != len(k.Key.Salt):
		return nil, false, errors.New("a seed or salt that does not have 32 bytes")
	}
	copy(k.Key.Seed[:], m.GetSeed())
	copy(k.Key.Salt[:], m.GetSalt())
	clear(m.GetSeed()) // there is one copy that Wipe knows of
	clear(m.GetSalt())
	unknown = hasUnknown(m)
	for i, t := range m.GetTensors() {
		unknown = unknown || hasUnknown(t)
		kind := seal.Kind(t.GetKind())
		if uint32(kind) != t.GetKind() || !kind.Valid() {
			return nil, false, &UnknownError{fmt.Sprintf("tensor %q: unknown kind %d of elements", t.GetName(), t.GetKind())}
		}
		exponents, ok := exponentsOf(t.GetExponents())
		if !ok {
			return nil, false, fmt.Errorf("tensor %q: its exponents are no list", t.GetName())
		}
		r := onnxio.SealedRange{Name: string(t.GetName()), File: int(t.GetFile()), Range: seal.Range{
			Offset: int64(t.GetOffset()), Length: int64(t.GetVarints()), Varints: t.GetVarints() > 0,
			Tensor: seal.Tensor{Index: uint64(i), Kind: kind, Count: int64(t.GetCount()), KeepSigns: t.GetKeepSigns(), Exponents: exponents},
		}}
		if !r.Varints { // a product that overflows is caught by seal.CheckRanges
			r.Length = r.Tensor.Count * int64(kind.Width())
		}
		k.Ranges = append(k.Ranges, r)
	}
	return k, unknown, nil
}

// runsOf returns a list of exponents as runs of consecutive numbers: the first of each,
// and how many.
func runsOf(exponents []byte) (runs []uint32) {
	for i, e := range exponents {
		if i > 0 && e == exponents[i-1]+1 {
			runs[len(runs)-1]++
		} else {
			runs = append(runs, uint32(e), 1)
		}
	}
	return runs
}

// exponentsOf is the inverse of runsOf; false for what cannot be a list of exponents.
func exponentsOf(runs []uint32) (exponents []byte, ok bool) {
	if len(runs)%2 != 0 {
		return nil, false
	}
	for ; len(runs) > 0; runs = runs[2:] {
		first, n := runs[0], runs[1]
		if first > 255 || n > 255 || first+n > 256 || n == 0 || len(exponents)+int(n) > 255 {
			return nil, false
		}
		for e := first; e < first+n; e++ {
			exponents = append(exponents, byte(e))
		}
	}
	return exponents, true
}
