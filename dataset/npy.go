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
	rest := strings.TrimSpace(text)
	if !strings.HasPrefix(rest, "{") || !strings.HasSuffix(rest, "}") {
		return nil, bad
	}
	rest = strings.TrimSpace(rest[1 : len(rest)-1])
	seen := make(map[string]bool)
	for rest != "" {
		var key, value string
		var ok bool
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
				return nil, malformed("store each field as an array of its own", "a structured array")
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
		return malformed("float16 to float64, integers, bool and text can", "element type %q cannot be read", h.descr)
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

// noEOF names a premature end of data as such.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
