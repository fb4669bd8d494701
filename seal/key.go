package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
)

// A Key is what one locked model was sealed with. It is secret, both halves of it.
type Key struct {
	Seed [32]byte
	Salt [32]byte
}

// NewKey returns a fresh key.
func NewKey() *Key {
	k := new(Key)
	rand.Read(k.Seed[:]) // never fails
	rand.Read(k.Salt[:])
	return k
}

// MinSecret is the least length of a secret to derive keys from, in bytes.
const MinSecret = 16

// ErrShortSecret is returned by DeriveKey.
var ErrShortSecret = fmt.Errorf("a secret to derive keys from needs %d bytes or more", MinSecret)

// DeriveKey returns a key that can be made again from the same secret and the same
// context. The context has to tell apart everything that may ever be sealed with the
// secret: the digests of the original's files, and which ranges of them are sealed.
// The secret needs MinSecret bytes that nobody can guess, which a password is not.
func DeriveKey(secret []byte, context ...[]byte) (*Key, error) {
	if len(secret) < MinSecret {
		return nil, ErrShortSecret
	}
	digest := sha256.New()
	for _, c := range context {
		digest.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(c))))
		digest.Write(c)
	}
	material, err := hkdf.Key(sha256.New, secret, digest.Sum(nil), "advparams seal key 1", 64)
	if err != nil {
		return nil, err
	}
	k := new(Key)
	copy(k.Seed[:], material)
	copy(k.Salt[:], material[32:])
	return k, nil
}

// A Tensor is a sequence of elements that is sealed by itself.
type Tensor struct {
	// Index is the tensor's number in its model. No two tensors that are sealed with
	// one key have the same.
	Index uint64
	Kind  Kind
	// Count is the number of elements.
	Count int64
	// KeepSigns leaves signs as they are. It is for tensors whose elements are all of
	// one sign, such as variances, which would not be valid otherwise. See [SameSigns].
	KeepSigns bool
	// Exponents, if there are any, are the exponent fields that sealing puts in place of
	// 1, 2, 3 and so on: a permutation of these numbers. With smaller ones in place of
	// common ones, activations stay in range (see docs/sealing.md, damping). Larger
	// fields stay. It is for floats of up to 32 bits.
	Exponents []byte
}

// exchanges returns what is to be added to an element by its exponent field when it is
// sealed, and when it is unsealed; false if the exponents are not possible.
func (t *Tensor) exchanges() (seal, unseal *[256]uint32, ok bool) {
	if len(t.Exponents) == 0 {
		return nil, nil, true
	}
	f := formats[t.Kind]
	if f.mantissa == 0 || f.width > 4 || len(t.Exponents) > 1<<(8*f.width-1-f.mantissa)-2 {
		return nil, nil, false // what has no exponent or nothing else, or is not a number
	}
	seal, unseal = new([256]uint32), new([256]uint32)
	var seen [256]bool
	for i, to := range t.Exponents {
		if to == 0 || int(to) > len(t.Exponents) || seen[to] {
			return nil, nil, false
		}
		seen[to] = true
		by := uint32(int(to)-(i+1)) << f.mantissa
		seal[i+1], unseal[to] = by, -by
	}
	return seal, unseal, true
}

// maxCount keeps positions in the keystream of the widest kind below 2⁶³.
const maxCount = math.MaxInt64 / 16

// info is what makes a tensor's keystream its own.
func (t *Tensor) info() string {
	b := []byte("advparams seal 1\x00")
	b = binary.LittleEndian.AppendUint64(b, t.Index)
	b = binary.LittleEndian.AppendUint64(b, uint64(t.Count))
	b = append(b, byte(t.Kind), 0)
	if t.KeepSigns {
		b[len(b)-1] = 1
	}
	return string(b)
}

// Cipher returns what seals and unseals a tensor. It fails if the tensor's kind is
// unknown, its count out of range, or its exponents are no permutation.
func (k *Key) Cipher(t Tensor) (*Cipher, error) {
	if !t.Kind.Valid() {
		return nil, fmt.Errorf("unknown kind %d of elements", uint8(t.Kind))
	}
	if t.Count < 0 || t.Count > maxCount {
		return nil, fmt.Errorf("a tensor of %d elements", t.Count)
	}
	c := &Cipher{tensor: t}
	var ok bool
	if c.seal, c.unseal, ok = t.exchanges(); !ok {
		return nil, fmt.Errorf("%d exponents for elements of %v that are no permutation", len(t.Exponents), t.Kind)
	}
	key, err := hkdf.Key(sha256.New, k.Seed[:], k.Salt[:], t.info(), 32)
	if err != nil {
		return nil, err
	}
	if c.block, err = aes.NewCipher(key); err != nil {
		return nil, err
	}
	return c, nil
}

// keystream returns the tensor's keystream from a byte onwards, whose position is a
// multiple of 16.
func (c *Cipher) keystream(from uint64) cipher.Stream {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], from/aes.BlockSize)
	return cipher.NewCTR(c.block, counter[:])
}
