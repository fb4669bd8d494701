package seal

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"
)

// BlockLen is the number of elements in a block. Elements move within blocks only,
// so that any block can be sealed and unsealed by itself.
const BlockLen = 4096

// spanLen is the number of blocks that a goroutine takes at a time.
const spanLen = 16

// A Cipher seals and unseals the elements of one tensor. Several goroutines may use
// it at once.
type Cipher struct {
	tensor Tensor
	block  cipher.Block

	seal, unseal *[256]uint32 // by exponent field, what to add; nil without damping
}

// Seal encrypts elements in place. Data are the bytes of elements as ONNX stores
// them, little-endian, from element first on, at any address. First is a multiple of
// [BlockLen], and data reach to the end of a block or of the tensor; Seal panics if
// not. It uses as many goroutines as workers says; GOMAXPROCS if that is below 1.
func (c *Cipher) Seal(data []byte, first int64, workers int) { c.run(data, first, workers, false) }

// Unseal is the inverse of Seal, under the same conditions.
func (c *Cipher) Unseal(data []byte, first int64, workers int) { c.run(data, first, workers, true) }

func (c *Cipher) run(data []byte, first int64, workers int, inverse bool) {
	width := c.tensor.Kind.Width()
	n := int64(len(data) / width)
	if len(data)%width != 0 || first < 0 || first%BlockLen != 0 || n > c.tensor.Count-first ||
		n%BlockLen != 0 && first+n != c.tensor.Count {
		panic(fmt.Sprintf("seal: %d bytes from element %d are no blocks of %d elements of %v",
			len(data), first, c.tensor.Count, c.tensor.Kind))
	}
	size := spanLen * BlockLen * width
	spans := (len(data) + size - 1) / size
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	var taken atomic.Int64
	work := func() {
		s := scratches.Get().(*scratch)
		defer s.release()
		for {
			i := int(taken.Add(1)) - 1
			if i >= spans {
				return
			}
			c.span(s, data[i*size:min((i+1)*size, len(data))], uint64(first)/BlockLen+uint64(i)*spanLen, inverse)
		}
	}
	var wg sync.WaitGroup
	for range min(workers, spans) - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// span seals or unseals adjacent blocks, of which only the last may be a short one.
func (c *Cipher) span(s *scratch, data []byte, block uint64, inverse bool) {
	k := c.tensor.Kind
	at := block * k.stride()
	stream := c.keystream(at)
	if k == Bytes {
		stream.XORKeyStream(data, data)
		return
	}
	size := BlockLen * k.Width()
	for ; len(data) >= size; data = data[size:] {
		s.draw(stream, BlockLen)
		c.elements(s, data[:size], stream, inverse)
		at += k.stride()
	}
	if len(data) > 0 {
		s.draw(c.keystream(at), len(data)/k.Width())
		c.elements(s, data, c.keystream(at+8*BlockLen), inverse)
	}
}

// elements seals or unseals one block, whose permutation has been drawn. The stream
// is where the block's bits for encryption begin.
func (c *Cipher) elements(s *scratch, data []byte, stream cipher.Stream, inverse bool) {
	switch c.tensor.Kind.Width() {
	case 1:
		crypt(c, s, &s.of8, data, stream, inverse)
	case 2:
		crypt(c, s, &s.of16, data, stream, inverse)
	case 4:
		crypt(c, s, &s.of32, data, stream, inverse)
	case 8:
		crypt(c, s, &s.of64, data, stream, inverse)
	}
}

// chunk is how many bytes of keystream are made at a time. They stay in the first
// level of the cache.
const chunk = 4096

var zeros [chunk]byte

// scratch is what one goroutine works with.
type scratch struct {
	words [chunk / 8]uint64 // keystream for swaps
	swaps [BlockLen]uint16  // by element: which one to change places with
	of8   buffers[uint8]
	of16  buffers[uint16]
	of32  buffers[uint32]
	of64  buffers[uint64]
}

// buffers hold a block's elements, aligned and in the first level of the cache, and
// a chunk of keystream for them.
type buffers[T word] struct {
	elements [BlockLen]T
	keys     [chunk]T // the last ones are not used where T is wide
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// release gives a scratch back, without what it has seen.
func (s *scratch) release() {
	*s = scratch{}
	scratches.Put(s)
}

// draw takes the permutation of n elements from a keystream: Fisher–Yates' choices
// from 64 bits each, ⌊word·(i+1) / 2⁶⁴⌋ for element i.
func (s *scratch) draw(stream cipher.Stream, n int) {
	for i := 0; i < n; {
		count := min(n-i, len(s.words))
		words, swaps := s.words[:count], s.swaps[i:i+count]
		stream.XORKeyStream(bytesOf(words), zeros[:8*count])
		nativeOrder(words)
		for k, w := range words {
			hi, _ := bits.Mul64(w, uint64(i+k+1))
			swaps[k] = uint16(hi)
		}
		i += count
	}
}

// crypt seals or unseals the elements of a block.
func crypt[T word](c *Cipher, s *scratch, b *buffers[T], data []byte, stream cipher.Stream, inverse bool) {
	m := masksOf[T](c.tensor.Kind, c.tensor.KeepSigns)
	width := m.width()
	n := len(data) / width
	load(b.elements[:n], data)
	if !inverse {
		permute(&b.elements, &s.swaps, n)
	}
	if inverse && c.unseal != nil {
		m.exchange(b.elements[:n], c.unseal)
	}
	for at := 0; at < n; {
		count := min(n-at, chunk/width)
		keys := b.keys[:count]
		stream.XORKeyStream(bytesOf(keys), zeros[:count*width])
		nativeOrder(keys)
		m.encryptAll(b.elements[at:at+count], keys)
		at += count
	}
	if !inverse && c.seal != nil {
		m.exchange(b.elements[:n], c.seal)
	}
	if inverse {
		permuteBack(&b.elements, &s.swaps, n)
	}
	store(data, b.elements[:n])
}

// permute makes the swaps that were drawn, for the last element first.
func permute[T word](a *[BlockLen]T, swaps *[BlockLen]uint16, n int) {
	for i := min(n, BlockLen) - 1; i > 0; i-- {
		j := swaps[i] % BlockLen
		a[i], a[j] = a[j], a[i]
	}
}

// permuteBack is the inverse of permute.
func permuteBack[T word](a *[BlockLen]T, swaps *[BlockLen]uint16, n int) {
	for i := 1; i < min(n, BlockLen); i++ {
		j := swaps[i] % BlockLen
		a[i], a[j] = a[j], a[i]
	}
}

// load copies numbers from their little-endian bytes.
func load[T word](a []T, data []byte) {
	copy(bytesOf(a), data)
	nativeOrder(a)
}

// store writes numbers as their little-endian bytes. It may leave them in another
// order than the host's.
func store[T word](data []byte, a []T) {
	nativeOrder(a)
	copy(data, bytesOf(a))
}

// bytesOf returns the memory of numbers.
func bytesOf[T word](a []T) []byte {
	if len(a) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&a[0])), len(a)*int(unsafe.Sizeof(a[0])))
}

// bigEndian says that the host's byte order is not that of files.
var bigEndian = binary.NativeEndian.Uint16([]byte{1, 0}) != 1

// nativeOrder turns numbers from little-endian order into the host's, or back.
func nativeOrder[T word](a []T) {
	if bigEndian {
		reverseBytes(a)
	}
}

func reverseBytes[T word](a []T) {
	for i, x := range a {
		a[i] = T(bits.ReverseBytes64(uint64(x)) >> (64 - 8*unsafe.Sizeof(x)))
	}
}
