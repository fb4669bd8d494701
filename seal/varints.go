package seal

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrVarints is returned for data that are not as many varints as the tensor has
// elements.
var ErrVarints = errors.New("elements are not stored as the tensor says")

// SealVarints encrypts the elements of a tensor that are stored as protobuf's varints,
// as in the field int32_data, in place. It takes the whole tensor, whose KeepSigns
// must be set.
//
// The length of each varint belongs to its class, so that the data stay as long as
// they are: elements move within their block with their lengths, and only bits that do
// not change the length are encrypted. Of integers that have no class otherwise, the
// lowest seven bits and those below the leading one are.
func (c *Cipher) SealVarints(data []byte) error { return c.varints(data, false) }

// UnsealVarints is the inverse of SealVarints.
func (c *Cipher) UnsealVarints(data []byte) error { return c.varints(data, true) }

func (c *Cipher) varints(data []byte, inverse bool) error {
	t := &c.tensor
	if !t.KeepSigns {
		return fmt.Errorf("%w: varints keep their signs", ErrVarints)
	}
	if n, ok := countVarints(data); !ok || n != t.Count {
		return fmt.Errorf("%w: %d bytes are not %d varints", ErrVarints, len(data), t.Count)
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	var b varintBlock
	for block := uint64(0); len(data) > 0; block++ {
		size := b.parse(data)
		at := block * varintStride
		s.draw(c.keystream(at), b.n)
		keys := s.of64.keys[:b.n]
		c.keystream(at+8*BlockLen).XORKeyStream(bytesOf(keys), make([]byte, 8*b.n))
		nativeOrder(keys)
		b.crypt(s, t.Kind, keys, inverse)
		copy(data[:size], b.out)
		data = data[size:]
	}
	return nil
}

// varintStride is how many bytes of keystream a block of varints uses, whatever the
// kind: 64 bits for each element's place, and 64 for the element.
const varintStride = 2 * 8 * BlockLen

// countVarints returns the number of varints in data; false if that is not all there
// is.
func countVarints(data []byte) (n int64, ok bool) {
	for ; len(data) > 0; n++ {
		_, size := binary.Uvarint(data)
		if size <= 0 {
			return n, false
		}
		data = data[size:]
	}
	return n, true
}

// varintBlock is a block of varints on its way.
type varintBlock struct {
	n        int
	elements [BlockLen][]byte
	in, out  []byte
}

// parse takes the next block from data and returns how many bytes it has.
func (b *varintBlock) parse(data []byte) (size int) {
	b.n = 0
	for size < len(data) && b.n < BlockLen {
		_, n := binary.Uvarint(data[size:])
		size += n
		b.n++
	}
	b.in = append(b.in[:0], data[:size]...)
	for i, rest := 0, b.in; len(rest) > 0; i++ {
		_, n := binary.Uvarint(rest)
		b.elements[i], rest = rest[:n], rest[n:]
	}
	return size
}

// crypt seals or unseals a block, which is in b.out afterwards.
func (b *varintBlock) crypt(s *scratch, k Kind, keys []uint64, inverse bool) {
	if inverse {
		b.encrypt(k, keys)
		for i := 1; i < b.n; i++ {
			j := s.swaps[i]
			b.elements[i], b.elements[j] = b.elements[j], b.elements[i]
		}
	} else {
		for i := b.n - 1; i > 0; i-- {
			j := s.swaps[i]
			b.elements[i], b.elements[j] = b.elements[j], b.elements[i]
		}
		b.encrypt(k, keys)
	}
	b.out = b.out[:0]
	for _, e := range b.elements[:b.n] {
		b.out = append(b.out, e...)
	}
}

func (b *varintBlock) encrypt(k Kind, keys []uint64) {
	for i, e := range b.elements[:b.n] {
		x, _ := binary.Uvarint(e)
		changed := x ^ encryptVarint(k, x, keys[i])
		for p := range e { // seven bits a byte
			e[p] ^= byte(changed>>(7*p)) & 0x7f
		}
	}
}

// encryptVarint encrypts an element without changing the length of its varint.
func encryptVarint(k Kind, x, z uint64) uint64 {
	switch k {
	case Bytes, Int32, Int64, Uint32, Uint64:
		v := x
		if int64(x) < 0 { // which is how negative numbers of all widths are stored
			v = ^x
		}
		mask := uint64(0)
		if v > 0 {
			mask = below(v)
		}
		if k == Bytes {
			mask |= 0x7f
		}
		return x ^ z&mask
	}
	switch k.Width() {
	case 1:
		m := masksOf[uint8](k, true)
		return x&^0xff | uint64(m.encryptOne(uint8(x), uint8(z)))
	case 2:
		m := masksOf[uint16](k, true)
		return x&^0xffff | uint64(m.encryptOne(uint16(x), uint16(z)))
	}
	return x // no others are stored as varints
}
