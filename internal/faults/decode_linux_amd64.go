package faults

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// decode returns the call that a thread is about to make, or nil if it changes no file
// below root.
func decode(tid int, regs *unix.PtraceRegs, root string) (*Call, error) {
	d := decoder{tid: tid, root: root}
	c := &Call{Name: traced[uint32(regs.Orig_rax)]}
	a, b, third, fourth := regs.Rdi, regs.Rsi, regs.Rdx, regs.R10
	inside := false
	switch c.Name {
	case "open", "creat":
		c.Path, inside = d.path(unix.AT_FDCWD&(1<<64-1), a)
		setFlags(c, b)
		if c.Name == "creat" {
			setFlags(c, unix.O_CREAT|unix.O_TRUNC)
		}
		inside = inside && (c.Create || c.Truncate)
	case "openat":
		c.Path, inside = d.path(a, b)
		setFlags(c, third)
	case "openat2":
		c.Path, inside = d.path(a, b)
		setFlags(c, binary.LittleEndian.Uint64(d.memory(third, 8)))
		inside = inside && (c.Create || c.Truncate)
	case "write", "pwrite64":
		if inside = d.descriptor(c, a); inside {
			c.Data = d.memory(b, int(third))
			if c.Offset = int64(fourth); c.Name == "write" {
				c.Offset = d.position(a)
			}
		}
	case "copy_file_range", "splice":
		inside = d.descriptor(c, third)
	case "ioctl":
		const ficlone, ficloneRange = 0x40049409, 0x4020940d
		inside = (b == ficlone || b == ficloneRange) && d.descriptor(c, a)
	case "writev", "pwritev", "pwritev2", "sendfile", "fallocate", "fchmod", "fsync", "fdatasync", "sync_file_range":
		inside = d.descriptor(c, a)
	case "ftruncate":
		inside = d.descriptor(c, a)
		c.Offset = int64(b)
	case "rename", "link":
		inside = d.both(c, unix.AT_FDCWD&(1<<64-1), a, unix.AT_FDCWD&(1<<64-1), b)
	case "renameat", "renameat2", "linkat":
		inside = d.both(c, a, b, third, fourth)
	case "symlink":
		c.To = d.text(a)
		c.Path, inside = d.path(unix.AT_FDCWD&(1<<64-1), b)
	case "symlinkat":
		c.To = d.text(a)
		c.Path, inside = d.path(b, third)
	case "unlinkat", "mkdirat", "mknodat", "fchmodat", "fchmodat2", "utimensat":
		c.Path, inside = d.path(a, b)
		if c.Name == "unlinkat" && third&unix.AT_REMOVEDIR != 0 {
			c.Name = "rmdir"
		}
	default: // a path alone
		c.Path, inside = d.path(unix.AT_FDCWD&(1<<64-1), a)
	}
	if d.err != nil || !inside {
		return nil, d.err
	}
	return c, nil
}

func setFlags(c *Call, flags uint64) {
	c.Create = flags&unix.O_CREAT != 0
	c.Exclusive = flags&unix.O_EXCL != 0
	c.Truncate = flags&unix.O_TRUNC != 0
}

// decoder reads the memory and the descriptors of a thread that is stopped.
type decoder struct {
	tid  int
	root string
	err  error // the first
}

// memory returns a copy of the thread's memory.
func (d *decoder) memory(at uint64, size int) []byte {
	buf := make([]byte, size)
	if size == 0 {
		return buf
	}
	n, err := unix.ProcessVMReadv(d.tid,
		[]unix.Iovec{{Base: &buf[0], Len: uint64(size)}}, []unix.RemoteIovec{{Base: uintptr(at), Len: size}}, 0)
	if err == nil && n != size {
		err = fmt.Errorf("%d of %d bytes", n, size)
	}
	d.note(err)
	return buf
}

func (d *decoder) note(err error) {
	if err != nil && d.err == nil {
		d.err = fmt.Errorf("reading from thread %d: %w", d.tid, err)
	}
}

// text returns a string that ends with a zero.
func (d *decoder) text(at uint64) string {
	const page = 4096
	var s []byte
	for d.err == nil {
		part := d.memory(at, int(page-at%page)) // the next page may not be there
		if n := bytes.IndexByte(part, 0); n >= 0 {
			return string(append(s, part[:n]...))
		}
		s, at = append(s, part...), at+uint64(len(part))
	}
	return ""
}

// path returns a name relative to the root, and whether it is below it. The folder of
// the name is resolved, the name itself is not.
func (d *decoder) path(folder, name uint64) (string, bool) {
	p := d.text(name)
	if !filepath.IsAbs(p) {
		from := fmt.Sprintf("/proc/%d/cwd", d.tid)
		if int32(folder) != unix.AT_FDCWD {
			from = fmt.Sprintf("/proc/%d/fd/%d", d.tid, int32(folder))
		}
		dir, err := os.Readlink(from)
		if err != nil {
			return "", false
		}
		p = filepath.Join(dir, p)
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(p)); err == nil {
		p = filepath.Join(dir, filepath.Base(p))
	}
	return d.below(p)
}

func (d *decoder) below(p string) (string, bool) {
	rel, err := filepath.Rel(d.root, p)
	return rel, err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// both sets the two names of a call, and reports whether any is below the root.
func (d *decoder) both(c *Call, folder1, name1, folder2, name2 uint64) bool {
	var in1, in2 bool
	c.Path, in1 = d.path(folder1, name1)
	c.To, in2 = d.path(folder2, name2)
	return in1 || in2
}

// descriptor sets what is behind a descriptor, and reports whether it is a file or a
// folder below the root.
func (d *decoder) descriptor(c *Call, fd uint64) bool {
	link := fmt.Sprintf("/proc/%d/fd/%d", d.tid, int32(fd))
	p, err := os.Readlink(link)
	if err != nil || !filepath.IsAbs(p) {
		return false // a pipe, or not open
	}
	var st unix.Stat_t
	if unix.Stat(link, &st) != nil {
		return false
	}
	c.File = FileID{st.Dev, st.Ino}
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFREG && kind != unix.S_IFDIR {
		return false
	}
	var inside bool
	c.Path, inside = d.below(strings.TrimSuffix(p, " (deleted)"))
	return inside
}

// position returns where a descriptor writes next.
func (d *decoder) position(fd uint64) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", d.tid, int32(fd)))
	var at, flags int64
	if err == nil {
		_, err = fmt.Sscanf(string(text), "pos:\t%d\nflags:\t%o", &at, &flags)
	}
	d.note(err)
	if flags&unix.O_APPEND != 0 {
		var st unix.Stat_t
		d.note(unix.Stat(fmt.Sprintf("/proc/%d/fd/%d", d.tid, int32(fd)), &st))
		at = st.Size
	}
	return at
}
