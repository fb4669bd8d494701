package onnxio

import (
	"encoding/binary"
	"errors"
)

// ErrMismatch is wrapped by Restore when a file is not the one that Rewrite
// wrote: another model, or one that was changed since.
var ErrMismatch = errors.New("is not the file that was locked, or has been changed since")

// A Record says how to turn the files that Rewrite wrote into the original ones.
// It is plain data: offsets, old values and digests, nothing specific to ONNX.
type Record struct {
	// Files holds the model file first, then every external data file.
	Files   []FileRecord
	Patches []TensorPatch
	Splices []Splice
	// Steps lead from the locked files to the original one after another. Where there
	// are steps, there are no other patches and splices.
	Steps []Step
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

// A TensorPatch holds the old values of elements of one tensor, which lie at equal
// distances. A tensor whose elements lie in several chunks has several patches.
//
// If the same bits were flipped in all elements, such as their signs, Flip has these bits
// and there are no old values.
type TensorPatch struct {
	Tensor   string
	File     int     // index in Record.Files
	Offset   int64   // of element 0, in the locked file
	Stride   int     // bytes from one element to the next
	Width    int     // bytes of an element: 1, 2, 4 or 8
	Indices  Indices // element i is at Offset + i·Stride
	Original []byte  // Width bytes for each index, little-endian; empty with Flip
	Flip     uint64  // exclusive or of old and new bits; 0: see Original
}

// enough is the least number of elements with the same flipped bits that get a patch of
// their own.
const enough = 4

// shorten splits a patch in two if the same bits were flipped in enough elements, which
// then need no old values. flips has the flipped bits for each index.
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
	same.Indices, same.Original, same.Flip = Indices{}, nil, flip
	others.Indices, others.Original = Indices{}, nil
	k := 0
	for index := range p.Indices.All() {
		if flips[k] == flip {
			same.Indices.Append(index)
		} else {
			others.Indices.Append(index)
			others.Original = append(others.Original, p.Original[k*p.Width:][:p.Width]...)
		}
		k++
	}
	if others.Indices.Len() == 0 {
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
