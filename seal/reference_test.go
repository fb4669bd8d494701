package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"math/big"
	"testing"
)

// reference seals a tensor as docs/sealing.md says, step by step, with none of the
// package's code.
func reference(t testing.TB, key *Key, tensor Tensor, data []byte) []byte {
	t.Helper()
	info := append([]byte("advparams seal 1"), 0)
	info = binary.LittleEndian.AppendUint64(info, tensor.Index)
	info = binary.LittleEndian.AppendUint64(info, uint64(tensor.Count))
	info = append(info, byte(tensor.Kind))
	if tensor.KeepSigns {
		info = append(info, 1)
	} else {
		info = append(info, 0)
	}
	aesKey, err := hkdf.Key(sha256.New, key.Seed[:], key.Salt[:], string(info), 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(aesKey)
	if err != nil {
		t.Fatal(err)
	}
	width := map[Kind]int{Float32: 4, Float64: 8, Float16: 2, BFloat16: 2, Int32: 4, Uint32: 4, Int64: 8, Uint64: 8}[tensor.Kind]
	if width == 0 {
		width = 1
	}
	blocks := (int(tensor.Count) + 4095) / 4096
	stride := 4096 * (8 + width)
	if tensor.Kind == Bytes {
		stride = 4096
	}
	keystream := make([]byte, blocks*stride)
	cipher.NewCTR(block, make([]byte, 16)).XORKeyStream(keystream, keystream)

	out := make([]byte, len(data))
	for b := range blocks {
		own := keystream[b*stride:][:stride]
		n := min(4096, int(tensor.Count)-4096*b)
		elements := make([]uint64, n)
		for i := range elements {
			for k := range width {
				elements[i] |= uint64(data[(4096*b+i)*width+k]) << (8 * k)
			}
		}
		if tensor.Kind != Bytes {
			for i := n - 1; i > 0; i-- {
				w := new(big.Int).SetUint64(binary.LittleEndian.Uint64(own[8*i:]))
				j := w.Rsh(w.Mul(w, big.NewInt(int64(i+1))), 64).Int64()
				elements[i], elements[j] = elements[j], elements[i]
			}
			own = own[8*4096:]
		}
		for i, x := range elements {
			var z uint64
			for k := range width {
				z |= uint64(own[i*width+k]) << (8 * k)
			}
			x = referenceElement(tensor, x, z, 8*width)
			if tensor.Exponents != nil {
				x = referenceDamped(tensor, x, 8*width)
			}
			for k := range width {
				out[(4096*b+i)*width+k] = byte(x >> (8 * k))
			}
		}
	}
	return out
}

var mantissas = map[Kind]int{Float32: 23, Float64: 52, Float16: 10, BFloat16: 7,
	Float8E4M3FN: 3, Float8E4M3FNUZ: 3, Float8E5M2: 2, Float8E5M2FNUZ: 2}

// referenceDamped exchanges the exponent of one element.
func referenceDamped(tensor Tensor, x uint64, bits int) uint64 {
	mantissa := mantissas[tensor.Kind]
	e := int(x &^ (1 << (bits - 1)) >> mantissa)
	if e < 1 || e > len(tensor.Exponents) {
		return x
	}
	return x&^(uint64(e)<<mantissa) | uint64(tensor.Exponents[e-1])<<mantissa
}

// referenceElement encrypts one element.
func referenceElement(tensor Tensor, x, z uint64, bits int) uint64 {
	sign := uint64(1) << (bits - 1)
	flip := z & sign
	if tensor.KeepSigns {
		flip = 0
	}
	below := func(v uint64) uint64 { // the bits below the leading one
		p := uint64(1)
		for v > 1 {
			v, p = v/2, 2*p
		}
		return p - 1
	}
	all := sign<<1 - 1
	switch tensor.Kind {
	case Bytes:
		return x ^ z
	case Int32, Int64:
		v := x
		if x&sign != 0 {
			v = all - x
		}
		if v == 0 {
			return x
		}
		x ^= z & below(v)
		if flip != 0 {
			x = all - x
		}
		return x
	case Uint32, Uint64:
		if x == 0 {
			return x
		}
		return x ^ z&below(x)
	case Float8E8M0:
		return x
	}
	mantissa := mantissas[tensor.Kind]
	m := x & (1<<mantissa - 1)
	e := x &^ sign >> mantissa
	largest := sign>>mantissa - 1
	switch {
	case e == 0 && m == 0:
		return x
	case e == 0:
		return x ^ flip ^ z&below(m)
	case e == largest && tensor.Kind == Float8E4M3FN:
		if m == 7 {
			return x
		}
		return x ^ flip ^ z&below(7-m)
	case e == largest && tensor.Kind != Float8E4M3FNUZ && tensor.Kind != Float8E5M2FNUZ:
		return x
	}
	return x ^ flip ^ z&(1<<mantissa-1)
}
