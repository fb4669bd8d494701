package onnxio

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
)

// Indices is an ascending list of element numbers. It takes about a byte for each of
// them where most elements of a tensor are listed: the distances are stored, as
// varints. The zero value is an empty list. Whether the list ascends is not checked
// here but by Record.Validate.
type Indices struct {
	distances []byte
	n         int
	last      int64
}

// IndicesOf returns a list.
func IndicesOf(list ...int64) Indices {
	var x Indices
	for _, index := range list {
		x.Append(index)
	}
	return x
}

// Append adds an index at the end.
func (x *Indices) Append(index int64) {
	x.distances = binary.AppendUvarint(x.distances, uint64(index-x.last))
	x.last = index
	x.n++
}

// Len returns the number of indices.
func (x Indices) Len() int { return x.n }

// Equal reports whether two lists are the same.
func (x Indices) Equal(y Indices) bool { return bytes.Equal(x.distances, y.distances) }

// All returns the indices in their order.
func (x Indices) All() iter.Seq[int64] {
	return func(yield func(int64) bool) {
		index := int64(0)
		for rest := x.distances; len(rest) > 0; {
			distance, n := uvarint(rest)
			rest = rest[n:]
			if index += int64(distance); !yield(index) {
				return
			}
		}
	}
}

// Distances returns the first index and the distance of each to the one before, as
// varints of protobuf. It must not be changed.
func (x Indices) Distances() []byte { return x.distances }

// ParseIndices is the inverse of Indices.Distances. The result may refer to data. A
// sum that overflows does not ascend, which Record.Validate finds.
func ParseIndices(data []byte) (Indices, error) {
	var x Indices
	shortest := true
	for rest := data; len(rest) > 0; x.n++ {
		distance, n := uvarint(rest)
		if n <= 0 {
			return Indices{}, fmt.Errorf("position %d is no number", x.n)
		}
		shortest = shortest && (n == 1 || rest[n-1] != 0)
		x.last += int64(distance)
		rest = rest[n:]
	}
	if shortest {
		if x.n > 0 {
			x.distances = data
		}
		return x, nil
	}
	var again Indices // in the one form that equal lists have
	for index := range (Indices{distances: data}).All() {
		again.Append(index)
	}
	return again, nil
}

// uvarint is binary.Uvarint, faster for small numbers.
func uvarint(data []byte) (uint64, int) {
	if data[0] < 0x80 {
		return uint64(data[0]), 1
	}
	return binary.Uvarint(data)
}
