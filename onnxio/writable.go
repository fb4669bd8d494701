package onnxio

import (
	"os"
	"unsafe"

	"github.com/edsrzf/mmap-go"

	"github.com/advparams/advparams/onnxio/onnxpb"
)

// A Writable returns elements of a model that may be changed without changing the model,
// its file or another Writable. Large tensors stay in the file, which is mapped once more
// so that the system copies a page when it is first written to. The slices must not be
// used after the model was closed.
type Writable struct {
	model *Model
	files map[*File]mmap.MMap // nil for those that cannot be mapped again
}

// Writable returns a new Writable, which is not safe for concurrent use.
func (m *Model) Writable() *Writable { return &Writable{m, map[*File]mmap.MMap{}} }

// Float32s returns the elements of one of the model's floating-point tensors as
// [Initializer.Float32s] does.
func (w *Writable) Float32s(t *Initializer) ([]float32, error) {
	const least = 1 << 14 // elements worth pages of their own
	r, ok := t.adjacent()
	if !ok && t.Floating() {
		return t.widened(), nil
	}
	if !ok {
		return t.Float32s()
	}
	if t.n >= least {
		if f := t.inPlace(w.file(t.model.files[r.file]), r); f != nil {
			return f, nil
		}
	}
	return t.copied(r), nil
}

// file returns a private mapping of a file; nil if there can be none or the file has
// changed.
func (w *Writable) file(f *File) mmap.MMap {
	data, known := w.files[f]
	if known {
		return data
	}
	w.files[f] = nil
	again, err := os.Open(f.Path)
	if err != nil {
		return nil
	}
	defer again.Close()
	info, err := again.Stat()
	if err != nil || !os.SameFile(info, f.info) || info.Size() != f.Size || !info.ModTime().Equal(f.info.ModTime()) {
		return nil
	}
	if data, err = mmap.Map(again, mmap.COPY, 0); err != nil {
		return nil
	}
	mappings.add(data, f.Path)
	w.files[f] = data
	w.model.privateMu.Lock()
	defer w.model.privateMu.Unlock()
	w.model.private = append(w.model.private, data)
	return data
}

// adjacent returns the run that holds all elements, if they are float32s in the byte order
// of this machine.
func (t *Initializer) adjacent() (run, bool) {
	if t.DataType != onnxpb.TensorProto_FLOAT || t.n == 0 || len(t.runs) != 1 || t.runs[0].stride != 4 || !littleEndian {
		return run{}, false
	}
	return t.runs[0], true
}

// inPlace returns the elements of a run in a mapping of its file; nil if there is no mapping
// or they are not aligned.
func (t *Initializer) inPlace(data mmap.MMap, r run) []float32 {
	if data == nil {
		return nil
	}
	p := unsafe.Pointer(&data[r.offset:][:4*t.n][0])
	if uintptr(p)%unsafe.Alignof(float32(0)) != 0 {
		return nil
	}
	return unsafe.Slice((*float32)(p), t.n)
}

// copied returns a copy of the elements of a run.
func (t *Initializer) copied(r run) []float32 {
	out := make([]float32, t.n)
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&out[0])), 4*t.n), t.model.files[r.file].data[r.offset:][:4*t.n])
	return out
}
