package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
)

// A Range is a tensor in a file.
type Range struct {
	Offset  int64 // of its first byte
	Length  int64 // in bytes
	Tensor  Tensor
	Varints bool // its elements are varints, see Cipher.SealVarints
}

// MaxVarints is the largest length of a range of varints. Such a range is held in
// memory as a whole.
const MaxVarints = 64 << 20

// ErrRanges is returned for ranges that are not possible in the file they are for.
var ErrRanges = errors.New("impossible ranges")

// CheckRanges reports what is wrong with ranges of a file of a size, which come from a
// key and could be damaged or made up: they have to be in order, without overlaps and
// inside the file, and as long as their tensors say.
func CheckRanges(ranges []Range, size int64) error {
	at := int64(0)
	for i, r := range ranges {
		switch {
		case r.Offset < at || r.Length < 0 || r.Length > size-r.Offset:
			return fmt.Errorf("%w: number %d, of %d bytes at %d, in a file of %d", ErrRanges, i, r.Length, r.Offset, size)
		case !r.Tensor.Kind.Valid() || r.Tensor.Count < 0 || r.Tensor.Count > maxCount:
			return fmt.Errorf("%w: number %d has %d elements of %v", ErrRanges, i, r.Tensor.Count, r.Tensor.Kind)
		case r.Varints && (r.Length > MaxVarints || !r.Tensor.KeepSigns || r.Tensor.Exponents != nil):
			return fmt.Errorf("%w: number %d are no varints that can be sealed", ErrRanges, i)
		case !r.Varints && r.Length != r.Tensor.Count*int64(r.Tensor.Kind.Width()):
			return fmt.Errorf("%w: number %d has %d elements of %v in %d bytes", ErrRanges, i, r.Tensor.Count, r.Tensor.Kind, r.Length)
		}
		if _, _, ok := r.Tensor.exchanges(); !ok {
			return fmt.Errorf("%w: number %d has exponents that are no permutation", ErrRanges, i)
		}
		at = r.Offset + r.Length
	}
	return nil
}

// chunkLen is how many bytes of a file are worked on at a time: few enough to stay in the
// caches from the reader to the writer. Blocks are not divided.
const chunkLen = 1 << 18

// Seal copies src, a file of size bytes, to dst and seals ranges of it on the way. It
// reads, writes and seals at the same time: with as many goroutines for sealing as
// workers says; GOMAXPROCS if that is below 1. Memory stays the same for files of any
// size. Src is read to its end, so that a digest that it is read through is complete.
func (k *Key) Seal(ctx context.Context, dst io.Writer, src io.Reader, size int64, ranges []Range, workers int) error {
	return k.stream(ctx, dst, src, size, ranges, workers, false)
}

// Unseal is the inverse of Seal.
func (k *Key) Unseal(ctx context.Context, dst io.Writer, src io.Reader, size int64, ranges []Range, workers int) error {
	return k.stream(ctx, dst, src, size, ranges, workers, true)
}

// piece is a part of a chunk that belongs to one range.
type piece struct {
	cipher   *Cipher
	varints  bool
	from, to int   // in the chunk
	first    int64 // element
}

// part is a chunk on its way.
type part struct {
	data   []byte
	pieces []piece
	err    error
	done   chan struct{} // closed when it is sealed, or err is set
}

func (k *Key) stream(ctx context.Context, dst io.Writer, src io.Reader, size int64, ranges []Range, workers int, inverse bool) error {
	if err := CheckRanges(ranges, size); err != nil {
		return err
	}
	if workers < 1 {
		workers = runtime.GOMAXPROCS(0)
	}
	ctx, cancel := context.WithCancel(ctx)
	todo, ordered := make(chan *part, 4*workers), make(chan *part, 8*workers)
	spare := make(chan []byte, 12*workers)
	var wg sync.WaitGroup
	defer func() { // nobody reads plain weights out of memory that is free
		cancel()
		wg.Wait()
		for p := range ordered {
			clear(p.data)
		}
		close(spare)
		for data := range spare {
			clear(data)
		}
	}()
	var readErr error
	wg.Go(func() {
		defer close(ordered)
		defer close(todo)
		readErr = k.read(ctx, src, size, ranges, todo, ordered, spare)
	})
	for range workers {
		wg.Go(func() {
			for p := range todo {
				p.err = runPieces(p.data, p.pieces, 1, inverse)
				close(p.done)
			}
		})
	}
	for p := range ordered {
		<-p.done
		if p.err != nil {
			return p.err
		}
		if _, err := dst.Write(p.data); err != nil {
			clear(p.data)
			return err
		}
		select {
		case spare <- p.data:
		default:
		}
	}
	return readErr // ordered was closed after it was set
}

// runPieces seals or unseals pieces of data.
func runPieces(data []byte, pieces []piece, workers int, inverse bool) error {
	for _, x := range pieces {
		data := data[x.from:x.to]
		switch {
		case x.varints && inverse:
			if err := x.cipher.UnsealVarints(data); err != nil {
				return err
			}
		case x.varints:
			if err := x.cipher.SealVarints(data); err != nil {
				return err
			}
		default:
			x.cipher.run(data, x.first, workers, inverse)
		}
	}
	return nil
}

// read cuts a file into parts.
func (k *Key) read(ctx context.Context, src io.Reader, size int64, ranges []Range, todo, ordered chan<- *part, spare <-chan []byte) error {
	c := cutter{key: k, size: size, ranges: ranges, limit: chunkLen}
	for at := int64(0); at < size; {
		if err := ctx.Err(); err != nil { // which the select below overlooks while there is room
			return err
		}
		end, pieces, err := c.next(at)
		if err != nil {
			return err
		}
		p := &part{pieces: pieces, done: make(chan struct{})}
		select {
		case p.data = <-spare:
		default:
		}
		if n := int(end - at); cap(p.data) >= n {
			p.data = p.data[:n]
		} else {
			p.data = make([]byte, n, max(n, chunkLen))
		}
		if _, err := io.ReadFull(src, p.data); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		at = end
		for _, to := range []chan<- *part{todo, ordered} {
			select {
			case to <- p:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	if n, err := io.ReadFull(src, make([]byte, 1)); n > 0 {
		return fmt.Errorf("the file is longer than %d bytes", size)
	} else if err != io.EOF {
		return err
	}
	return nil
}

// A cutter divides a file into parts, from its beginning to its end.
type cutter struct {
	key    *Key
	size   int64
	ranges []Range // that do not end before the next part
	limit  int64   // bytes of a part, other than of varints; a block of any kind at least
	cipher *Cipher // of the first range; nil until it is needed
}

// next returns the part that begins at a place: where it ends, and what is in it.
func (c *cutter) next(at int64) (end int64, pieces []piece, err error) {
	for len(c.ranges) > 0 && c.ranges[0].Offset+c.ranges[0].Length <= at {
		c.ranges, c.cipher = c.ranges[1:], nil
	}
	end = cut(at, min(at+c.limit, c.size), c.ranges)
	for len(c.ranges) > 0 && c.ranges[0].Offset < end {
		r := &c.ranges[0]
		if c.cipher == nil {
			if c.cipher, err = c.key.Cipher(r.Tensor); err != nil {
				return end, nil, err
			}
		}
		last := r.Offset + r.Length
		from, to := max(at, r.Offset), min(end, last)
		first := (from - r.Offset) / int64(r.Tensor.Kind.Width())
		pieces = append(pieces, piece{c.cipher, r.Varints, int(from - at), int(to - at), first})
		if to < last {
			break
		}
		c.ranges, c.cipher = c.ranges[1:], nil
	}
	return end, pieces, nil
}

// cut returns where a part ends that should end about there: not inside a block, nor
// among varints.
func cut(at, end int64, ranges []Range) int64 {
	for _, r := range ranges {
		last := r.Offset + r.Length
		switch {
		case r.Offset >= end:
			return end
		case last <= end:
			continue
		case r.Varints && r.Offset > at:
			return r.Offset
		case r.Varints:
			return last
		}
		block := BlockLen * int64(r.Tensor.Kind.Width())
		return max(r.Offset, end-(end-r.Offset)%block)
	}
	return end
}
