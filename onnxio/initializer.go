package onnxio

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"
	"unsafe"
	"weak"

	"github.com/advparams/advparams/nd"
	"github.com/advparams/advparams/onnxio/onnxpb"
)

// An Initializer is a tensor stored in a model: an initializer of a graph, or
// the value of an attribute. Its elements are in row-major order.
type Initializer struct {
	Name     string // empty for most attributes
	DataType onnxpb.TensorProto_DataType
	Dims     []int // empty for a scalar
	Storage  Storage

	model   *Model
	elem    elemType
	n       int
	runs    []run     // where elements of fixed width lie
	ext     *external // what external_data says, if anything
	shared  string    // another tensor that uses some of the same bytes
	at, end int       // of the TensorProto in the model file
}

// Floating reports whether the elements are floating-point numbers of any width.
func (t *Initializer) Floating() bool { return t.elem.kind == kindFloat }

// Len returns the number of elements; 1 for a scalar.
func (t *Initializer) Len() int { return t.n }

// Bits returns element i as it is stored: IEEE 754 bits for the floating-point
// types, two's complement without sign extension for the integer types.
// Where elements have no fixed place (integer fields) it
// takes time proportional to i. It panics when i is out of range, and for
// strings and complex numbers.
func (t *Initializer) Bits(i int) uint64 {
	if i < 0 || i >= t.n || t.elem.bits == 0 || t.elem.kind == kindComplex {
		panic(fmt.Sprintf("onnxio: no bits for element %d of %v%v", i, t.DataType, t.Dims))
	}
	if t.patchable() {
		r := t.runAt(i)
		return load(t.model.files[r.file].data[r.offset+(i-r.first)*r.stride:], t.elem.bits/8)
	}
	if t.nibbles() {
		r, perByte := t.runs[0], 8/t.elem.bits
		return uint64(t.model.files[r.file].data[r.offset+i/perByte]) >> (i % perByte * t.elem.bits) & (1<<t.elem.bits - 1)
	}
	var bits uint64
	t.each(func(at int, b uint64) bool {
		bits = b
		return at < i
	})
	return bits
}

// patchable reports whether every element occupies bytes of its own.
func (t *Initializer) patchable() bool {
	switch t.Storage {
	case Raw, External, FloatData, DoubleData:
		return t.elem.bits >= 8 && t.elem.bits <= 64 && t.elem.kind != kindComplex
	}
	return false
}

// runAt returns the run that holds element i.
func (t *Initializer) runAt(i int) run {
	return t.runs[sort.Search(len(t.runs), func(k int) bool { return t.runs[k].first > i })-1]
}

// load reads a little-endian number of 1, 2, 4 or 8 bytes.
func load(b []byte, width int) uint64 {
	switch width {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(binary.LittleEndian.Uint16(b))
	case 4:
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// littleEndian: the host's byte order is that of the file.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// Float32s returns the elements of a floating-point tensor; narrow types are
// converted exactly, DOUBLE is rounded. The slice may be the file mapping
// itself: it must not be written to, nor used after Close.
func (t *Initializer) Float32s() ([]float32, error) {
	if t.elem.kind != kindFloat {
		return nil, t.decodeError("floating-point numbers")
	}
	if t.n == 0 {
		return []float32{}, nil
	}
	if r, ok := t.adjacent(); ok {
		if f := t.inPlace(t.model.files[r.file].data, r); f != nil {
			return f, nil
		}
		return t.copied(r), nil
	}
	return t.convert(), nil
}

// convert returns the elements as float32 values. Whoever asks while somebody uses them gets
// the same ones: those of a large model in float16 take twice its size.
func (t *Initializer) convert() []float32 {
	m := t.model
	m.convertedMu.Lock()
	defer m.convertedMu.Unlock()
	if first := m.converted[t].Value(); first != nil {
		return unsafe.Slice(first, t.n)
	}
	out := t.widened()
	if m.converted == nil {
		m.converted = map[*Initializer]weak.Pointer[float32]{}
	}
	m.converted[t] = weak.Make(&out[0])
	return out
}

// widened returns the elements as float32 values of the caller's own.
func (t *Initializer) widened() []float32 {
	out := make([]float32, t.n)
	t.each(func(i int, b uint64) bool {
		out[i] = asFloat32(t.DataType, b)
		return true
	})
	return out
}

// Int64s returns the elements of an integer or boolean tensor. A UINT64 above
// the range of int64 is an error.
func (t *Initializer) Int64s() ([]int64, error) {
	switch t.elem.kind {
	case kindSigned, kindUnsigned, kindBool:
	default:
		return nil, t.decodeError("integers")
	}
	out := make([]int64, t.n)
	large := -1
	t.each(func(i int, b uint64) bool {
		switch {
		case t.elem.kind == kindSigned:
			out[i] = signed(b, t.elem.bits)
		case b > math.MaxInt64:
			large = i
		default:
			out[i] = int64(b)
		}
		return large < 0
	})
	if large >= 0 {
		return nil, fmt.Errorf("%s: %s: element %d is too large for int64", t.model.path, t.label(), large)
	}
	return out, nil
}

// Array returns the elements as the array type that fits: float32 for every
// floating-point type, int64 for every integer type, bool. Like Float32s it may
// share memory with the file. Strings and complex numbers are errors.
func (t *Initializer) Array() (nd.Array, error) {
	switch t.elem.kind {
	case kindFloat:
		data, err := t.Float32s()
		return nd.Array{Shape: t.shape(), Data: data}, err
	case kindSigned, kindUnsigned:
		data, err := t.Int64s()
		return nd.Array{Shape: t.shape(), Data: data}, err
	case kindBool:
		data := make([]bool, t.n)
		t.each(func(i int, b uint64) bool {
			data[i] = b != 0
			return true
		})
		return nd.Array{Shape: t.shape(), Data: data}, nil
	}
	return nd.Array{}, t.decodeError("numbers")
}

// shape returns a copy of Dims, so that an array's owner may change it.
func (t *Initializer) shape() []int { return append([]int{}, t.Dims...) }

func (t *Initializer) decodeError(as string) error {
	return fmt.Errorf("%s: %s: %v elements cannot be read as %s", t.model.path, t.label(), t.DataType, as)
}

// each calls yield with the bits of every element, in order, until it returns
// false. The type must have bits.
func (t *Initializer) each(yield func(i int, bits uint64) bool) {
	if t.n == 0 {
		return
	}
	if number, ok := varintFields[t.Storage]; ok {
		t.eachVarint(number, yield)
		return
	}
	if t.elem.packed() {
		r := t.runs[0]
		data := t.model.files[r.file].data[r.offset:]
		perByte, mask := 8/t.elem.bits, uint64(1)<<t.elem.bits-1
		for i := range t.n {
			if !yield(i, uint64(data[i/perByte])>>(i%perByte*t.elem.bits)&mask) {
				return
			}
		}
		return
	}
	width := t.elem.bits / 8
	for _, r := range t.runs {
		data := t.model.files[r.file].data
		for i := range r.count {
			if !yield(r.first+i, load(data[r.offset+i*r.stride:], width)) {
				return
			}
		}
	}
}
