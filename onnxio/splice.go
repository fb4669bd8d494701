package onnxio

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A piece replaces the bytes [at, at+size) of a file by data, or, if xor is set, by the
// exclusive or of these bytes with data of the same length. Element edits, renamed
// locations and their reversal all are pieces.
type piece struct {
	at, size int64
	data     []byte
	xor      bool
}

func (p piece) end() int64   { return p.at + p.size }
func (p piece) grows() int64 { return int64(len(p.data)) - p.size }

func byOffset(a, b piece) int { return cmp.Compare(a.at, b.at) }

// enclose adds to pieces of a serialised model those that correct the lengths of
// the messages and strings around them, and sorts the result. A piece covers
// either one whole field or a part of one string or bytes field.
// Corrected lengths are canonical varints, whatever the file had.
func enclose(model []byte, pieces []piece) ([]piece, error) {
	e := encloser{model: model, todo: slices.SortedFunc(slices.Values(pieces), byOffset)}
	if _, err := e.message(0, len(model), modelDesc); err != nil {
		return nil, err
	}
	if len(e.todo) > 0 {
		return nil, fmt.Errorf("replacement at byte %d does not follow the model's structure", e.todo[0].at)
	}
	slices.SortFunc(e.done, byOffset)
	return e.done, nil
}

type encloser struct {
	model []byte
	todo  []piece // sorted
	done  []piece
}

// starts reports whether the next piece begins before end.
func (e *encloser) starts(end int) bool { return len(e.todo) > 0 && e.todo[0].at < int64(end) }

// take moves the next piece to done and returns by how much it grows the file.
func (e *encloser) take() int64 {
	p := e.todo[0]
	e.todo = e.todo[1:]
	e.done = append(e.done, p)
	return p.grows()
}

// message takes the pieces that lie in the message in model[pos:end], and
// returns by how much it grows.
func (e *encloser) message(pos, end int, d protoreflect.MessageDescriptor) (grows int64, err error) {
	for pos < end && e.starts(end) {
		f, err := next(e.model, pos, end, d)
		if err != nil {
			return 0, err
		}
		pos = f.end
		for e.starts(f.end) {
			if e.todo[0].at == int64(f.start) && e.todo[0].end() == int64(f.end) {
				grows += e.take()
				continue
			}
			left := len(e.todo)
			g, err := e.field(f)
			if err != nil {
				return 0, err
			}
			if len(e.todo) == left {
				return grows, nil // enclose reports it
			}
			grows += g
		}
	}
	return grows, nil
}

// field takes the pieces inside a length-delimited field.
func (e *encloser) field(f wireField) (grows int64, err error) {
	switch {
	case f.typ != protowire.BytesType:
	case f.desc != nil && f.desc.Message() != nil:
		if grows, err = e.message(f.payload, f.end, f.desc.Message()); err != nil {
			return 0, err
		}
	default:
		for e.starts(f.end) && e.todo[0].at >= int64(f.payload) && e.todo[0].end() <= int64(f.end) {
			grows += e.take()
		}
	}
	if grows == 0 {
		return 0, nil
	}
	length := int64(f.end-f.payload) + grows
	prefix := piece{int64(f.value), int64(f.payload - f.value), protowire.AppendVarint(nil, uint64(length)), false}
	e.done = append(e.done, prefix)
	return grows + prefix.grows(), nil
}

// A shift says where bytes of a file are once pieces of it are replaced, which are sorted. It is made
// once: a model may have a piece for each of its tensors, and an offset to shift for each as well.
type shift struct {
	pieces []piece
	by     []int64 // how far the bytes behind each piece move
}

func shiftBy(pieces []piece) shift {
	s := shift{pieces, make([]int64, len(pieces))}
	moved := int64(0)
	for i, p := range pieces {
		moved += p.grows()
		s.by[i] = moved
	}
	return s
}

// to returns where the byte at offset of the old file is in the new one. It must not lie in a piece.
func (s shift) to(offset int64) int64 {
	before, _ := slices.BinarySearchFunc(s.pieces, offset, func(p piece, offset int64) int { return cmp.Compare(p.at, offset) })
	if before == 0 {
		return offset
	}
	return offset + s.by[before-1]
}

const (
	bufferSize = 1 << 20
	// Gaps of this size are left to the system, which may share the blocks
	// instead of copying them. Sharing needs block-aligned offsets.
	bulkSize  = 4 << 20
	blockSize = 4096
)

// splice writes src, a file of that size, to dst with pieces replaced, which come in
// the order of their offsets. If both are files, long stretches are copied by the system
// (copy_file_range). Offsets that are read at never go back.
func splice(dst io.Writer, src io.ReaderAt, size int64, pieces iter.Seq[piece]) error {
	c := copier{dst: dst, src: src, size: size, room: make([]byte, min(bufferSize, size))}
	defer clear(c.room) // it may be plain weights
	last := int64(0)
	for p := range pieces {
		if p.at < last || p.size < 0 || p.size > size || p.at > size-p.size {
			return fmt.Errorf("replacement of %d bytes at %d overlaps another or the end of the file", p.size, p.at)
		}
		last = p.end()
		if err := c.replace(p); err != nil {
			return err
		}
	}
	return c.copy(size)
}

// copier copies src to dst in windows, which pieces change before they are written.
type copier struct {
	dst    io.Writer
	src    io.ReaderAt
	size   int64
	pos    int64  // in src, of the window
	window []byte // what is read, but not yet written
	room   []byte // for the window
}

// end returns where the window ends in src.
func (c *copier) end() int64 { return c.pos + int64(len(c.window)) }

// replace writes a piece in place of what src has there, or makes the window have it.
func (c *copier) replace(p piece) error {
	if p.size != int64(len(p.data)) || p.size > int64(len(c.room)) {
		if err := c.copy(p.at); err != nil {
			return err
		}
		_, err := c.dst.Write(p.data)
		c.pos, c.window = p.end(), c.window[min(p.size, int64(len(c.window))):]
		return err
	}
	if p.end() > c.end() {
		if err := c.copy(p.at); err != nil {
			return err
		}
		if err := c.fill(c.size); err != nil {
			return err
		}
	}
	here := c.window[p.at-c.pos:][:p.size]
	if !p.xor {
		copy(here, p.data)
		return nil
	}
	for i, x := range p.data {
		here[i] ^= x
	}
	return nil
}

// copy copies src up to end. No piece ends beyond it.
func (c *copier) copy(end int64) error {
	_, toFile := c.dst.(io.ReaderFrom)
	src, ofFile := c.src.(*os.File)
	for c.pos < end {
		if c.end() == c.pos {
			to := end
			if toFile && ofFile && end-c.pos >= bulkSize {
				if c.pos%blockSize == 0 {
					if err := c.bulk(src, (end-c.pos)&^(blockSize-1)); err != nil {
						return err
					}
					continue
				}
				to = c.pos + -c.pos&(blockSize-1)
			}
			if err := c.fill(to); err != nil {
				return err
			}
		}
		n := min(end-c.pos, int64(len(c.window)))
		if _, err := c.dst.Write(c.window[:n]); err != nil {
			return err
		}
		c.pos, c.window = c.pos+n, c.window[n:]
	}
	return nil
}

// fill reads on into the window, up to end at most. What has not been written stays.
func (c *copier) fill(end int64) error {
	kept := copy(c.room, c.window)
	n := min(end-c.pos, int64(len(c.room)))
	_, err := c.src.ReadAt(c.room[kept:n], c.end())
	c.window = c.room[:n]
	return short(err)
}

// bulk leaves it to the system to copy n bytes.
func (c *copier) bulk(src *os.File, n int64) error {
	if _, err := src.Seek(c.pos, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.CopyN(c.dst, src, n); err != nil {
		return short(err)
	}
	c.pos += n
	return nil
}

// short makes an end of file that comes too early an error of its own.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// unchanged are no pieces.
func unchanged(func(piece) bool) {}

// digest returns the SHA-256 of src, a file of that size.
func digest(src io.ReaderAt, size int64) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	err = splice(h, src, size, unchanged)
	h.Sum(sum[:0])
	return sum, err
}
