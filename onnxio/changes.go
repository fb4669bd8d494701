package onnxio

import (
	"cmp"
	"iter"
)

// changes are what is to be done to one file. They may be many millions, so that they
// become pieces one at a time.
type changes struct {
	patches []*TensorPatch
	splices []piece // ascending
}

func (c *changes) none() bool { return len(c.patches)+len(c.splices) == 0 }

// changesByFile returns what is to be done to each of n files. Patches and splices must be
// of these.
func changesByFile(n int, patches []TensorPatch, splices []Splice) []changes {
	all := make([]changes, n)
	for i := range patches {
		p := &patches[i]
		all[p.File].patches = append(all[p.File].patches, p)
	}
	for _, s := range splices {
		all[s.File].splices = append(all[s.File].splices, piece{s.Offset, s.Length, s.Original, false})
	}
	return all
}

// pieces merges patches and splices, by offset. The data of a piece is valid until the
// next one. Pieces of valid changes do not overlap.
func (c *changes) pieces() iter.Seq[piece] {
	return func(yield func(piece) bool) {
		var q queue
		for _, p := range c.patches {
			if from := (&source{patch: p, distances: p.Indices.distances}); from.next() {
				q = append(q, from)
			}
		}
		if from := (&source{splices: c.splices}); from.next() {
			q = append(q, from)
		}
		for i := len(q)/2 - 1; i >= 0; i-- {
			q.down(i)
		}
		for len(q) > 0 {
			if !yield(q[0].now) {
				return
			}
			if !q[0].next() {
				q[0] = q[len(q)-1]
				q = q[:len(q)-1]
			}
			if len(q) > 1 {
				q.down(0)
			}
		}
	}
}

// overlap returns where two changes overlap. Those of one patch ascend and do not.
func (c *changes) overlap() (at int64, found bool) {
	if len(c.patches) == 1 && len(c.splices) == 0 {
		return 0, false
	}
	end := int64(0)
	for p := range c.pieces() {
		if p.at < end {
			return p.at, true
		}
		end = p.end()
	}
	return 0, false
}

// source is a list of pieces that ascend: those of a patch, or splices.
type source struct {
	now piece

	patch     *TensorPatch
	distances []byte // of the elements that are left
	index     int64
	element   int // that is next, in Original
	bits      [8]byte

	splices []piece
}

// next moves to the next piece, and reports whether there is one.
func (s *source) next() bool {
	p := s.patch
	if p == nil {
		if len(s.splices) == 0 {
			return false
		}
		s.now, s.splices = s.splices[0], s.splices[1:]
		return true
	}
	if len(s.distances) == 0 {
		return false
	}
	distance, n := uvarint(s.distances)
	s.distances = s.distances[n:]
	s.index += int64(distance)
	s.now = piece{at: p.Offset + s.index*int64(p.Stride), size: int64(p.Width)}
	if p.Flip == 0 {
		s.now.data = p.Original[s.element*p.Width:][:p.Width]
	} else {
		if s.element == 0 {
			copy(s.bits[:], elementBytes(p.Flip, p.Width))
		}
		s.now.data, s.now.xor = s.bits[:p.Width], true
	}
	s.element++
	return true
}

// queue is a heap: the piece of the first source is the first in the file.
type queue []*source

// down moves a source to where it belongs.
func (q queue) down(i int) {
	for {
		first := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(q); child++ {
			if before(&q[child].now, &q[first].now) {
				first = child
			}
		}
		if first == i {
			return
		}
		q[i], q[first] = q[first], q[i]
		i = first
	}
}

// before reports whether a comes before b. An insertion comes before what is at its
// place.
func before(a, b *piece) bool {
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.end(), b.end())) < 0
}
