package advparams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// probe finds out, before long work, whether a file could be written. Without a path
// there is nothing to find out.
func probe(of kind, force bool, path string) error {
	if path == "" {
		return nil
	}
	set := atomicfile.Set{Force: force, Spare: of.spare}
	defer set.Abort()
	_, err := set.Create(path)
	return err
}

// outputs are what a run writes. Their order is such that the way back exists
// before anything takes the place of an original: secrets for Writers are written
// first, then all files appear together, and other Writers come last.
type outputs struct {
	files   atomicfile.Set
	secrets []secret
	streams []*stream
	done    func() bool
}

// secret is a key for a Writer. It touches no disk.
type secret struct {
	to      io.Writer
	content []byte
}

// stream is an output for a Writer. Until it is complete it is a file in a scratch
// folder.
type stream struct {
	file    string
	scratch *scratch
	set     atomicfile.Set
	to      io.Writer
}

// newOutputs returns outputs of a kind that are aborted when ctx ends, so that
// whoever writes to them fails. They have to be closed.
func newOutputs(ctx context.Context, of kind, force bool) *outputs {
	o := &outputs{files: atomicfile.Set{Force: force, Spare: of.spare}}
	o.done = context.AfterFunc(ctx, o.files.Abort)
	return o
}

// place returns where to write an output, and the set it belongs to. If to is not
// nil that is a temporary file of the given name.
func (o *outputs) place(path string, to io.Writer, name string) (string, *atomicfile.Set, error) {
	if to == nil {
		return path, &o.files, nil
	}
	scratch, err := newScratch()
	if err != nil {
		return "", nil, err
	}
	s := &stream{file: scratch.path(filepath.Base(name)), scratch: scratch, to: to}
	o.streams = append(o.streams, s)
	return s.file, &s.set, nil
}

// addKey adds a key: a file that replaces none, or content for a Writer.
func (o *outputs) addKey(path string, to io.Writer, content []byte) error {
	if to != nil {
		o.secrets = append(o.secrets, secret{to, content})
		return nil
	}
	f, err := o.files.CreatePrivate(path)
	if err != nil {
		return err
	}
	if _, err := f.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return f.Close()
}

// commit writes secrets, makes the files appear, then writes the streams.
func (o *outputs) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, s := range o.streams {
		if err := s.set.Commit(); err != nil {
			return err
		}
	}
	for _, s := range o.secrets {
		_, err := s.to.Write(s.content)
		if err == nil {
			err = flush(s.to)
		}
		if err != nil {
			return fmt.Errorf("writing the key: %w", err)
		}
	}
	if err := o.files.Commit(); err != nil {
		return err
	}
	for _, s := range o.streams {
		if err := s.copy(); err != nil {
			return err
		}
	}
	return nil
}

func (s *stream) copy() error {
	f, err := os.Open(s.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err = io.Copy(s.to, f); err != nil {
		return err
	}
	return flush(s.to)
}

// flush makes what was written to a file durable, as far as it is one: a full disk
// may show only now. Pipes and terminals have nothing to flush.
func flush(w io.Writer) error {
	f, ok := w.(interface{ Sync() error })
	if !ok {
		return nil
	}
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}

// close removes what was not committed and what is no longer needed.
func (o *outputs) close() {
	o.done()
	o.files.Abort()
	for _, s := range o.streams {
		s.set.Abort()
		s.scratch.remove()
	}
}
