package onnxio

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"weak"

	"github.com/edsrzf/mmap-go"
	"google.golang.org/protobuf/proto"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A Model is an open ONNX model. It does not change, and may be used by several
// goroutines at once until it is closed.
type Model struct {
	path         string
	files        []*File
	proto        *onnxpb.ModelProto
	tensors      []*Initializer // every TensorProto, in file order
	initializers []*Initializer
	byName       map[string]*Initializer
	byMessage    map[*onnxpb.TensorProto]*Initializer

	closeOnce sync.Once

	paramsOnce sync.Once
	params     []*Parameter
	weights    map[string]*Initializer // tensors of params by their names

	privateMu sync.Mutex
	private   []mmap.MMap // of Writables

	convertedMu sync.Mutex
	converted   map[*Initializer]weak.Pointer[float32] // first elements of what Float32s has made
}

// A File is the model file or one of its external data files.
type File struct {
	Name string // base name of the model; for external data the location, as in the model
	Path string
	Size int64

	data mmap.MMap // nil for an empty file
	info fs.FileInfo
}

// Open reads the model at path and everything it refers to. Every error names
// the file, and the tensor where there is one; errors that the reader can do
// something about have a method Hint.
//
// The model must be closed after use.
func Open(path string) (_ *Model, err error) {
	defer Faults(&err)()
	m := &Model{path: path}
	if err := m.open(); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *Model) open() error {
	if err := m.openAlone(); err != nil {
		return err
	}
	if err := m.openExternal(); err != nil {
		return err
	}
	m.markShared()
	return nil
}

// openAlone opens and parses the model file, without its external data.
func (m *Model) openAlone() error {
	if err := checkFinished(m.path); err != nil {
		return err
	}
	return m.openFrom(m.path)
}

// openFrom is openAlone for a model that still has another name. Errors give it its own.
func (m *Model) openFrom(path string) error {
	f, info, err := openRegular(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if info.Size() == 0 {
		return &FormatError{Path: m.path, Problem: "is empty", Advice: "the export or download did not finish: make the file again"}
	}
	file, err := mapFile(f, info, filepath.Base(m.path), m.path)
	if err != nil {
		return err
	}
	m.files = []*File{file}
	if err := m.parse(file.data); err != nil {
		return explain(m.path, file.data, err)
	}
	return nil
}

// openRegular opens a regular file for reading. Anything else is refused before
// it is opened: opening a pipe would wait for a writer.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, &PathError{Path: path, Err: fs.ErrNotExist, Advice: "check the path"}
	case err != nil:
		return nil, nil, err
	case info.IsDir():
		return nil, nil, &PathError{Path: path, Problem: "is a folder", Advice: "name the .onnx file in it"}
	case !info.Mode().IsRegular():
		return nil, nil, &PathError{Path: path, Problem: "is not a regular file", Advice: "models are mapped into memory: save it to a file first"}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	if info, err = f.Stat(); err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// mapFile maps f, which may be closed afterwards.
func mapFile(f *os.File, info fs.FileInfo, name, path string) (*File, error) {
	file := &File{Name: name, Path: path, Size: info.Size(), info: info}
	if file.Size > math.MaxInt {
		return nil, fmt.Errorf("%s is too large for this machine's addresses", path)
	}
	if file.Size > 0 { // an empty range cannot be mapped
		var err error
		if file.data, err = mmap.Map(f, mmap.RDONLY, 0); err != nil {
			return nil, fmt.Errorf("mapping %s: %w", path, err)
		}
		mappings.add(file.data, path)
	}
	return file, nil
}

// parse builds the structure and finds the tensors.
func (m *Model) parse(data []byte) error {
	w := walker{data: data}
	if err := w.walk(); err != nil {
		return err
	}
	m.tensors = w.tensors
	for _, t := range m.tensors {
		t.model = m
	}
	m.proto = &onnxpb.ModelProto{}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(w.skeleton, m.proto); err != nil {
		return &MalformedError{Class: WireFormat, Offset: -1, Err: err}
	}
	if m.proto.Graph == nil {
		return malformed(NoGraph, "there is none")
	}
	if err := m.bind(); err != nil {
		return err
	}
	return m.check()
}

// again is the advice for a damaged file.
const again = "copy, download or export it again"

// explain turns an error of parse into one about the file at path.
func explain(path string, data []byte, err error) error {
	bad, _ := errors.AsType[*MalformedError](err)
	if bad == nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if bad.encoding() || bad.Class == NoGraph {
		if is := lookalikeOf(data); is != nil {
			return &FormatError{Path: path, Problem: "is " + is.name + ", not an ONNX model", Advice: is.hint}
		}
	}
	switch {
	case bad.Class == NoGraph:
		return &FormatError{Path: path, Problem: "has no graph", Err: err, Advice: "it is not an ONNX model, or only a part of one"}
	case bad.Class == WireFormat && errors.Is(err, io.ErrUnexpectedEOF) && !strings.Contains(bad.Field, "."):
		return &FormatError{Path: path, Problem: "is truncated or not an ONNX model", Err: err, Advice: again}
	case bad.encoding():
		return &FormatError{Path: path, Problem: "is damaged or not an ONNX model", Err: err, Advice: again}
	}
	return fmt.Errorf("%s: %w", path, err)
}

// Close releases the mappings. Slices that the model's tensors have returned
// must not be used any more. It may be called again, which does nothing: what lies at
// these addresses by then may be another model's.
func (m *Model) Close() (err error) {
	m.closeOnce.Do(func() {
		var errs []error
		for _, f := range m.files {
			if f.data != nil {
				errs = append(errs, mappings.unmap(f.data))
			}
		}
		for _, data := range m.private {
			errs = append(errs, mappings.unmap(data))
		}
		err = errors.Join(errs...)
	})
	return err
}

// Path returns the path the model was opened with.
func (m *Model) Path() string { return m.path }

// Proto returns the structure of the model. The elements of its tensors are left
// out: Tensor finds them. The message must not be changed.
func (m *Model) Proto() *onnxpb.ModelProto { return m.proto }

// Files returns the model file and after it the external data files, in the
// order in which the model first mentions them.
func (m *Model) Files() []*File { return m.files }

// Initializers returns the dense initializers of the main graph in file order.
func (m *Model) Initializers() []*Initializer { return m.initializers }

// Lookup returns the main graph's initializer of that name, or nil.
func (m *Model) Lookup(name string) *Initializer { return m.byName[name] }

// Weight returns the tensor of a parameter by the name that Parameters gives it, in
// whatever part of the model it is stored, or nil. For names of the main graph's
// initializers it is what Lookup returns.
func (m *Model) Weight(name string) *Initializer {
	if t := m.byName[name]; t != nil {
		return t
	}
	m.Parameters()
	return m.weights[name]
}

// Tensor returns the elements of a tensor that was reached from Proto: an
// initializer of any graph, part of a sparse initializer, or an attribute of a
// node in a graph or function. It is nil for any other message, copies included.
func (m *Model) Tensor(tp *onnxpb.TensorProto) *Initializer { return m.byMessage[tp] }
