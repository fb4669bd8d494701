// Package nd holds dense row-major arrays: the one value type that data sets,
// graph inputs, outputs and compile-time constants share.
//
// ONNX knows some twenty element types. A computation here needs three: every
// floating-point type is computed in float32, every integer type in int64, and
// bool. The type an array had in its file is kept by whoever reads the file.
package nd

import (
	"fmt"
	"math"
)

// DType is the element type of an Array.
type DType uint8

// The element types.
const (
	Float32 DType = iota + 1
	Int64
	Bool
)

func (t DType) String() string {
	switch t {
	case Float32:
		return "float32"
	case Int64:
		return "int64"
	case Bool:
		return "bool"
	}
	return fmt.Sprintf("DType(%d)", uint8(t))
}

// Bytes returns the size of one element in memory.
func (t DType) Bytes() int64 {
	switch t {
	case Int64:
		return 8
	case Bool:
		return 1
	default:
		return 4
	}
}

// Elem is the set of Go types an element can have.
type Elem interface{ float32 | int64 | bool }

// Array is a dense row-major array. Its rank is len(Shape); a scalar has an
// empty shape and one element. Arrays are passed by value and share their data.
type Array struct {
	Shape []int
	Data  any // []float32, []int64 or []bool of Size(Shape) elements
}

// New returns a zeroed array.
func New(t DType, shape ...int) Array {
	n := Size(shape)
	switch t {
	case Int64:
		return Array{shape, make([]int64, n)}
	case Bool:
		return Array{shape, make([]bool, n)}
	default:
		return Array{shape, make([]float32, n)}
	}
}

// Of wraps data, without copying it, as an array of the given shape.
// It panics when the number of elements differs: that is a programming error.
func Of[T Elem](data []T, shape ...int) Array {
	if len(data) != Size(shape) {
		panic(fmt.Sprintf("nd: %d elements for shape %v", len(data), shape))
	}
	return Array{shape, data}
}

// Scalar returns an array of rank 0.
func Scalar[T Elem](v T) Array { return Array{[]int{}, []T{v}} }

// DType returns the element type, or 0 for the zero Array.
func (a Array) DType() DType {
	switch a.Data.(type) {
	case []float32:
		return Float32
	case []int64:
		return Int64
	case []bool:
		return Bool
	}
	return 0
}

// Len returns the number of elements.
func (a Array) Len() int { return Size(a.Shape) }

// Float32s returns the elements of a Float32 array; it panics for another type.
func (a Array) Float32s() []float32 { return a.Data.([]float32) }

// Int64s returns the elements of an Int64 array; it panics for another type.
func (a Array) Int64s() []int64 { return a.Data.([]int64) }

// Bools returns the elements of a Bool array; it panics for another type.
func (a Array) Bools() []bool { return a.Data.([]bool) }

// Rows returns the sub-array [lo, hi) along the first axis, sharing the data.
func (a Array) Rows(lo, hi int) Array {
	shape := append([]int{hi - lo}, a.Shape[1:]...)
	row := Size(a.Shape[1:])
	switch d := a.Data.(type) {
	case []int64:
		return Array{shape, d[lo*row : hi*row]}
	case []bool:
		return Array{shape, d[lo*row : hi*row]}
	default:
		return Array{shape, a.Float32s()[lo*row : hi*row]}
	}
}

// Size returns the number of elements of a shape; 1 for an empty shape.
func Size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// CheckedSize is Size for shapes that come from a file: it reports negative
// dimensions and products that do not fit an int.
func CheckedSize(shape []int) (int, error) {
	n, empty := 1, false
	for _, d := range shape {
		switch {
		case d < 0:
			return 0, fmt.Errorf("negative dimension in shape %v", shape)
		case d == 0:
			empty = true
		case n > math.MaxInt/d:
			return 0, fmt.Errorf("shape %v has too many elements", shape)
		default:
			n *= d
		}
	}
	if empty {
		return 0, nil
	}
	return n, nil
}

// Strides returns the row-major strides of a shape, in elements.
func Strides(shape []int) []int {
	s := make([]int, len(shape))
	n := 1
	for i := len(shape) - 1; i >= 0; i-- {
		s[i] = n
		n *= shape[i]
	}
	return s
}
