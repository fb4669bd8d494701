package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/advparams/advparams/onnxio/atomicfile"
)

// standard is the file name that stands for standard output.
const standard = "-"

// checkOutputs finds out, before long work, whether files could be written. Any
// of the paths may be empty.
func (a *app) checkOutputs(force bool, paths ...string) error {
	probe := atomicfile.Set{Force: force}
	defer probe.Abort()
	streams := 0
	for _, path := range paths {
		switch {
		case path == "":
		case path != standard:
			if _, err := probe.Create(path); err != nil {
				return err
			}
		case a.json:
			return usagef("--json and the file %q both go to standard output", standard)
		default:
			streams++
		}
	}
	if streams > 1 {
		return usagef("only one file can go to standard output")
	}
	if streams == 1 && isTerminal(a.stdout) {
		return usagef("a binary file does not belong on the terminal: redirect the output, or name a file")
	}
	return nil
}

// outputs are files that appear together. One of them may be standard output,
// which is written when the others have appeared.
type outputs struct {
	atomicfile.Set
	app    *app
	folder string // temporary, for what goes to standard output
	stream string // the file in it
	inner  atomicfile.Set
	done   func() bool
}

// outputs returns a set that is aborted when ctx ends, so that whoever writes
// to it fails. It has to be closed.
func (a *app) outputs(ctx context.Context, force bool) *outputs {
	o := &outputs{Set: atomicfile.Set{Force: force}, app: a}
	o.done = context.AfterFunc(ctx, o.abort)
	return o
}

func (o *outputs) abort() {
	o.Abort()
	o.inner.Abort()
}

// place returns where to write a file, and the set it belongs to. For standard
// output that is a temporary file of the given name.
func (o *outputs) place(path, name string) (string, *atomicfile.Set, error) {
	if path != standard {
		return path, &o.Set, nil
	}
	folder, err := os.MkdirTemp("", "advparams-")
	if err != nil {
		return "", nil, err
	}
	o.folder, o.stream = folder, filepath.Join(folder, filepath.Base(name))
	return o.stream, &o.inner, nil
}

// commit makes the files appear and writes standard output.
func (o *outputs) commit(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := o.Commit(); err != nil || o.stream == "" {
		return err
	}
	if err := o.inner.Commit(); err != nil {
		return err
	}
	f, err := os.Open(o.stream)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(o.app.stdout, f)
	return err
}

// close removes what was not committed and what is no longer needed.
func (o *outputs) close() {
	o.done()
	o.abort()
	if o.folder != "" {
		os.RemoveAll(o.folder)
	}
}
