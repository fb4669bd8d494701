package onnxio

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"

	"golang.org/x/sync/errgroup"

	"github.com/advparams/advparams/seal"
)

// A stage is what is done to one file at a time: changes, or sealing or unsealing ranges
// of it.
type stage struct {
	changes
	key    *seal.Key // nil where there are changes
	ranges []seal.Range
	seal   bool // and not unseal

	want Result // what is to come out, where that is known
}

// plain reports whether nothing but changes is done, in one go.
func plain(stages []stage) bool { return len(stages) == 1 && stages[0].key == nil }

// run writes to dst what the stage makes of src, which has that size.
func (s *stage) run(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64) error {
	if s.key == nil {
		return splice(dst, src, size, s.pieces())
	}
	from := io.NewSectionReader(src, 0, size)
	if s.seal {
		return s.key.Seal(ctx, dst, from, size, s.ranges, 0)
	}
	return s.key.Unseal(ctx, dst, from, size, s.ranges, 0)
}

// runStages writes to dst what stages make of src, one after another. It returns the size
// and digest of src, and then of what comes out of each stage.
func runStages(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64, stages []stage) ([]Result, error) {
	if stages[0].key == nil { // which may leave out what it replaces
		stages = append([]stage{{}}, stages...)
		results, err := runChain(ctx, dst, src, size, stages)
		return results, err
	}
	in := &readDigester{src: src, hash: sha256.New()}
	results, err := runChain(ctx, dst, in, size, stages)
	first := Result{File: stages[0].want.File, Size: in.at}
	in.hash.Sum(first.SHA256[:0])
	return append([]Result{first}, results...), err
}

func runChain(ctx context.Context, dst io.Writer, src io.ReaderAt, size int64, stages []stage) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	results := make([]Result, len(stages))
	g, ctx := errgroup.WithContext(ctx)
	for i := range stages {
		from, fromSize, to := src, size, dst
		var pipe *io.PipeWriter
		if i < len(stages)-1 {
			var next *io.PipeReader
			next, pipe = io.Pipe()
			to, src, size = pipe, &forward{src: next}, stages[i].after(size)
		}
		g.Go(func() error {
			out := &digester{ctx: ctx, hash: sha256.New(), to: to}
			err := stages[i].run(ctx, out, from, fromSize)
			results[i] = out.result(stages[i].want.File)
			if pipe != nil {
				pipe.CloseWithError(err)
			}
			if f, ok := from.(*forward); ok {
				if err == nil { // the stage may leave out the end, which the one before still writes
					_, err = io.Copy(io.Discard, f.src)
				}
				f.src.CloseWithError(err) // whoever writes to it stops
			}
			return err
		})
	}
	return results, g.Wait()
}

// after returns the size of what comes out of a stage for a file of a size.
func (s *stage) after(size int64) int64 {
	for _, p := range s.splices {
		size += p.grows()
	}
	return size
}

// digester passes on what is written to it, until its context ends.
type digester struct {
	ctx  context.Context
	hash hash.Hash
	size int64
	to   io.Writer
}

// apart is the length from which bytes are hashed by a goroutine of its own while they are
// written. The writer has most to do of all that work on a file.
const apart = 1 << 16

func (d *digester) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // which a pipe would wait for somebody to read
	}
	if err := d.ctx.Err(); err != nil {
		return 0, err
	}
	if len(p) < apart {
		d.hash.Write(p)
	} else {
		hashed := make(chan struct{})
		go func() {
			d.hash.Write(p)
			close(hashed)
		}()
		defer func() { <-hashed }()
	}
	n, err := d.to.Write(p)
	d.size += int64(n)
	return n, err
}

func (d *digester) result(file int) Result {
	r := Result{File: file, Size: d.size}
	d.hash.Sum(r.SHA256[:0])
	return r
}

// forward is a pipe that is read from its beginning to its end, if not everything of it.
type forward struct {
	src *io.PipeReader
	at  int64
}

// ReadAt implements io.ReaderAt for offsets that never go back.
func (f *forward) ReadAt(p []byte, offset int64) (int, error) {
	n, err := io.CopyN(io.Discard, f.src, offset-f.at)
	f.at += n
	if err != nil {
		return 0, err
	}
	read, err := io.ReadFull(f.src, p)
	f.at += int64(read)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return read, err
}

// readDigester notes the digest of what is read, which has to be everything in its order.
type readDigester struct {
	src  io.ReaderAt
	hash hash.Hash
	at   int64
}

// ReadAt implements io.ReaderAt.
func (d *readDigester) ReadAt(p []byte, offset int64) (int, error) {
	n, err := d.src.ReadAt(p, offset)
	if offset == d.at {
		d.hash.Write(p[:n])
		d.at += int64(n)
	}
	return n, err
}
