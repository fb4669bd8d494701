package onnxio

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// A piece replaces the bytes [at, at+size) of a file by data, or, if xor is set, by the
// exclusive or of these bytes with data of the same length. Element edits, renamed
// locations and their reversal are all lists of pieces.
type piece struct {
	at, size int64
	data     []byte
	xor      bool
}

func (p piece) end() int64   { return p.at + p.size }
func (p piece) grows() int64 { return int64(len(p.data)) - p.size }

func byOffset(a, b piece) int { return cmp.Compare(a.at, b.at) }

// checkPieces checks that pieces are sorted, do not overlap and lie in a file of
// that size; it returns the size the file will have.
func checkPieces(pieces []piece, size int64) (int64, error) {
	var last int64
	total := size
	for _, p := range pieces {
		if p.at < last || p.size < 0 || p.size > size || p.at > size-p.size {
			return 0, fmt.Errorf("replacement of %d bytes at %d overlaps another or the end of the file", p.size, p.at)
		}
		last = p.end()
		total += p.grows()
	}
	return total, nil
}

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

// shift returns where the byte at offset of the old file is in the new one. It
// must not lie in a piece.
func shift(pieces []piece, offset int64) int64 {
	moved := offset
	for _, p := range pieces {
		if p.at >= offset {
			break
		}
		moved += p.grows()
	}
	return moved
}

const (
	bufferSize = 1 << 20
	// Gaps of this size are left to the system, which may share the blocks
	// instead of copying them. Sharing needs block-aligned offsets.
	bulkSize  = 4 << 20
	blockSize = 4096
)

// splice writes src, a file of that size, to dst with pieces replaced. If dst is
// a file, long stretches are copied by the system (copy_file_range).
func splice(dst io.Writer, src *os.File, size int64, pieces []piece) error {
	if _, err := checkPieces(pieces, size); err != nil {
		return err
	}
	c := copier{dst: dst, src: src, size: size, out: bufio.NewWriterSize(dst, bufferSize)}
	c.in = bufio.NewReaderSize(c.from(0), bufferSize)
	for _, p := range pieces {
		if err := c.copy(p.at); err != nil {
			return err
		}
		if err := c.replace(p); err != nil {
			return err
		}
	}
	if err := c.copy(size); err != nil {
		return err
	}
	return c.out.Flush()
}

type copier struct {
	dst  io.Writer
	src  *os.File
	size int64
	pos  int64 // in src
	in   *bufio.Reader
	out  *bufio.Writer
}

func (c *copier) from(pos int64) io.Reader { return io.NewSectionReader(c.src, pos, c.size-pos) }

// copy copies src up to end.
func (c *copier) copy(end int64) error {
	if _, toFile := c.dst.(io.ReaderFrom); toFile && end-c.pos >= bulkSize {
		if err := c.buffered(-c.pos & (blockSize - 1)); err != nil {
			return err
		}
		if err := c.bulk((end - c.pos) &^ (blockSize - 1)); err != nil {
			return err
		}
	}
	return c.buffered(end - c.pos)
}

// replace writes a piece in place of what src has there.
func (c *copier) replace(p piece) error {
	data := p.data
	if p.xor {
		data = make([]byte, p.size)
		if _, err := io.ReadFull(c.in, data); err != nil {
			return short(err)
		}
		for i, x := range p.data {
			data[i] ^= x
		}
	} else if _, err := c.in.Discard(int(p.size)); err != nil {
		return short(err)
	}
	c.pos = p.end()
	_, err := c.out.Write(data)
	return err
}

func (c *copier) buffered(n int64) error {
	_, err := io.CopyN(c.out, c.in, n)
	c.pos += n
	return short(err)
}

func (c *copier) bulk(n int64) error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	if _, err := c.src.Seek(c.pos, io.SeekStart); err != nil {
		return err
	}
	if _, err := io.CopyN(c.dst, c.src, n); err != nil {
		return short(err)
	}
	c.pos += n
	c.in.Reset(c.from(c.pos))
	return nil
}

// short makes an end of file that comes too early an error of its own.
func short(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// digest returns the SHA-256 of src, a file of that size, with pieces replaced.
func digest(src *os.File, size int64, pieces []piece) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	err = splice(h, src, size, pieces)
	h.Sum(sum[:0])
	return sum, err
}
