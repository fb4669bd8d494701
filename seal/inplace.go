package seal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A File can be changed in place. An *os.File is one.
type File interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// InPlace says what is sealed or unsealed in place, in files that have been opened for
// reading and writing.
type InPlace struct {
	Key     *Key
	Files   []File
	Sizes   []int64
	Ranges  [][]Range // by file
	Unseal  bool
	Workers int           // goroutines; GOMAXPROCS if below 1
	Done    func(n int64) // if not nil, is told how many bytes have been gone through

	limit int64 // bytes changed at a time; 0: inPlaceLen
}

// The journal is a file beside those that are changed. It begins with a header: magic,
// direction, length of the state, state, digest. Then come two records, which are
// written in turn, far enough apart for the largest. A record has a part of a file as it
// was before it was changed.
//
// Before a part is changed, its record is on disk; before the next record is written,
// the part is. So whatever happens at whatever moment, the newer of the valid records
// tells all: what is before its part has been changed, what is behind it has not, and
// the part itself is put back.
const (
	journalMagic = "advparams journal 1\n"
	recordHead   = 8 + 8 + 8 + 8 + sha256.Size
	inPlaceLen   = 8 << 20 // bytes changed at a time
)

// Where records are. Tests set them, so that journals are small.
var (
	recordAt   int64 = 1 << 20 // of the first; headers are smaller
	recordRoom int64 = MaxVarints + 4096
)

// ErrJournal is returned for a journal that is not one, or whose header was never
// finished, in which case no file was changed.
var ErrJournal = errors.New("not a complete journal")

// ErrStarted is returned by Start if the journal has a header already.
var ErrStarted = errors.New("the journal has been started")

// header returns the journal's header.
func journalHeader(state []byte, unseal bool) []byte {
	b := append([]byte(journalMagic), 0)
	if unseal {
		b[len(b)-1] = 1
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(state)))
	b = append(b, state...)
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// ReadJournal returns the state that a journal was started with, and in which direction.
// The state is whatever the caller needs to set up an [InPlace] again: it contains the
// key, since a file that is sealed by half is of no use without.
func ReadJournal(journal io.ReaderAt) (state []byte, unseal bool, err error) {
	b := make([]byte, recordAt)
	n, err := journal.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	b = b[:n]
	head := len(journalMagic) + 1 + 4
	if len(b) < head || string(b[:len(journalMagic)]) != journalMagic {
		return nil, false, ErrJournal
	}
	size := int(binary.LittleEndian.Uint32(b[head-4:]))
	if size > len(b)-head-sha256.Size {
		return nil, false, ErrJournal
	}
	state, unseal = b[head:][:size], b[head-5] == 1
	if !bytes.HasPrefix(b, journalHeader(state, unseal)) {
		return nil, false, ErrJournal
	}
	return bytes.Clone(state), unseal, nil
}

// Begun reports whether a file may have been changed since a journal was made. If not, or if
// it is no journal yet, it can be removed.
func Begun(journal io.ReaderAt) bool {
	if _, _, err := ReadJournal(journal); err != nil {
		return !errors.Is(err, ErrJournal)
	}
	last, err := lastRecord(journal)
	return err != nil || last.number > 0
}

// Start changes the files. The journal is a new, empty file. State is what ReadJournal
// returns later. When Start returns nil, everything is on disk, and the journal can be
// removed. If not, or if the process ends before, Resume goes on.
func (p *InPlace) Start(ctx context.Context, journal File, state []byte) error {
	if err := p.check(); err != nil {
		return err
	}
	header := journalHeader(state, p.Unseal)
	if int64(len(header)) > recordAt {
		return fmt.Errorf("a state of %d bytes is too long for a journal", len(state))
	}
	if n, err := journal.ReadAt(make([]byte, 1), 0); n > 0 {
		return ErrStarted
	} else if err != io.EOF {
		return err
	}
	if _, err := journal.WriteAt(header, 0); err != nil {
		return err
	}
	if err := journal.Sync(); err != nil {
		return err
	}
	return p.run(ctx, journal, record{})
}

// Resume puts back what was being changed when the process ended, and goes on from
// there. The files, ranges and direction are those that Start had.
func (p *InPlace) Resume(ctx context.Context, journal File) error {
	if err := p.check(); err != nil {
		return err
	}
	_, unseal, err := ReadJournal(journal)
	if err != nil {
		return err
	}
	if unseal != p.Unseal {
		return fmt.Errorf("%w: it is of the other direction", ErrJournal)
	}
	last, err := lastRecord(journal)
	if err != nil {
		return err
	}
	if last.number > 0 {
		if last.file >= len(p.Files) || last.offset > p.Sizes[last.file]-int64(len(last.data)) {
			return fmt.Errorf("%w: it is of other files", ErrJournal)
		}
		if err := writeAll(p.Files[last.file], last.data, last.offset); err != nil {
			return err
		}
	}
	return p.run(ctx, journal, last)
}

func (p *InPlace) check() error {
	if len(p.Files) != len(p.Ranges) || len(p.Files) != len(p.Sizes) {
		return fmt.Errorf("%w: of %d files for %d", ErrRanges, len(p.Ranges), len(p.Files))
	}
	for i, r := range p.Ranges {
		if err := CheckRanges(r, p.Sizes[i]); err != nil {
			return err
		}
	}
	return nil
}

// run changes everything from the part of a record on, which is as it was before.
func (p *InPlace) run(ctx context.Context, journal File, last record) error {
	var data []byte
	number := last.number
	for i := last.file; i < len(p.Files); i++ {
		at := int64(0)
		if i == last.file {
			at = last.offset
		}
		c := cutter{key: p.Key, size: p.Sizes[i], ranges: p.Ranges[i], limit: cmp.Or(p.limit, inPlaceLen)}
		for at < p.Sizes[i] {
			if err := ctx.Err(); err != nil {
				return err
			}
			end, pieces, err := c.next(at)
			if err != nil {
				return err
			}
			if len(pieces) > 0 {
				if n := int(end - at); cap(data) < n {
					data = make([]byte, n)
				}
				data = data[:end-at]
				number++
				if err := p.change(journal, record{number, i, at, data}, pieces); err != nil {
					return err
				}
			}
			if p.Done != nil {
				p.Done(end - at)
			}
			at = end
		}
	}
	return nil
}

// change changes one part. The record's data are room for it.
func (p *InPlace) change(journal File, r record, pieces []piece) error {
	f := p.Files[r.file]
	if n, err := f.ReadAt(r.data, r.offset); n < len(r.data) {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	if err := r.writeTo(journal); err != nil {
		return err
	}
	if err := runPieces(r.data, pieces, p.Workers, p.Unseal); err != nil {
		return err
	}
	return writeAll(f, r.data, r.offset)
}

// writeAll writes to a file, and returns when that is on disk.
func writeAll(f File, data []byte, at int64) error {
	if _, err := f.WriteAt(data, at); err != nil {
		return err
	}
	return f.Sync()
}

// A record is a part of a file as it was.
type record struct {
	number uint64 // from 1
	file   int
	offset int64
	data   []byte
}

// place returns where a record is in the journal.
func (r *record) place() int64 { return recordAt + int64(r.number%2)*recordRoom }

// head returns what comes before the data: numbers, and a digest of all.
func (r *record) head() []byte {
	b := binary.LittleEndian.AppendUint64(nil, r.number)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.file))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.offset))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(r.data)))
	digest := sha256.New()
	digest.Write(b)
	digest.Write(r.data)
	return digest.Sum(b)
}

func (r *record) writeTo(journal File) error {
	if _, err := journal.WriteAt(r.data, r.place()+recordHead); err != nil {
		return err
	}
	return writeAll(journal, r.head(), r.place())
}

// lastRecord returns the newer of the valid records of a journal; number 0 if there is
// none.
func lastRecord(journal io.ReaderAt) (last record, err error) {
	for slot := range uint64(2) {
		at := (&record{number: slot}).place()
		head := make([]byte, recordHead)
		if _, err := journal.ReadAt(head, at); err == io.EOF {
			continue
		} else if err != nil {
			return record{}, err
		}
		r := record{number: binary.LittleEndian.Uint64(head), file: int(binary.LittleEndian.Uint64(head[8:])), offset: int64(binary.LittleEndian.Uint64(head[16:]))}
		size := binary.LittleEndian.Uint64(head[24:])
		if size > uint64(recordRoom-recordHead) || r.number <= last.number || r.number%2 != slot || r.file < 0 || r.offset < 0 {
			continue
		}
		r.data = make([]byte, size)
		if _, err := journal.ReadAt(r.data, at+recordHead); err == io.EOF {
			continue
		} else if err != nil {
			return record{}, err
		}
		if bytes.Equal(r.head(), head) {
			last = r
		}
	}
	return last, nil
}
