package main

import (
	"io"

	"github.com/advparams/advparams/internal/terminal"
)

// standard is the file name that stands for standard output.
const standard = "-"

// checkStreams makes sure that standard output is free for the outputs that go there.
func (a *app) checkStreams(paths ...string) error {
	streams := 0
	for _, path := range paths {
		if path == standard {
			streams++
		}
	}
	switch {
	case streams > 0 && a.json:
		return usagef("--json and the file %q both go to standard output", standard)
	case streams > 1:
		return usagef("only one file can go to standard output")
	case streams == 1 && terminal.Is(a.stdout):
		return usagef("a binary file does not belong on the terminal: redirect the output, or name a file")
	}
	return nil
}

// stream returns where to write an output that goes to standard output, and takes
// the path away. For a file it returns nil.
func (a *app) stream(path *string) io.Writer {
	if *path != standard {
		return nil
	}
	*path = ""
	return a.stdout
}
