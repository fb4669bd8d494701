package sealed

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/advparams/advparams/key"
	"github.com/advparams/advparams/onnxio"
	"github.com/advparams/advparams/onnxio/atomicfile"
	"github.com/advparams/advparams/seal"
)

// Ways to lock the models of vectors.

// vectorSecret is a key that is always the same.
func vectorSecret(n byte) *seal.Key {
	k := new(seal.Key)
	for i := range k.Seed {
		k.Seed[i], k.Salt[i] = byte(i)+n, byte(0x80+i)+n
	}
	return k
}

// sealAll seals all parameters of a model, weights or not, with exponents for the one
// that is called damped.
func sealAll(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
	t.Helper()
	return sealSome(func(string) bool { return true })(t, m, dst)
}

// exchanged are the exponents of the tensor that is called damped, for its kind.
func exchanged(kind seal.Kind) (exponents []byte) {
	n, by := 126, 120
	switch kind {
	case seal.Float16:
		n, by = 14, 11
	case seal.Float8E4M3FN:
		n, by = 6, 4
	}
	for e := range n {
		exponents = append(exponents, byte((e+by)%n+1))
	}
	return exponents
}

// sealSome seals the parameters that are wanted.
func sealSome(wanted func(name string) bool) locker {
	return func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
		t.Helper()
		p := &Plan{}
		for _, param := range m.Parameters() {
			if !wanted(param.Name) {
				continue
			}
			var exponents []byte
			if param.Name == "damped" {
				exponents = exchanged(kinds[param.Tensor.DataType])
			}
			ranges, why := rangesOf(m, param, exponents)
			if why != "" {
				t.Fatalf("%s: %s", param.Name, why)
			}
			p.Ranges = append(p.Ranges, ranges...)
		}
		if err := p.order(m.Files()); err != nil {
			t.Fatal(err)
		}
		var out atomicfile.Set
		defer out.Abort()
		rec, err := m.Seal(context.Background(), &out, dst, vectorSecret(byte(len(p.Ranges))), p.Ranges, nil)
		if err == nil {
			err = out.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
}

// edit changes some elements of tensor w to numbers that were not there.
func edit(indices ...int) locker {
	return edits([]string{"w"}, other, indices...)
}

// other returns bits that an element did not have.
func other(i int, _ uint64) uint64 { return uint64(i) + 77 }

// flip changes bits of some elements of tensor w.
func flip(bits uint64, indices ...int) locker {
	return edits([]string{"w"}, func(_ int, b uint64) uint64 { return b ^ bits }, indices...)
}

// edits gives elements of tensors other bits.
func edits(tensors []string, change func(i int, bits uint64) uint64, indices ...int) locker {
	return func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
		t.Helper()
		var list []onnxio.Edit
		for _, name := range tensors {
			w := m.Lookup(name)
			for _, i := range indices {
				list = append(list, onnxio.Edit{Tensor: name, Index: i, Bits: change(i, w.Bits(i))})
			}
		}
		var out atomicfile.Set
		defer out.Abort()
		rec, err := m.Rewrite(&out, dst, list)
		if err == nil {
			err = out.Commit()
		}
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
}

// chain locks a model of one file several times, which makes a key of several steps.
func chain(locks ...locker) locker {
	return func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
		t.Helper()
		folder := filepath.Dir(dst)
		var all onnxio.Record
		for i, lock := range locks {
			to := dst
			if i < len(locks)-1 {
				to = filepath.Join(folder, "between"+string(rune('0'+i))+".onnx")
				defer os.Remove(to)
			}
			rec := lock(t, m, to)
			f := rec.Files[0]
			if i == 0 {
				all.Files = rec.Files[:1]
			} else {
				all.Files[0].LockedName, all.Files[0].LockedSize, all.Files[0].LockedSHA256 = f.LockedName, f.LockedSize, f.LockedSHA256
			}
			steps := rec.Steps
			if len(steps) == 0 {
				steps = []onnxio.Step{{Results: []onnxio.Result{{Size: f.Size, SHA256: f.SHA256}}, Patches: rec.Patches, Splices: rec.Splices}}
			}
			all.Steps = append(slices.Clone(steps), all.Steps...)
			if i < len(locks)-1 {
				next, err := onnxio.Open(to)
				if err != nil {
					t.Fatal(err)
				}
				defer next.Close()
				m = next
			}
		}
		return &all
	}
}

// A cut is a part of a file, and what stands there in the locked file.
type cut struct {
	from, to int // negative: from the end
	put      []byte
}

// spliced replaces parts of the model file, whatever they are.
func spliced(cuts ...cut) locker {
	return func(t *testing.T, m *onnxio.Model, dst string) *onnxio.Record {
		t.Helper()
		original := m.Files()[0].Bytes(0, m.Files()[0].Size)
		var locked []byte
		var splices []onnxio.Splice
		at := 0
		for _, c := range cuts {
			if c.from < 0 {
				c.from += len(original) + 1
			}
			if c.to < 0 {
				c.to += len(original) + 1
			}
			locked = append(locked, original[at:c.from]...)
			splices = append(splices, onnxio.Splice{Offset: int64(len(locked)), Length: int64(len(c.put)), Original: bytes.Clone(original[c.from:c.to])})
			locked = append(locked, c.put...)
			at = c.to
		}
		locked = append(locked, original[at:]...)
		writeFile(t, dst, locked)
		return &onnxio.Record{Splices: splices, Files: []onnxio.FileRecord{{
			Name: "model.onnx", Size: int64(len(original)), SHA256: sha256.Sum256(original),
			LockedName: filepath.Base(dst), LockedSize: int64(len(locked)), LockedSHA256: sha256.Sum256(locked),
		}}}
	}
}

// payloadOf returns the payload of a key.
func payloadOf(t *testing.T, k *key.Key) []byte {
	t.Helper()
	_, rest, _ := bytes.Cut(plain(t, k), []byte("\n"))
	_, payload, _ := bytes.Cut(rest, []byte("\n"))
	return payload
}

// plainPayload returns a plain key with a payload.
func plainPayload(payload []byte) []byte {
	return fmt.Appendf(nil, "advparams plain key 1: not encrypted, whoever reads this file can unlock the model\nsha256 %x\n%s", sha256.Sum256(payload), payload)
}

// reverseFields writes the fields of a message in reverse order. Where a message has
// several of a kind, their order is another one, too; here none matters.
func reverseFields(t *testing.T, message []byte) (reversed []byte) {
	t.Helper()
	for len(message) > 0 {
		number, kind, size := protowire.ConsumeTag(message)
		rest := protowire.ConsumeFieldValue(number, kind, message[size:])
		if size < 0 || rest < 0 {
			t.Fatal("a payload that is no message")
		}
		reversed = append(bytes.Clone(message[:size+rest]), reversed...)
		message = message[size+rest:]
	}
	return reversed
}
