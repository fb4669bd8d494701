package advparams

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// probe finds out, before long work, whether files could be written. Any of the
// paths may be empty.
func probe(force bool, paths ...string) error {
	set := atomicfile.Set{Force: force}
	defer set.Abort()
	for _, path := range paths {
		if path == "" {
			continue
		}
		if _, err := set.Create(path); err != nil {
			return err
		}
	}
	return nil
}

// outputs are what a run writes: files, which appear together, and streams, which
// are written when the files have appeared.
type outputs struct {
	files   atomicfile.Set
	streams []*stream
	done    func() bool
}

// stream is an output that goes to a Writer. It is a file in a temporary folder until
// it is complete.
type stream struct {
	file   string
	folder string
	set    atomicfile.Set
	to     io.Writer
}

// newOutputs returns outputs that are aborted when ctx ends, so that whoever
// writes to them fails. They have to be closed.
func newOutputs(ctx context.Context, force bool) *outputs {
	o := &outputs{files: atomicfile.Set{Force: force}}
	o.done = context.AfterFunc(ctx, o.files.Abort)
	return o
}

// place returns where to write an output, and the set it belongs to. If to is not
// nil that is a temporary file of the given name.
func (o *outputs) place(path string, to io.Writer, name string) (string, *atomicfile.Set, error) {
	if to == nil {
		return path, &o.files, nil
	}
	folder, err := os.MkdirTemp("", "advparams-")
	if err != nil {
		return "", nil, err
	}
	s := &stream{file: filepath.Join(folder, filepath.Base(name)), folder: folder, to: to}
	o.streams = append(o.streams, s)
	return s.file, &s.set, nil
}

// commit makes the files appear, then writes the streams.
func (o *outputs) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, s := range o.streams {
		if err := s.set.Commit(); err != nil {
			return err
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
	_, err = io.Copy(s.to, f)
	return err
}

// close removes what was not committed and what is no longer needed.
func (o *outputs) close() {
	o.done()
	o.files.Abort()
	for _, s := range o.streams {
		s.set.Abort()
		os.RemoveAll(s.folder)
	}
}
