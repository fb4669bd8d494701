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
//
// Where the same bits were turned over in all elements, such as their signs, Flip
// has these bits, and there are no old values.
type TensorPatch struct {
	Tensor   string
	File     int      // index in Record.Files
	Offset   int64    // of element 0, in the locked file
	Stride   int      // bytes from one element to the next
	Width    int      // bytes of an element: 1, 2, 4 or 8
	Indices  []int64  // ascending; element i is at Offset + i·Stride
	Original []uint64 // little-endian bits, one for each index; nil with Flip
	Flip     uint64   // exclusive or of old and new bits; 0: see Original
}

// old returns the piece that puts back an element, the k-th of the patch.
func (p *TensorPatch) old(k int) piece {
	x := piece{at: p.Offset + p.Indices[k]*int64(p.Stride), size: int64(p.Width)}
	if x.xor = p.Flip != 0; x.xor {
		x.data = elementBytes(p.Flip, p.Width)
	} else {
		x.data = elementBytes(p.Original[k], p.Width)
	}
	return x
}

// fits reports whether old values and bits to turn over are of the patch's width,
// and as many as there have to be.
func (p *TensorPatch) fits() bool {
	tooWide := func(bits uint64) bool { return bits>>(8*p.Width-1)>>1 != 0 }
	if p.Flip != 0 {
		return len(p.Original) == 0 && !tooWide(p.Flip)
	}
	return len(p.Indices) == len(p.Original) && !slices.ContainsFunc(p.Original, tooWide)
}

// enough is the number of elements that bits have to be turned over in for a patch
// of their own.
const enough = 4

// shorten splits a patch in two where the same bits were turned over in enough
// elements: these need no old values. flips has an element for each index.
func (p *TensorPatch) shorten(flips []uint64) []TensorPatch {
	flip, most := uint64(0), 0
	count := map[uint64]int{}
	for _, f := range flips {
		if count[f]++; f != 0 && count[f] > most {
			flip, most = f, count[f]
		}
	}
	if most < enough {
		return []TensorPatch{*p}
	}
	same, others := *p, *p
	same.Indices, same.Original, same.Flip = nil, nil, flip
	others.Indices, others.Original = nil, nil
	for k, f := range flips {
		if f == flip {
			same.Indices = append(same.Indices, p.Indices[k])
		} else {
			others.Indices, others.Original = append(others.Indices, p.Indices[k]), append(others.Original, p.Original[k])
		}
	}
	if len(others.Indices) == 0 {
		return []TensorPatch{same}
	}
	return []TensorPatch{same, others}
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
		if p.Width < 1 || p.Width > 8 || bits.OnesCount(uint(p.Width)) != 1 || p.Stride < p.Width || p.Offset < 0 || !p.fits() {
			return nil, fmt.Errorf("%w: patch of %q is malformed", ErrRecord, p.Tensor)
		}
		for k, i := range p.Indices {
			if i < 0 || i > (size-p.Offset)/int64(p.Stride) {
				return nil, fmt.Errorf("%w: element %d of %q is out of range", ErrRecord, i, p.Tensor)
			}
			pieces = append(pieces, p.old(k))
		}
	}
	for _, s := range r.Splices {
		if s.File < 0 || s.File >= len(r.Files) {
			return nil, fmt.Errorf("%w: splice in file %d of %d", ErrRecord, s.File, len(r.Files))
		}
		if s.File == file {
			pieces = append(pieces, piece{s.Offset, s.Length, s.Original, false})
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
