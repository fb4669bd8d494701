package onnxio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// ErrMismatch is wrapped by Restore when a file is not the one that Rewrite
// wrote: another model, or one that was changed since.
var ErrMismatch = errors.New("is not the file that was locked, or has been changed since")

// ErrRecord is wrapped by Restore when a record contradicts itself or does not
// lead back to the original it describes.
var ErrRecord = errors.New("the record of changes is damaged")

// A Record says how to turn the files that Rewrite wrote into the original ones.
// It is plain data: offsets, old values and digests, nothing specific to ONNX.
type Record struct {
	// Files holds the model file first, then every external data file.
	Files   []FileRecord
	Patches []TensorPatch
	Splices []Splice
}

// A FileRecord identifies one file before and after.
type FileRecord struct {
	Name         string // of the original: base name of a model, location of a data file
	LockedName   string
	Size         int64
	LockedSize   int64
	SHA256       [32]byte
	LockedSHA256 [32]byte
}

// A TensorPatch holds the old values of elements of one tensor that lie at equal
// distances. A tensor whose elements lie in several chunks has several patches.
type TensorPatch struct {
	Tensor   string
	File     int      // index in Record.Files
	Offset   int64    // of element 0, in the locked file
	Stride   int      // bytes from one element to the next
	Width    int      // bytes of an element: 1, 2, 4 or 8
	Indices  []int64  // ascending; element i is at Offset + i·Stride
	Original []uint64 // little-endian bits, one for each index
}

// A Splice replaces bytes of the locked file by others, perhaps more or fewer.
type Splice struct {
	File     int   // index in Record.Files
	Offset   int64 // in the locked file
	Length   int64 // bytes to take out
	Original []byte
}

// elementBytes returns the bytes that store the bits of an element.
func elementBytes(bits uint64, width int) []byte {
	return binary.LittleEndian.AppendUint64(make([]byte, 0, 8), bits)[:width]
}

// check finds everything in a record that Restore could not rely on: records
// come from key files, which may be damaged or made up.
func (r *Record) check() error {
	if len(r.Files) == 0 {
		return fmt.Errorf("%w: it names no file", ErrRecord)
	}
	for i, f := range r.Files {
		if f.Size < 0 || f.LockedSize < 0 {
			return fmt.Errorf("%w: file %d has a negative size", ErrRecord, i)
		}
		if i == 0 {
			continue
		}
		for _, name := range []string{f.Name, f.LockedName} {
			if err := checkLocation(name); err != nil {
				return fmt.Errorf("%w: file %d: %w", ErrRecord, i, err)
			}
		}
	}
	return nil
}

// reverse returns the pieces that turn a locked file into the original.
func (r *Record) reverse(file int) ([]piece, error) {
	size := r.Files[file].LockedSize
	var pieces []piece
	for _, p := range r.Patches {
		if p.File < 0 || p.File >= len(r.Files) {
			return nil, fmt.Errorf("%w: %q is in file %d of %d", ErrRecord, p.Tensor, p.File, len(r.Files))
		}
		if p.File != file {
			continue
		}
		if len(p.Indices) != len(p.Original) || p.Width < 1 || p.Width > 8 || bits.OnesCount(uint(p.Width)) != 1 ||
			p.Stride < p.Width || p.Offset < 0 {
			return nil, fmt.Errorf("%w: patch of %q is malformed", ErrRecord, p.Tensor)
		}
		for k, i := range p.Indices {
			if i < 0 || i > (size-p.Offset)/int64(p.Stride) || p.Original[k]>>(8*p.Width-1)>>1 != 0 {
				return nil, fmt.Errorf("%w: element %d of %q is out of range", ErrRecord, i, p.Tensor)
			}
			pieces = append(pieces, piece{p.Offset + i*int64(p.Stride), int64(p.Width), elementBytes(p.Original[k], p.Width)})
		}
	}
	for _, s := range r.Splices {
		if s.File < 0 || s.File >= len(r.Files) {
			return nil, fmt.Errorf("%w: splice in file %d of %d", ErrRecord, s.File, len(r.Files))
		}
		if s.File == file {
			pieces = append(pieces, piece{s.Offset, s.Length, s.Original})
		}
	}
	slices.SortStableFunc(pieces, byOffset)
	restored, err := checkPieces(pieces, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRecord, r.Files[file].LockedName, err)
	}
	if restored != r.Files[file].Size {
		return nil, fmt.Errorf("%w: it would restore %d bytes of %s, not %d", ErrRecord, restored, r.Files[file].Name, r.Files[file].Size)
	}
	return pieces, nil
}
