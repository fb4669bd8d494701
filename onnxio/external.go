package onnxio

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// external is what external_data says about one tensor.
type external struct {
	location string
	at, end  int // of the location string in the model file
	offset   int
	length   int // 0 if it is not given, as onnx and onnxruntime read a length of 0
	sumAt    int // of the checksum in the model file
	sumEnd   int
	seen     []string
	size     int // bytes the tensor needs, set by locate
}

var entryDesc = (*onnxpb.StringStringEntryProto)(nil).ProtoReflect().Descriptor()

// externalEntry notes one key/value pair. Keys that this package does not know
// may change what the bytes mean, so they are refused.
func (t *Initializer) externalEntry(data []byte, f wireField) error {
	if t.ext == nil {
		t.ext = &external{}
	}
	x := t.ext
	var key string
	value := wireField{payload: f.end, end: f.end}
	for pos := f.payload; pos < f.end; {
		e, err := next(data, pos, f.end, entryDesc)
		if err != nil {
			return err
		}
		pos = e.end
		switch e.num {
		case 1:
			key = string(data[e.payload:e.end])
		case 2:
			value = e
		}
	}
	if slices.Contains(x.seen, key) {
		return malformed(ExternalKey, "external data key %.40q is given twice", key)
	}
	x.seen = append(x.seen, key)
	content := data[value.payload:value.end]
	var err error
	switch key {
	case "location":
		x.location, x.at, x.end = string(content), value.payload, value.end
	case "offset":
		x.offset, err = natural(content)
	case "length":
		x.length, err = natural(content)
	case "checksum":
		x.sumAt, x.sumEnd = value.payload, value.end
	default:
		return malformed(ExternalKey, "unknown external data key %.40q", key)
	}
	if err != nil {
		return malformed(ExternalNumber, "external data %s: %w", key, err)
	}
	return nil
}

// natural parses the decimal numbers of external_data.
func natural(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, errors.New("no number")
	}
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, fmt.Errorf("%.40q is not a natural number", b)
		}
		if n > (math.MaxInt-9)/10 {
			return 0, fmt.Errorf("%.40q is out of range", b)
		}
		n = n*10 + int(c-'0')
	}
	return n, nil
}

// locate checks what external_data says on its own, without the file.
func (t *Initializer) locate(r run, size int) error {
	x := t.ext
	if x == nil || x.location == "" {
		return malformed(ExternalPath, "external data without a location")
	}
	if err := checkLocation(x.location); err != nil {
		return err
	}
	if x.length > 0 && x.length != size {
		return malformed(ExternalNumber, "%v%v needs %d bytes, but the length of its external data is %d", t.DataType, t.Dims, size, x.length)
	}
	if x.offset > math.MaxInt-size {
		return malformed(ExternalNumber, "external data offset %d is out of range", x.offset)
	}
	x.size = size
	r.offset = x.offset
	t.runs = []run{r}
	return nil
}

// checkLocation refuses locations that could lead out of the model's folder.
func checkLocation(location string) error {
	refuse := func(why string) error {
		return malformed(ExternalPath, "%w", &LocationError{location, why})
	}
	local := filepath.FromSlash(location)
	switch {
	case strings.Contains(location, "_ORT_MEM_ADDR_"):
		return refuse("is an address in the memory of another program")
	case strings.ContainsRune(location, 0):
		return refuse("contains a zero byte")
	case !utf8.ValidString(location):
		return refuse("is not UTF-8")
	case path.IsAbs(location) || filepath.IsAbs(local) || filepath.VolumeName(local) != "":
		return refuse("is absolute")
	case slices.Contains(strings.FieldsFunc(location, isSeparator), ".."):
		return refuse("contains \"..\"")
	case !filepath.IsLocal(local) || path.Clean(location) == "." || strings.HasSuffix(location, "/") || strings.HasSuffix(location, "/."):
		return refuse("is not the name of a file")
	}
	return nil
}

// isSeparator reports whether r is a slash or a backslash, whatever system the file was
// written on.
func isSeparator(r rune) bool { return r == '/' || r == '\\' }

// openExternal opens the data files that tensors refer to, each once, and turns
// the tensors' offsets into runs of the right file.
func (m *Model) openExternal() error {
	index := map[string]int{}
	var root *os.Root
	for _, t := range m.tensors {
		if t.Storage != External {
			continue
		}
		if root == nil {
			var err error
			if root, err = os.OpenRoot(filepath.Dir(m.path)); err != nil {
				return err
			}
			defer root.Close()
		}
		name := path.Clean(t.ext.location)
		i, ok := index[name]
		if !ok {
			f, err := m.openData(root, t.ext.location)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", m.path, t.label(), err)
			}
			i = len(m.files)
			index[name] = i
			m.files = append(m.files, f)
		}
		f := m.files[i]
		if int64(t.ext.offset+t.ext.size) > f.Size {
			return fmt.Errorf("%s: %s: %w", m.path, t.label(), malformed(ExternalFile, "%w",
				&ExternalDataError{Location: f.Name, From: int64(t.ext.offset), To: int64(t.ext.offset + t.ext.size), Size: f.Size}))
		}
		t.runs[0].file = i
	}
	if err := m.checkSharing(); err != nil {
		return fmt.Errorf("%s: %w", m.path, err)
	}
	for _, t := range m.tensors {
		if t.Storage != External {
			continue
		}
		if err := t.checkBools(m.files[t.runs[0].file].data[t.ext.offset:][:t.ext.size]); err != nil {
			return fmt.Errorf("%s: %s: %w", m.path, t.label(), err)
		}
	}
	return nil
}

// How often tensors may use the same bytes of data files: those of all tensors together are at most
// maxSharing times the bytes of the files, where they are more than leastSharing. Tied weights use
// some bytes twice, or once for each layer. Without a limit a small file asks whoever reads all
// tensors for any amount of time, and of memory where the elements are converted.
const (
	maxSharing   = 64
	leastSharing = 64 << 20
)

// checkSharing refuses tensors that use the same bytes more often than any model.
func (m *Model) checkSharing() error {
	used, files := 0.0, 0.0 // sums of sizes that may each be any int
	for _, t := range m.tensors {
		if t.Storage == External {
			used += float64(t.ext.size)
		}
	}
	for _, f := range m.files[1:] {
		files += float64(f.Size)
	}
	if used > max(leastSharing, maxSharing*files) {
		return malformed(TooLarge, "tensors use %.0f bytes of data files that have %.0f, the same ones over and over", used, files)
	}
	return nil
}

// ExternalNames returns the names of the external data files of a model,
// relative to its folder and with slashes, without opening them.
func ExternalNames(model string) ([]string, error) {
	if err := checkFinished(model); err != nil {
		return nil, err
	}
	return externalNames(model, model)
}

// externalNames is ExternalNames for a model that still has another name, from.
func externalNames(model, from string) (_ []string, err error) {
	defer Faults(&err)()
	m := &Model{path: model}
	defer m.Close()
	if err := m.openFrom(from); err != nil {
		return nil, err
	}
	return m.externalNames(), nil
}

// externalNames returns the names of the external data files of a parsed model.
func (m *Model) externalNames() (names []string) {
	for _, t := range m.tensors {
		if t.Storage == External {
			names = append(names, path.Clean(t.ext.location))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// openData maps one external data file.
func (m *Model) openData(root *os.Root, location string) (*File, error) {
	f, err := openConfined(root, location)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if os.SameFile(info, m.files[0].info) {
		return nil, malformed(ExternalFile, "external data location %q is the model file itself", location)
	}
	return mapFile(f, info, location, filepath.Join(filepath.Dir(m.path), filepath.FromSlash(location)))
}

// openConfined opens a regular file below root without following symbolic links.
func openConfined(root *os.Root, location string) (*os.File, error) {
	name := filepath.Clean(filepath.FromSlash(location))
	var info fs.FileInfo
	for i := 0; i <= len(name); i++ {
		if i < len(name) && !os.IsPathSeparator(name[i]) {
			continue
		}
		var err error
		info, err = root.Lstat(name[:i])
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, malformed(ExternalFile, "%w", &ExternalDataError{Location: location, Missing: true})
		case err != nil:
			return nil, fmt.Errorf("external data %q: %w", location, err)
		case info.Mode()&fs.ModeSymlink != 0:
			return nil, malformed(ExternalFile, "%w", &ExternalDataError{Location: location, Link: true})
		}
	}
	if !info.Mode().IsRegular() {
		return nil, malformed(ExternalFile, "external data %q is not a regular file", location)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, fmt.Errorf("external data %q: %w", location, err)
	}
	// What was looked at must be what was opened.
	if opened, err := f.Stat(); err != nil || !os.SameFile(opened, info) {
		f.Close()
		return nil, fmt.Errorf("external data %q changed while it was opened", location)
	}
	return f, nil
}

// markShared marks external tensors whose bytes overlap: an edit of one would change the
// other as well.
func (m *Model) markShared() {
	var ts []*Initializer
	for _, t := range m.tensors {
		if t.Storage == External && t.n > 0 {
			ts = append(ts, t)
		}
	}
	slices.SortStableFunc(ts, func(a, b *Initializer) int {
		if d := a.runs[0].file - b.runs[0].file; d != 0 {
			return d
		}
		return a.runs[0].offset - b.runs[0].offset
	})
	var widest *Initializer // reaches furthest so far
	for _, t := range ts {
		if widest != nil && widest.runs[0].file == t.runs[0].file && t.ext.offset < widest.ext.offset+widest.ext.size {
			t.shared, widest.shared = widest.label(), t.label()
		}
		if widest == nil || widest.runs[0].file != t.runs[0].file ||
			t.ext.offset+t.ext.size > widest.ext.offset+widest.ext.size {
			widest = t
		}
	}
}
