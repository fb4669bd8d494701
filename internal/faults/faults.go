// Package faults runs a program and kills it, or lets a system call fail, at any of
// the calls that change a file. It also tells what a file system may hold after a loss
// of power in the middle of these calls. It is for tests.
//
//	calls, status, err := faults.Run(cmd, root, func(n int, c *faults.Call) faults.Fault {
//		if n == 7 {
//			return faults.Fault{Kill: true}
//		}
//		return faults.Fault{}
//	})
//
// Run works on Linux on x86-64, where processes may be traced. A seccomp filter stops
// the program at these calls only, so that it runs at nearly full speed; children that
// it starts are stopped too.
//
// Files in this package:
//
//	faults.go              calls, faults, Run
//	disk.go                Disk: what a loss of power may leave
//	trace_linux_amd64.go   the tracer
//	decode_linux_amd64.go  calls from registers
//	filter_linux_amd64.go  the seccomp filter
//	other.go               systems without a tracer
package faults

import (
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
)

// ErrUnsupported means that programs cannot be traced here.
var ErrUnsupported = errors.New("programs cannot be traced here")

// A Call is a system call that changes a file or a folder below the root.
type Call struct {
	Name string // as in the system's manual
	// Path is what the call is about, and To the new name of a link or rename. Both are
	// relative to the root.
	Path, To string
	// File identifies the file or folder behind a descriptor, or the one that was
	// opened.
	File FileID
	// Offset is where data goes, or the new size of a truncated file.
	Offset int64
	// Data is what is written.
	Data []byte
	// Exclusive, Create and Truncate are flags of opening.
	Exclusive, Create, Truncate bool
	// Errno is the error that the call returned, 0 if it succeeded.
	Errno syscall.Errno
}

// FileID identifies a file for as long as it exists.
type FileID struct{ Device, Inode uint64 }

func (c *Call) String() string {
	s := c.Name + " " + c.Path
	if c.To != "" {
		s += " → " + c.To
	}
	if c.Data != nil {
		s += fmt.Sprintf(", %d bytes at %d", len(c.Data), c.Offset)
	}
	if c.Errno != 0 {
		s += ": " + c.Errno.Error()
	}
	return s
}

// Frees reports whether the call takes no room on a disk, so that it succeeds on a
// full one.
func (c *Call) Frees() bool {
	switch c.Name {
	case "unlink", "unlinkat", "rmdir", "ftruncate", "truncate", "fchmod", "chmod", "fchmodat", "fsync", "fdatasync":
		return true
	}
	return false
}

// Temporary reports whether the call is about a name that package atomicfile makes up.
func (c *Call) Temporary() bool {
	ok, _ := filepath.Match(".advparams-*", filepath.Base(c.Path))
	return ok
}

// A Fault is what happens at a call. The zero Fault is nothing.
type Fault struct {
	// Kill ends all traced processes before the call, or after a part of the data if
	// Torn is set.
	Kill, Torn bool
	// Errno, unless 0, is returned in place of making the call.
	Errno syscall.Errno
}
