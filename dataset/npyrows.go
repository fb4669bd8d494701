package dataset

import (
	"bufio"
	"fmt"
	"io"

	"github.com/advparams/advparams/nd"
)

// decodeRows is decode for some rows only, which are sorted and not empty. What lies
// between them is read and forgotten.
func (h *npyHeader) decodeRows(r io.Reader, want nd.DType, rows []int) (nd.Array, error) {
	some := *h
	some.shape = append([]int{len(rows)}, h.shape[1:]...)
	some.count = nd.Size(some.shape)
	some.fortran = false // the rows come in C order
	return some.decode(&rowReader{h: h, r: bufio.NewReaderSize(r, 1<<16), rows: rows}, want)
}

// rowReader gives out the elements of some rows in C order.
type rowReader struct {
	h    *npyHeader
	r    *bufio.Reader
	rows []int

	next  int    // index in rows
	at    int    // row that r has come to
	left  int    // bytes of the row that were not given out yet
	ready []byte // all rows of an array in Fortran order
	done  bool
}

func (r *rowReader) Read(b []byte) (int, error) {
	if r.h.fortran && len(r.h.shape) > 1 {
		return r.readFortran(b)
	}
	rowBytes := nd.Size(r.h.shape[1:]) * r.h.size
	for r.left == 0 {
		if r.next == len(r.rows) {
			return 0, io.EOF
		}
		row := r.rows[r.next]
		if err := skip(r.r, int64(row-r.at)*int64(rowBytes)); err != nil {
			return 0, fmt.Errorf("row %d of %d: %w", row, r.h.shape[0], noEOF(err))
		}
		r.next, r.at, r.left = r.next+1, row+1, rowBytes
		if rowBytes == 0 {
			return 0, io.EOF
		}
	}
	n, err := r.r.Read(b[:min(len(b), r.left)])
	r.left -= n
	return n, err
}

// readFortran gives out the rows of an array in Fortran order, in which the elements
// of a row lie as far apart as there are rows. They are put together before the
// first is given out.
func (r *rowReader) readFortran(b []byte) (int, error) {
	if !r.done {
		r.done = true
		if err := r.gather(); err != nil {
			return 0, err
		}
	}
	if len(r.ready) == 0 {
		return 0, io.EOF
	}
	n := copy(b, r.ready)
	r.ready = r.ready[n:]
	return n, nil
}

func (r *rowReader) gather() error {
	n, inner, size := r.h.shape[0], r.h.shape[1:], r.h.size
	width := nd.Size(inner)
	r.ready = make([]byte, len(r.rows)*width*size)
	step := make([]int, len(inner)) // C-order strides within a row
	s := 1
	for axis := len(inner) - 1; axis >= 0; axis-- {
		step[axis] = s
		s *= inner[axis]
	}
	at, to := make([]int, len(inner)), 0 // of the element that a column is for
	for range width {
		last := 0
		for k, row := range r.rows {
			if err := skip(r.r, int64(row-last)*int64(size)); err != nil {
				return noEOF(err)
			}
			if _, err := io.ReadFull(r.r, r.ready[(k*width+to)*size:][:size]); err != nil {
				return noEOF(err)
			}
			last = row + 1
		}
		if err := skip(r.r, int64(n-last)*int64(size)); err != nil {
			return noEOF(err)
		}
		for axis := range inner {
			at[axis]++
			to += step[axis]
			if at[axis] < inner[axis] {
				break
			}
			to -= at[axis] * step[axis]
			at[axis] = 0
		}
	}
	return nil
}

// skip reads n bytes and forgets them.
func skip(r *bufio.Reader, n int64) error {
	for n > 0 {
		k, err := r.Discard(int(min(n, 1<<30)))
		if n -= int64(k); err != nil && n > 0 {
			return err
		}
	}
	return nil
}
