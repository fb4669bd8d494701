package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
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

// ErrShortSecret is returned by DeriveKey.
var ErrShortSecret = errors.New("a secret to derive keys from needs 16 bytes or more")

// DeriveKey returns a key that can be made again from the same secret and the same
// context. The context has to tell apart everything that may ever be sealed with the
// secret: the digests of the original's files, and which ranges of them are sealed.
// The secret needs 16 bytes that nobody can guess, which a password is not.
func DeriveKey(secret []byte, context ...[]byte) (*Key, error) {
	if len(secret) < 16 {
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
// unknown or its count out of range.
func (k *Key) Cipher(t Tensor) (*Cipher, error) {
	if !t.Kind.Valid() {
		return nil, fmt.Errorf("unknown kind %d of elements", uint8(t.Kind))
	}
	if t.Count < 0 || t.Count > maxCount {
		return nil, fmt.Errorf("a tensor of %d elements", t.Count)
	}
	key, err := hkdf.Key(sha256.New, k.Seed[:], k.Salt[:], t.info(), 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return &Cipher{tensor: t, block: block}, nil
}

// keystream returns the tensor's keystream from a byte onwards, whose position is a
// multiple of 16.
func (c *Cipher) keystream(from uint64) cipher.Stream {
	var counter [aes.BlockSize]byte
	binary.BigEndian.PutUint64(counter[8:], from/aes.BlockSize)
	return cipher.NewCTR(c.block, counter[:])
}
