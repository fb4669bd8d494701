package dataset

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/advparams/advparams/nd"
)

// An .npz file is a zip of .npy members; NumPy shows a member's name without
// its extension. Names are tensor names here: they may hold '/', ':' and '.',
// and nothing ever uses them as paths.

// NPZ is the content of an .npz file by array name.
type NPZ struct {
	Arrays map[string]nd.Array
	Text   map[string][]string // text arrays, flattened in C order
}

// Named is one array to write.
type Named struct {
	Name  string
	Array nd.Array
}

// ReadNPZ reads every array of an .npz file, compressed or not. Floating-point
// types of 16, 32 and 64 bits become float32, integers of every width int64.
// Arrays in Fortran order and of either byte order are fine; complex numbers,
// records and pickled objects are errors that name the array. Members that are
// not .npy files are skipped.
func ReadNPZ(path string) (*NPZ, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := newNPZReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	content, err := r.all()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return content, nil
}

// WriteNPZ writes arrays in the given order as an uncompressed .npz. The bytes
// depend on the arrays alone.
func WriteNPZ(w io.Writer, arrays []Named) error {
	z := zip.NewWriter(w)
	seen := make(map[string]bool, len(arrays))
	for _, a := range arrays {
		if seen[a.Name] {
			return fmt.Errorf("array %q twice", a.Name)
		}
		seen[a.Name] = true
		member, err := z.CreateHeader(&zip.FileHeader{
			Name:     a.Name + ".npy",
			Method:   zip.Store,
			Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), // the earliest a zip knows
		})
		if err != nil {
			return fmt.Errorf("array %q: %w", a.Name, err)
		}
		if err := writeNPY(member, a.Array); err != nil {
			return fmt.Errorf("array %q: %w", a.Name, err)
		}
	}
	return z.Close()
}

// sized is a file, or in tests a bytes.Reader.
type sized interface {
	io.ReaderAt
	io.Seeker
}

// npzReader reads single arrays of an .npz.
type npzReader struct {
	names   []string // in file order
	members map[string]*zip.File
	size    int64 // of the whole file
}

func newNPZReader(r sized) (*npzReader, error) {
	size, err := r.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &FormatError{Problem: "not an npz file", Err: err, Advice: "an npz file is what numpy.savez writes"}
	}
	z.RegisterDecompressor(zip.Deflate, flate.NewReader)
	out := &npzReader{members: make(map[string]*zip.File), size: size}
	for _, f := range z.File {
		name, isNPY := strings.CutSuffix(f.Name, ".npy")
		if !isNPY {
			continue
		}
		if out.members[name] != nil {
			return nil, fmt.Errorf("array %q is there twice", name)
		}
		out.members[name] = f
		out.names = append(out.names, name)
	}
	return out, nil
}

// open returns an array's header and the reader of its elements, after making
// sure that as many bytes as the header claims can be there.
func (z *npzReader) open(name string) (*npyHeader, io.ReadCloser, error) {
	m := z.members[name]
	// Deflate packs at most 1032:1, so a larger claim is a lie that would
	// only make us allocate.
	if m.CompressedSize64 > uint64(z.size) || m.UncompressedSize64/1032 > m.CompressedSize64 {
		return nil, nil, errors.New("damaged zip: impossible size")
	}
	r, err := m.Open()
	if err != nil {
		return nil, nil, err
	}
	h, n, err := readNPYHeader(r)
	if err == nil && uint64(n)+uint64(h.count)*uint64(h.size) != m.UncompressedSize64 {
		err = fmt.Errorf("%d bytes, but its header, shape %v of %s, stands for %d",
			int64(m.UncompressedSize64)-n, h.shape, h.typeName(), h.count*h.size)
	}
	if err != nil {
		r.Close()
		return nil, nil, damaged(err)
	}
	return h, r, nil
}

// header reads the header of an array alone.
func (z *npzReader) header(name string) (*npyHeader, error) {
	h, r, err := z.open(name)
	if err != nil {
		return nil, fmt.Errorf("array %q: %w", name, err)
	}
	return h, r.Close()
}

// array reads one array as the wanted type; 0: the type that fits. With rows, which
// are sorted, it reads those only.
func (z *npzReader) array(name string, want nd.DType, rows []int) (nd.Array, error) {
	h, r, err := z.open(name)
	if err != nil {
		return nd.Array{}, fmt.Errorf("array %q: %w", name, err)
	}
	defer r.Close()
	samples := h.samples()
	if rows != nil {
		samples = len(rows)
	}
	if err := h.fits(name, samples); err != nil {
		return nd.Array{}, err
	}
	var a nd.Array
	if rows == nil {
		a, err = h.decode(r, want)
	} else {
		a, err = h.decodeRows(r, want, rows)
	}
	// The checksum of what was left out is compared if that is quickly read.
	if err == nil && (rows == nil || z.members[name].UncompressedSize64 < 1<<26) {
		err = finish(r)
	}
	if err != nil {
		return nd.Array{}, fmt.Errorf("array %q: %w", name, damaged(err))
	}
	return a, nil
}

// samples returns the length of the first axis; 1 for a scalar.
func (h *npyHeader) samples() int {
	if len(h.shape) == 0 {
		return 1
	}
	return h.shape[0]
}

// fits makes sure that so many samples of an array can be held.
func (h *npyHeader) fits(name string, samples int) error {
	one := 1
	if len(h.shape) > 0 {
		one = nd.Size(h.shape[1:])
	}
	width := map[byte]int{'f': 4, 'i': 8, 'u': 8, 'b': 1}[h.kind] // as decoded
	if h.isText() {
		width = h.size + 16
	}
	need, limit := int64(one)*int64(samples)*int64(width), arrayLimit()
	if need > limit {
		return &ArraySizeError{name, h.shape, samples, need, limit}
	}
	return nil
}

func (z *npzReader) all() (*NPZ, error) {
	out := &NPZ{Arrays: make(map[string]nd.Array), Text: make(map[string][]string)}
	for _, name := range z.names {
		h, r, err := z.open(name)
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, err)
		}
		if err := h.fits(name, h.samples()); err != nil {
			r.Close()
			return nil, err
		}
		if h.isText() {
			out.Text[name], err = h.text(r)
		} else {
			out.Arrays[name], err = h.decode(r, 0)
		}
		if err == nil {
			err = finish(r)
		}
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("array %q: %w", name, damaged(err))
		}
	}
	return out, nil
}

// finish reads the end of a member, which is where its checksum is compared.
func finish(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// damaged says in plain words what archive/zip and flate report.
func damaged(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, zip.ErrChecksum) || errors.As(err, &corrupt) {
		return &FormatError{Problem: "damaged", Err: err, Advice: copyAgain}
	}
	return err
}
