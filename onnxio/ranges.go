package onnxio

import "google.golang.org/protobuf/encoding/protowire"

// A Range is where some elements of a tensor lie: at equal distances in a file.
type Range struct {
	File   int   // index in Model.Files
	Offset int64 // of the first element
	Stride int   // bytes from one element to the next
	Width  int   // bytes of an element; 1 where a byte holds several
	Count  int64 // elements; bytes where a byte holds several
}

// Adjacent reports whether there is nothing between the elements.
func (r Range) Adjacent() bool { return r.Stride == r.Width || r.Count < 2 }

// Ranges returns where the elements lie, in order. It is empty for a tensor without
// elements, for strings, and where elements have no fixed width: in the fields
// int32_data, int64_data and uint64_data.
func (t *Initializer) Ranges() []Range {
	if t.n == 0 || t.elem.bits == 0 {
		return nil
	}
	if _, varints := varintFields[t.Storage]; varints {
		return nil
	}
	if t.elem.packed() {
		size, _ := t.elem.bytes(t.n)
		r := t.runs[0]
		return []Range{{r.file, int64(r.offset), 1, 1, int64(size)}}
	}
	width := t.elem.bits / 8
	if t.elem.kind == kindComplex && t.Storage != Raw && t.Storage != External {
		width /= 2 // typed fields hold real and imaginary parts
	}
	ranges := make([]Range, len(t.runs))
	for i, r := range t.runs {
		ranges[i] = Range{r.file, int64(r.offset), r.stride, width, int64(r.count)}
	}
	return ranges
}

// release says that the elements, of which some were read, will not be needed for a while.
// For each that is read the system may map two megabytes, which add up where tensors are many.
func (t *Initializer) release() {
	if t == nil {
		return
	}
	for _, r := range t.Ranges() {
		if r.Adjacent() {
			t.model.files[r.File].Release(r.Offset, r.Count*int64(r.Width))
		}
	}
}

// Release says that what was read of the model's files will not be needed for a while. The system
// takes back the memory, and reads the files again where it is.
func (m *Model) Release() {
	for _, f := range m.files {
		release(f.data)
	}
}

// Overlaps returns a description of another tensor of the model that uses some of the
// same bytes of an external data file, or "" if there is none.
func (t *Initializer) Overlaps() string { return t.shared }

// Varints returns where the elements of a tensor lie that are stored as packed varints
// in one piece, such as integers and float16 in int32_data, in bytes of the model
// file, and how many varints there are: fewer than elements where one holds several.
// It is false for all others.
func (t *Initializer) Varints() (r Range, count int, ok bool) {
	number, ok := varintFields[t.Storage]
	if !ok || t.n == 0 {
		return Range{}, 0, false
	}
	data := t.model.files[0].data
	for at := t.at; at < t.end; {
		f, err := next(data, at, t.end, tensorDesc)
		if err != nil {
			return Range{}, 0, false
		}
		at = f.end
		if f.num != number || f.payload == f.end {
			continue
		}
		if f.typ != protowire.BytesType || r.Count > 0 { // not packed, or in several pieces
			return Range{}, 0, false
		}
		r = Range{0, int64(f.payload), 1, 1, int64(f.end - f.payload)}
	}
	return r, t.elem.entries(t.n), r.Count > 0
}

// Bytes returns bytes of the file, which must not be changed nor used after the model
// was closed.
func (f *File) Bytes(offset, size int64) []byte { return f.data[offset:][:size:size] }

// Release says that bytes of the file will not be needed for a while. They no longer count
// as memory of the process; Bytes reads them again.
func (f *File) Release(offset, size int64) { release(f.data[offset:][:size:size]) }
