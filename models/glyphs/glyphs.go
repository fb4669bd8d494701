// Package glyphs draws the demo's data set: hexadecimal digits of the Go fonts
// as a poor scanner would see them, turned, slanted, stretched, out of focus,
// faint and noisy, 28×28 pixels in 16 shades of grey.
//
// The same seed gives the same bytes on every platform. Nothing here computes in
// floating point, where compilers may fuse a multiplication with an addition on
// one architecture and not on another: outlines, matrices and pixels are
// integers, and randomness is ChaCha8, whose output Go guarantees. Each sample
// has a generator of its own, so a longer set begins with the shorter one.
package glyphs

import (
	"encoding/binary"
	"math/rand/v2"
)

// Size is the width and height of an image in pixels.
const Size = 28

// Classes are the characters drawn; their positions are the labels.
const Classes = "0123456789ABCDEF"

// Split names one of the two disjoint streams of samples of a seed.
type Split byte

// The splits, with the names that IDX files have had since MNIST.
const (
	Train Split = iota
	Test
)

// Set is a list of samples.
type Set struct {
	Images []byte // row-major, [len(Labels), Size, Size]; 0 is black, 255 white
	Labels []byte // indices into Classes; every class once in each run of 16
}

// Draw returns the first n samples of a split.
func Draw(seed uint64, split Split, n int) (*Set, error) {
	font, err := load()
	if err != nil {
		return nil, err
	}
	s := &Set{Images: make([]byte, n*Size*Size), Labels: make([]byte, n)}
	for i := range n {
		r := newRandom(seed, split, forSample, i)
		s.Labels[i] = label(seed, split, i)
		outline := font[r.below(len(font))][s.Labels[i]]
		image := coverage(outline.place(r))
		develop(image, r, s.Images[i*Size*Size:][:Size*Size])
	}
	return s, nil
}

// label shuffles the classes anew for every run of len(Classes) samples.
func label(seed uint64, split Split, i int) byte {
	r := newRandom(seed, split, forLabels, i/len(Classes))
	var order [len(Classes)]byte
	for k := range order {
		j := r.below(k + 1)
		order[k], order[j] = order[j], byte(k)
	}
	return order[i%len(Classes)]
}

// random is a stream of its own for one purpose and index.
type random struct{ *rand.ChaCha8 }

const (
	forSample byte = iota
	forLabels
)

func newRandom(seed uint64, split Split, purpose byte, index int) random {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(index))
	key[16], key[17] = byte(split), purpose
	return random{rand.NewChaCha8(key)}
}

// below returns a number in [0, n). Its bias, n/2⁶⁴, does not matter here;
// that it draws exactly once does.
func (r random) below(n int) int { return int(r.Uint64() % uint64(n)) }

// between returns a number in [lo, hi].
func (r random) between(lo, hi int64) int64 { return lo + int64(r.below(int(hi-lo+1))) }
