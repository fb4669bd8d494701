package onnxio

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
)

// With each tensor in a data file, a model may give the SHA-1 of the whole file, in
// hexadecimal. If the file changes, the digits in the model are replaced by those of the new
// file. Nothing moves, since their number is the same. A checksum that was wrong before stays
// as it is.

// checksum is one that may have to be replaced.
type checksum struct {
	file int    // that it is of
	data []byte // of the piece that replaces it; at first what is there
}

// refer returns the pieces of the model file that change what it says of data files:
// locations, to their new names, and checksums of files that change. renew gives the
// checksums their new values when the files are written.
func (m *Model) refer(places []place, changed []bool) ([]piece, []checksum, error) {
	var pieces []piece
	var sums []checksum
	for _, t := range m.tensors {
		if t.Storage != External {
			continue
		}
		i := t.runs[0].file
		if places[i].name != m.files[i].Name {
			pieces = append(pieces, piece{int64(t.ext.at), int64(t.ext.end - t.ext.at), []byte(places[i].name), false})
		}
		if at, end := t.ext.sumAt, t.ext.sumEnd; changed[i] && end-at == hex.EncodedLen(sha1.Size) {
			s := checksum{i, bytes.Clone(m.files[0].data[at:end])}
			sums = append(sums, s)
			pieces = append(pieces, piece{int64(at), int64(end - at), s.data, false})
		}
	}
	if len(pieces) == 0 {
		return nil, nil, nil
	}
	pieces, err := enclose(m.files[0].data, pieces)
	return pieces, sums, err
}

// renew finds the new values of the checksums of data file i, which has been written.
func (m *Model) renew(sums []checksum, i int, written io.ReaderAt, size int64) error {
	var was, now []byte
	for _, s := range sums {
		if s.file != i {
			continue
		}
		if was == nil {
			src, err := m.reopen(i)
			if err != nil {
				return err
			}
			defer src.Close()
			if was, err = sha1Of(src, m.files[i].Size); err == nil {
				now, err = sha1Of(written, size)
			}
			if err != nil {
				return fmt.Errorf("computing the checksum of %s: %w", m.files[i].Path, err)
			}
		}
		if bytes.EqualFold(s.data, was) {
			copy(s.data, now)
		}
	}
	return nil
}

// sha1Of returns the SHA-1 of a file in hexadecimal.
func sha1Of(r io.ReaderAt, size int64) ([]byte, error) {
	h := sha1.New()
	if _, err := io.Copy(h, io.NewSectionReader(r, 0, size)); err != nil {
		return nil, err
	}
	return hex.AppendEncode(nil, h.Sum(nil)), nil
}
