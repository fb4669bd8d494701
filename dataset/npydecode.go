package dataset

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/advparams/advparams/nd"
)

func (h *npyHeader) isText() bool { return h.kind == 'U' || h.kind == 'S' }

// decode reads the elements from r as type want, 0 for the one that fits:
// float32 for every floating-point type, int64 for every integer type.
// Integers also decode to float32. The caller has made sure that the header's
// count of elements is plausible, for they are allocated before they are read.
func (h *npyHeader) decode(r io.Reader, want nd.DType) (nd.Array, error) {
	switch {
	case (want == 0 || want == nd.Float32) && h.kind == 'f', want == nd.Float32 && (h.kind == 'i' || h.kind == 'u'):
		data, err := decodeElements(r, h, h.float32())
		return nd.Array{Shape: h.shape, Data: data}, err
	case (want == 0 || want == nd.Int64) && (h.kind == 'i' || h.kind == 'u'):
		data, err := decodeElements(r, h, h.int64())
		if err == nil && h.kind == 'u' && h.size == 8 {
			for i, v := range data {
				if v < 0 {
					return nd.Array{}, fmt.Errorf("element %d, %d, does not fit int64", i, uint64(v))
				}
			}
		}
		return nd.Array{Shape: h.shape, Data: data}, err
	case (want == 0 || want == nd.Bool) && h.kind == 'b':
		data, err := decodeElements(r, h, func(b []byte) bool { return b[0] != 0 })
		return nd.Array{Shape: h.shape, Data: data}, err
	}
	return nd.Array{}, fmt.Errorf("elements are %s, wanted are %v", h.typeName(), want)
}

// text reads the elements of a text array from r.
func (h *npyHeader) text(r io.Reader) ([]string, error) {
	return decodeElements(r, h, func(b []byte) string {
		if h.kind == 'S' {
			return strings.TrimRight(string(b), "\x00")
		}
		var s strings.Builder
		for ; len(b) > 0; b = b[4:] {
			s.WriteRune(rune(h.order.Uint32(b)))
		}
		return strings.TrimRight(s.String(), "\x00")
	})
}

func (h *npyHeader) typeName() string {
	switch h.kind {
	case 'f':
		return fmt.Sprintf("float%d", 8*h.size)
	case 'i':
		return fmt.Sprintf("int%d", 8*h.size)
	case 'u':
		return fmt.Sprintf("uint%d", 8*h.size)
	case 'b':
		return "bool"
	}
	return "text"
}

// float32 returns the decoder of one element of kind f, i or u.
func (h *npyHeader) float32() func([]byte) float32 {
	switch {
	case h.kind != 'f':
		whole := h.int64()
		if h.kind == 'u' && h.size == 8 {
			return func(b []byte) float32 { return float32(uint64(whole(b))) }
		}
		return func(b []byte) float32 { return float32(whole(b)) }
	case h.size == 2:
		return func(b []byte) float32 { return float16(h.order.Uint16(b)) }
	case h.size == 8:
		return func(b []byte) float32 { return float32(math.Float64frombits(h.order.Uint64(b))) }
	case h.order == binary.LittleEndian: // what nearly every file holds, without an interface call
		return func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) }
	}
	return func(b []byte) float32 { return math.Float32frombits(h.order.Uint32(b)) }
}

// int64 returns the decoder of one element of kind i or u.
func (h *npyHeader) int64() func([]byte) int64 {
	signed := h.kind == 'i'
	switch h.size {
	case 1:
		if signed {
			return func(b []byte) int64 { return int64(int8(b[0])) }
		}
		return func(b []byte) int64 { return int64(b[0]) }
	case 2:
		if signed {
			return func(b []byte) int64 { return int64(int16(h.order.Uint16(b))) }
		}
		return func(b []byte) int64 { return int64(h.order.Uint16(b)) }
	case 4:
		if signed {
			return func(b []byte) int64 { return int64(int32(h.order.Uint32(b))) }
		}
		return func(b []byte) int64 { return int64(h.order.Uint32(b)) }
	}
	return func(b []byte) int64 { return int64(h.order.Uint64(b)) }
}

// float16 widens an IEEE 754 binary16 number.
func float16(bits uint16) float32 {
	sign := uint32(bits>>15) << 31
	exp := uint32(bits>>10) & 0x1f
	frac := uint32(bits) & 0x3ff
	switch exp {
	case 0: // zero and subnormal: a multiple of 2⁻²⁴
		return math.Float32frombits(math.Float32bits(float32(frac)/(1<<24)) | sign)
	case 0x1f:
		exp = 0xff - 112
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

// decodeElements reads the header's count of elements in C order.
func decodeElements[T any](r io.Reader, h *npyHeader, one func([]byte) T) ([]T, error) {
	out := make([]T, h.count)
	if h.count == 0 {
		return out, nil
	}
	buf := make([]byte, h.size*max(1, (1<<14)/h.size))
	for done := 0; done < h.count; {
		n := min(len(buf)/h.size, h.count-done)
		if _, err := io.ReadFull(r, buf[:n*h.size]); err != nil {
			return nil, fmt.Errorf("element %d of %d: %w", done, h.count, noEOF(err))
		}
		for i := range n {
			out[done+i] = one(buf[i*h.size : (i+1)*h.size])
		}
		done += n
	}
	if h.fortran && len(h.shape) > 1 {
		out = fromFortran(out, h.shape)
	}
	return out, nil
}

// fromFortran puts elements of a shape from column-major into row-major order.
func fromFortran[T any](in []T, shape []int) []T {
	out := make([]T, len(in))
	step := make([]int, len(shape)) // column-major strides
	n := 1
	for i, d := range shape {
		step[i] = n
		n *= d
	}
	at, from := make([]int, len(shape)), 0
	for i := range out {
		out[i] = in[from]
		for axis := len(shape) - 1; axis >= 0; axis-- {
			at[axis]++
			from += step[axis]
			if at[axis] < shape[axis] {
				break
			}
			from -= at[axis] * step[axis]
			at[axis] = 0
		}
	}
	return out
}
