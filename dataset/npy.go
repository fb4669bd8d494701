package dataset

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/advparams/advparams/internal/hint"
	"github.com/advparams/advparams/nd"
)

// The .npy format (NumPy enhancement proposal 1): a magic string, a version,
// the length of a header, the header (a Python dictionary literal with the
// keys descr, fortran_order and shape), and the elements. It is read here and
// not by a library because the one there is reads one element a call, takes a
// truncated file for zeros, panics on a damaged header and knows neither
// float16 nor text.

const (
	npyMagic     = "\x93NUMPY"
	npyMaxHeader = 1 << 16 // NumPy itself stops at 10,000 bytes
)

// npyHeader describes the elements that follow it.
type npyHeader struct {
	descr   string // as in the file: <f4, |b1, >i8, <U12 …
	kind    byte   // f, i, u, b, U or S
	size    int    // bytes an element
	order   binary.ByteOrder
	fortran bool
	shape   []int
	count   int // elements
}

// readNPYHeader reads from the magic string to the first element and returns
// how many bytes that was.
func readNPYHeader(r io.Reader) (*npyHeader, int64, error) {
	var start [len(npyMagic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, 0, fmt.Errorf("npy header: %w", noEOF(err))
	}
	if string(start[:len(npyMagic)]) != npyMagic {
		return nil, 0, errors.New("not in npy format")
	}
	wide := 4
	switch major := start[len(npyMagic)]; major {
	case 1:
		wide = 2
	case 2, 3:
	default:
		return nil, 0, fmt.Errorf("npy format version %d is unknown", major)
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:wide]); err != nil {
		return nil, 0, fmt.Errorf("npy header: %w", noEOF(err))
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > npyMaxHeader {
		return nil, 0, fmt.Errorf("npy header of %d bytes", n)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, 0, fmt.Errorf("npy header: %w", noEOF(err))
	}
	h, err := parseNPYHeader(string(text))
	if err != nil {
		return nil, 0, err
	}
	return h, int64(len(start)) + int64(wide) + int64(n), nil
}

func parseNPYHeader(text string) (*npyHeader, error) {
	h := &npyHeader{}
	bad := fmt.Errorf("npy header %.80q is not understood", strings.TrimSpace(text))
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), "{")
	if rest, ok = strings.CutSuffix(rest, "}"); !ok {
		return nil, bad
	}
	seen := make(map[string]bool)
	for rest = strings.TrimSpace(rest); rest != ""; {
		var key, value string
		if key, rest, ok = cutQuoted(rest); !ok || seen[key] {
			return nil, bad
		}
		seen[key] = true
		if rest, ok = strings.CutPrefix(strings.TrimSpace(rest), ":"); !ok {
			return nil, bad
		}
		rest = strings.TrimSpace(rest)
		switch key {
		case "descr":
			if strings.HasPrefix(rest, "[") {
				return nil, hint.With(errors.New("a structured array"), "store each field as an array of its own")
			}
			if h.descr, rest, ok = cutQuoted(rest); !ok {
				return nil, bad
			}
		case "fortran_order":
			if rest, h.fortran = strings.CutPrefix(rest, "True"); !h.fortran {
				if rest, ok = strings.CutPrefix(rest, "False"); !ok {
					return nil, bad
				}
			}
		case "shape":
			if !strings.HasPrefix(rest, "(") {
				return nil, bad
			}
			if value, rest, ok = strings.Cut(rest[1:], ")"); !ok {
				return nil, bad
			}
			if h.shape, ok = parseTuple(value); !ok {
				return nil, bad
			}
		default:
			return nil, bad
		}
		rest = strings.TrimSpace(rest)
		if trimmed, comma := strings.CutPrefix(rest, ","); comma {
			rest = strings.TrimSpace(trimmed)
		} else if rest != "" {
			return nil, bad
		}
	}
	if len(seen) != 3 {
		return nil, bad
	}
	return h, h.resolve()
}

// cutQuoted splits a leading Python string without escapes off s.
func cutQuoted(s string) (text, rest string, ok bool) {
	if s == "" || s[0] != '\'' && s[0] != '"' {
		return "", s, false
	}
	return strings.Cut(s[1:], s[:1])
}

// parseTuple reads "2, 3", "2," or "" (a scalar's shape).
func parseTuple(s string) ([]int, bool) {
	shape := []int{}
	for part := range strings.SplitSeq(strings.TrimSuffix(strings.TrimSpace(s), ","), ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L") // Python 2 wrote 3L
		if part == "" && len(shape) == 0 {
			continue
		}
		d, err := strconv.Atoi(part)
		if err != nil || d < 0 {
			return nil, false
		}
		shape = append(shape, d)
	}
	return shape, true
}

// resolve derives kind, size, order and count from descr and shape.
func (h *npyHeader) resolve() error {
	kind, size := h.descr, 0
	h.order = binary.LittleEndian
	if kind != "" && strings.IndexByte("<>|=", kind[0]) >= 0 {
		if kind[0] == '>' {
			h.order = binary.BigEndian
		}
		kind = kind[1:]
	}
	if len(kind) > 1 {
		size, _ = strconv.Atoi(kind[1:])
	}
	var known bool
	switch kind[:min(1, len(kind))] {
	case "f":
		known = size == 2 || size == 4 || size == 8
	case "i", "u":
		known = size == 1 || size == 2 || size == 4 || size == 8
	case "b":
		known = size == 1
	case "U":
		size, known = 4*size, size > 0 && size <= math.MaxInt/4
	case "S":
		known = size > 0
	}
	if !known {
		return hint.With(fmt.Errorf("element type %q cannot be read", h.descr),
			"float16 to float64, integers, bool and text can")
	}
	h.kind, h.size = kind[0], size
	var err error
	if h.count, err = nd.CheckedSize(h.shape); err != nil {
		return err
	}
	if h.count > 0 && h.count > math.MaxInt/8/h.size { // 8: the widest decoded element
		return fmt.Errorf("shape %v has too many elements", h.shape)
	}
	return nil
}

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

// noEOF names a premature end of data as such.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// writeNPY writes an array in npy format 1.0, little endian, C order.
func writeNPY(w io.Writer, a nd.Array) error {
	descr := map[nd.DType]string{nd.Float32: "<f4", nd.Int64: "<i8", nd.Bool: "|b1"}[a.DType()]
	if descr == "" {
		return fmt.Errorf("an array of %T cannot be written", a.Data)
	}
	var dims strings.Builder
	for _, d := range a.Shape {
		fmt.Fprintf(&dims, "%d, ", d)
	}
	shape := strings.TrimSuffix(dims.String(), " ")
	if len(a.Shape) > 1 {
		shape = strings.TrimSuffix(shape, ",")
	}
	header := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, shape)
	const before = len(npyMagic) + 2 + 2
	pad := 63 - (before+len(header))%64 // so that the elements are aligned, as NumPy does
	header += strings.Repeat(" ", pad) + "\n"
	if len(header) > math.MaxUint16 {
		return fmt.Errorf("an array of rank %d cannot be written", len(a.Shape))
	}

	out := bufio.NewWriterSize(w, 1<<16)
	out.WriteString(npyMagic + "\x01\x00") // bufio keeps the first error for Flush
	out.Write(binary.LittleEndian.AppendUint16(nil, uint16(len(header))))
	out.WriteString(header)
	var word [8]byte
	switch data := a.Data.(type) {
	case []float32:
		for _, v := range data {
			binary.LittleEndian.PutUint32(word[:], math.Float32bits(v))
			out.Write(word[:4])
		}
	case []int64:
		for _, v := range data {
			binary.LittleEndian.PutUint64(word[:], uint64(v))
			out.Write(word[:])
		}
	case []bool:
		for _, v := range data {
			if word[0] = 0; v {
				word[0] = 1
			}
			out.Write(word[:1])
		}
	}
	return out.Flush()
}
