package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// varintsOf are n elements of a kind as protobuf stores them.
func varintsOf(k Kind, n int, r *rand.Rand) []byte {
	var b []byte
	for range n {
		x := r.Uint64()
		switch k {
		case Bytes:
			x = uint64(int64(int8(x)))
			if r.IntN(4) == 0 {
				x = uint64(uint8(x))
			}
		case Int32:
			x = uint64(int64(int32(x)) >> r.IntN(32))
		case Float16, BFloat16:
			x = uint64(uint16(x)) >> r.IntN(12)
		default:
			x = uint64(uint8(x))
		}
		b = binary.AppendUvarint(b, x)
	}
	return b
}

func TestVarints(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	for _, k := range []Kind{Bytes, Int32, Float16, BFloat16, Float8E4M3FN, Float8E5M2, Float8E4M3FNUZ, Float8E5M2FNUZ} {
		for _, n := range []int{0, 1, 50, BlockLen, 2*BlockLen + 9} {
			data := varintsOf(k, n, r)
			c := mustCipher(t, testKey(t, n), Tensor{Kind: k, Count: int64(n), KeepSigns: true})
			sealed := bytes.Clone(data)
			if err := c.SealVarints(sealed); err != nil {
				t.Fatal(err)
			}
			if n > 10 && bytes.Equal(sealed, data) {
				t.Errorf("%v: nothing was sealed", k)
			}
			if a, b := varintLengths(data), varintLengths(sealed); !slices.Equal(a, b) {
				t.Errorf("%v: the varints have other lengths", k)
			}
			if err := c.UnsealVarints(sealed); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(sealed, data) {
				t.Errorf("%v, %d elements: the original does not come back", k, n)
			}
		}
	}
}

// varintLengths returns the canonical lengths of the values in data, by block sorted.
func varintLengths(data []byte) []int {
	var all []int
	for len(data) > 0 {
		x, n := binary.Uvarint(data)
		data = data[n:]
		all = append(all, len(binary.AppendUvarint(nil, x)))
	}
	for from := 0; from < len(all); from += BlockLen {
		slices.Sort(all[from:min(from+BlockLen, len(all))])
	}
	return all
}

// Signed bytes come out uniform as far as their signs allow.
func TestVarintsAreUniform(t *testing.T) {
	data := bytes.Repeat(binary.AppendUvarint([]byte{3}, ^uint64(4)), 1<<16)
	c := mustCipher(t, testKey(t, 9), Tensor{Kind: Bytes, Count: 1 << 17, KeepSigns: true})
	if err := c.SealVarints(data); err != nil {
		t.Fatal(err)
	}
	counts := make([]int, 256)
	for len(data) > 0 {
		x, n := binary.Uvarint(data)
		data = data[n:]
		counts[uint8(x)]++
	}
	if d := chiSquare(counts); d > tolerance || d < -tolerance {
		t.Errorf("χ² is off by %.1f deviations", d)
	}
}

func TestVarintsRefused(t *testing.T) {
	seal := func(count int64, keep bool, data ...byte) error {
		return mustCipher(t, NewKey(), Tensor{Kind: Bytes, Count: count, KeepSigns: keep}).SealVarints(data)
	}
	for name, err := range map[string]error{
		"too few":   seal(2, true, 1),
		"too many":  seal(1, true, 1, 2),
		"truncated": seal(1, true, 0x80),
		"overlong":  seal(1, true, bytes.Repeat([]byte{0x80}, 11)...),
		"signs":     seal(1, false, 1),
	} {
		if !errors.Is(err, ErrVarints) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzVarints(f *testing.F) {
	f.Add([]byte{1, 0x80, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0x80, 0x80, 0}, uint8(1))
	f.Add([]byte{0x80, 0xf8, 1, 0xff, 0xff, 3}, uint8(4))
	f.Fuzz(func(t *testing.T, data []byte, k uint8) {
		n, ok := countVarints(data)
		if !ok {
			return
		}
		c := mustCipher(t, &Key{}, Tensor{Kind: kinds[int(k)%len(kinds)], Count: n, KeepSigns: true})
		sealed := bytes.Clone(data)
		if err := c.SealVarints(sealed); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(varintLengths(data), varintLengths(sealed)) {
			t.Error("values with other lengths")
		}
		if err := c.UnsealVarints(sealed); err != nil || !bytes.Equal(sealed, data) {
			t.Errorf("the original does not come back: %v", err)
		}
	})
}
