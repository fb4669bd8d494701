package seal

import (
	"fmt"
	"math/bits"
)

// A Kind says what the elements of a tensor are. The numbers are part of the key
// format and never change.
type Kind uint8

const (
	// Bytes have no class and are not permuted. They hold elements whose every code
	// is an ordinary value: integers of 16 bits and less, packed ones too, and
	// FLOAT4E2M1.
	Bytes Kind = 1
	// The IEEE 754 formats and bfloat16.
	Float32  Kind = 2
	Float64  Kind = 3
	Float16  Kind = 4
	BFloat16 Kind = 5
	// The 8-bit formats. FN has no infinity, and NaN only where exponent and mantissa
	// are all ones. FNUZ has neither infinity nor negative zero, whose code is NaN.
	Float8E4M3FN   Kind = 6
	Float8E4M3FNUZ Kind = 7
	Float8E5M2     Kind = 8
	Float8E5M2FNUZ Kind = 9
	// Powers of two, which are nothing but a class: permuted only.
	Float8E8M0 Kind = 10
	// Integers in two's complement, and without a sign.
	Int32  Kind = 11
	Int64  Kind = 12
	Uint32 Kind = 13
	Uint64 Kind = 14
)

// special says which codes with an exponent of all ones are not numbers.
type special uint8

const (
	ieee  special = iota // all: infinities and NaN
	fn                   // those whose mantissa is all ones too
	fnuz                 // none; the code of -0 is NaN
	whole                // an integer: it has no exponent
)

// format is what a kind is made of.
type format struct {
	name     string
	width    int // bytes
	mantissa int // bits
	special  special
	signed   bool
}

var formats = [...]format{
	Bytes:          {name: "bytes", width: 1},
	Float32:        {"float32", 4, 23, ieee, true},
	Float64:        {"float64", 8, 52, ieee, true},
	Float16:        {"float16", 2, 10, ieee, true},
	BFloat16:       {"bfloat16", 2, 7, ieee, true},
	Float8E4M3FN:   {"float8e4m3fn", 1, 3, fn, true},
	Float8E4M3FNUZ: {"float8e4m3fnuz", 1, 3, fnuz, true},
	Float8E5M2:     {"float8e5m2", 1, 2, ieee, true},
	Float8E5M2FNUZ: {"float8e5m2fnuz", 1, 2, fnuz, true},
	Float8E8M0:     {"float8e8m0", 1, 0, ieee, false},
	Int32:          {"int32", 4, 0, whole, true},
	Int64:          {"int64", 8, 0, whole, true},
	Uint32:         {"uint32", 4, 0, whole, false},
	Uint64:         {"uint64", 8, 0, whole, false},
}

// Valid reports whether k is one of the kinds above.
func (k Kind) Valid() bool { return int(k) < len(formats) && formats[k].width > 0 }

// String returns the kind's name, as docs/sealing.md has it.
func (k Kind) String() string {
	if !k.Valid() {
		return fmt.Sprintf("Kind(%d)", uint8(k))
	}
	return formats[k].name
}

// Width returns the size of an element in bytes. The kind must be valid.
func (k Kind) Width() int { return formats[k].width }

// stride returns how many bytes of keystream a block uses.
func (k Kind) stride() uint64 {
	if k == Bytes {
		return BlockLen
	}
	return BlockLen*8 + BlockLen*uint64(k.Width())
}

// word is the bits of an element.
type word interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64
}

// masks are what the loops over elements need to know of a kind.
type masks[T word] struct {
	exponent, mantissa T
	sign               T // the bit to encrypt; 0 where signs stay
	negative           T // the bit that says that an integer is negative, if there is one
	special            special
}

func masksOf[T word](k Kind, keepSigns bool) masks[T] {
	f := formats[k]
	top := T(1) << (8*f.width - 1)
	m := masks[T]{mantissa: T(1)<<f.mantissa - 1, special: f.special}
	m.exponent = ^m.mantissa
	if f.signed {
		m.exponent &^= top
		m.negative = top
		if !keepSigns {
			m.sign = top
		}
	}
	return m
}

// width returns the size of an element in bytes.
func (m *masks[T]) width() int { return bits.Len64(uint64(^T(0))) / 8 }

// encryptAll encrypts everything of elements but their classes, with as many words
// of the keystream. Since classes stay, it is its own inverse.
func (m *masks[T]) encryptAll(a, keys []T) {
	keys = keys[:len(a)]
	if m.special == whole {
		for i, x := range a {
			a[i] = m.encryptInteger(x, keys[i])
		}
		return
	}
	exponent, rest := m.exponent, m.sign|m.mantissa
	for i, x := range a {
		if e := x & exponent; e != 0 && e != exponent {
			a[i] = x ^ keys[i]&rest
		} else {
			a[i] = m.encryptExtreme(x, keys[i])
		}
	}
}

// encryptExtreme encrypts numbers whose exponent is all zeros or all ones.
func (m *masks[T]) encryptExtreme(x, z T) T {
	v := x & m.mantissa // where its leading one is, is the class of a denormal number
	if x&m.exponent == m.exponent {
		switch m.special {
		case ieee: // infinity and NaN stay
			return x
		case fnuz:
			return x ^ z&(m.sign|m.mantissa)
		}
		v ^= m.mantissa // the leading zero: the bits before and after it are not all ones
	}
	if v == 0 {
		return x
	}
	return x ^ z&(m.sign|below(v))
}

// encryptInteger encrypts what comes after an integer's leading bit, and its sign.
func (m *masks[T]) encryptInteger(x, z T) T {
	v := x
	if x&m.negative != 0 {
		v = ^x
	}
	if v == 0 { // 0 and -1 stay
		return x
	}
	x ^= z & below(v)
	if z&m.sign != 0 {
		x = ^x
	}
	return x
}

// exchange changes exponents by what is to be added to elements that have them.
func (m *masks[T]) exchange(a []T, by *[256]uint32) {
	exponent, shift := m.exponent, bits.Len64(uint64(m.mantissa))
	for i, x := range a {
		a[i] = x + T(by[uint8(x&exponent>>(shift&31))]) // the mask spares a check
	}
}

// below returns a mask of the bits below the leading one of v, which is not zero.
func below[T word](v T) T { return T(1)<<(bits.Len64(uint64(v))-1) - 1 }

// SameSigns reports whether all elements have the same sign, zeros left out. Data are
// as for [Cipher.Seal]. Kinds without signs have the same.
func SameSigns(k Kind, data []byte) bool {
	negative, positive := Signs(k, data)
	return !(negative && positive)
}

// Signs reports which signs there are among elements whose signs sealing would change, so
// that a large tensor can be looked at part by part. It stops where it has seen both.
func Signs(k Kind, data []byte) (negative, positive bool) {
	switch k.Width() {
	case 1:
		return signsOf[uint8](k, data)
	case 2:
		return signsOf[uint16](k, data)
	case 4:
		return signsOf[uint32](k, data)
	}
	return signsOf[uint64](k, data)
}

func signsOf[T word](k Kind, data []byte) (negative, positive bool) {
	m := masksOf[T](k, false)
	if m.sign == 0 {
		return false, false
	}
	var part [512]T
	for len(data) > 0 && !(negative && positive) {
		n := min(len(part), len(data)/m.width())
		load(part[:n], data)
		data = data[n*m.width():]
		for _, x := range part[:n] {
			switch {
			case m.encryptOne(x, m.sign) == x: // it stays, sign and all
			case x&m.sign != 0:
				negative = true
			default:
				positive = true
			}
		}
	}
	return negative, positive
}

// encryptOne encrypts one element.
func (m *masks[T]) encryptOne(x, z T) T {
	a, keys := [1]T{x}, [1]T{z}
	m.encryptAll(a[:], keys[:])
	return a[0]
}
