package faults

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// A Disk is the content of files by name. The name of a folder ends in a slash.
type Disk map[string]string

// AfterCrash calls yield with what a disk may hold if power is lost after any of the
// calls, each content once, until yield returns false. before is what it held at the
// beginning. Only files that count are looked at, unless count is nil.
//
// The file system is as weak as POSIX lets it be. What a call has changed may be on the
// disk or not, independent of other calls, until
//
//   - fsync of a file: then all of its content before is there;
//   - fsync of a folder: then all names in it are as they were before.
//
// A rename is there or not, as a whole. Content that is not durable is the old one, the
// new one, as many zeros, or half of the new one. Of many names that are not durable,
// some of the combinations are left out, always the same.
//
// Calls that failed change nothing. Calls that write without showing their data
// (copy_file_range, sendfile and the like) are an error.
func AfterCrash(before Disk, calls []Call, count func(name string) bool, yield func(Disk) bool) error {
	s := newSystem(before)
	if s.count = count; count == nil {
		s.count = func(string) bool { return true }
	}
	seen := map[string]bool{}
	for i := 0; ; i++ {
		for d := range s.states {
			key := fmt.Sprint(d) // maps are printed in order
			if seen[key] {
				continue
			}
			seen[key] = true
			if !yield(d) {
				return nil
			}
		}
		if i == len(calls) {
			return nil
		}
		if err := s.apply(&calls[i]); err != nil {
			return fmt.Errorf("call %d, %v: %w", i, &calls[i], err)
		}
	}
}

// system is a file system: what is durable, and what is on its way.
type system struct {
	names   map[string]*inode // durable
	pending []entry           // in order
	now     map[string]*inode // as programs see it
	opened  map[FileID]*inode
	count   func(name string) bool
}

// inode is a file or, if folder is set, a folder.
type inode struct {
	folder       bool
	durable, now string
}

// entry is a change of names that is not durable: to becomes node, and from, unless "",
// goes away. A nil node means that to goes away.
type entry struct {
	to, from string
	node     *inode
}

func newSystem(before Disk) *system {
	s := &system{names: map[string]*inode{}, opened: map[FileID]*inode{}}
	for name, content := range before {
		s.names[strings.TrimSuffix(name, "/")] = &inode{folder: strings.HasSuffix(name, "/"), durable: content, now: content}
	}
	s.now = maps.Clone(s.names)
	return s
}

// apply carries out a call.
func (s *system) apply(c *Call) error {
	if c.Errno != 0 {
		return nil
	}
	switch c.Name {
	case "open", "openat", "openat2", "creat":
		f := s.now[c.Path]
		if f == nil {
			f = &inode{}
			s.change(entry{to: c.Path, node: f})
		}
		if c.Truncate {
			f.now = ""
		}
		s.opened[c.File] = f
	case "write", "pwrite64":
		f := s.behind(c)
		f.now += strings.Repeat("\x00", max(0, int(c.Offset)+len(c.Data)-len(f.now)))
		f.now = f.now[:c.Offset] + string(c.Data) + f.now[c.Offset+int64(len(c.Data)):]
	case "ftruncate":
		f := s.behind(c)
		f.now = (f.now + strings.Repeat("\x00", max(0, int(c.Offset)-len(f.now))))[:c.Offset]
	case "fsync", "fdatasync":
		if f := s.now[c.Path]; c.Path == "." || f != nil && f.folder {
			s.syncFolder(c.Path)
			return nil
		}
		f := s.behind(c)
		f.durable = f.now
	case "link", "linkat":
		s.change(entry{to: c.To, node: s.now[c.Path]})
	case "rename", "renameat", "renameat2":
		if s.now[c.Path] == s.now[c.To] {
			return nil // two names of one file stay
		}
		s.change(entry{to: c.To, from: c.Path, node: s.now[c.Path]})
	case "mkdir", "mkdirat":
		s.change(entry{to: c.Path, node: &inode{folder: true}})
	case "unlink", "unlinkat", "rmdir":
		s.change(entry{to: c.Path})
	case "chmod", "fchmod", "fchmodat", "fchmodat2", "utimensat":
	default:
		return fmt.Errorf("not part of the model")
	}
	return nil
}

// behind returns the file of a descriptor.
func (s *system) behind(c *Call) *inode {
	if f := s.opened[c.File]; f != nil {
		return f
	}
	f := s.now[c.Path] // opened without being changed
	if f == nil {
		f = &inode{}
	}
	s.opened[c.File] = f
	return f
}

func (s *system) change(e entry) {
	s.pending = append(s.pending, e)
	e.applyTo(s.now)
}

func (e entry) applyTo(names map[string]*inode) {
	if e.from != "" {
		delete(names, e.from)
	}
	if delete(names, e.to); e.node != nil {
		names[e.to] = e.node
	}
}

// syncFolder makes the names in a folder durable.
func (s *system) syncFolder(dir string) {
	s.pending = slices.DeleteFunc(s.pending, func(e entry) bool {
		if path.Dir(e.to) != dir && (e.from == "" || path.Dir(e.from) != dir) {
			return false
		}
		e.applyTo(s.names)
		return true
	})
}

// most is the number of pending names of which all combinations are looked at.
const most = 8

// states calls yield with what may be on the disk now.
func (s *system) states(yield func(Disk) bool) {
	pending := slices.DeleteFunc(slices.Clone(s.pending), func(e entry) bool { // what cannot be seen
		return !s.count(e.to) && !s.count(e.from) && (e.node == nil || !e.node.folder)
	})
	n := len(pending)
	rng := rand.New(rand.NewPCG(1, uint64(n)))
	for i := range 1 << min(n, most) {
		names := maps.Clone(s.names)
		for k, e := range pending {
			there := i>>k&1 != 0
			switch {
			case n <= most:
			case i < n: // all but one
				there = k != i
			case i < 2*n: // the first ones
				there = k < i-n
			default:
				there = rng.IntN(2) == 0
			}
			if there {
				e.applyTo(names)
			}
		}
		if !s.contents(names, yield) {
			return
		}
	}
}

// contents calls yield with all contents that the named files may have. What is in a
// folder that is not there is not there either.
func (s *system) contents(names map[string]*inode, yield func(Disk) bool) bool {
	d := Disk{}
	var unsure []*inode
	for name, f := range names {
		if !s.count(name) {
			continue
		}
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if p := names[dir]; p == nil || !p.folder {
				f = nil
				break
			}
		}
		switch {
		case f == nil:
		case f.folder:
			d[name+"/"] = ""
		default:
			d[name] = f.now
			if f.now != f.durable && !slices.Contains(unsure, f) {
				unsure = append(unsure, f)
			}
		}
	}
	var vary func(left []*inode, d Disk) bool
	vary = func(left []*inode, d Disk) bool {
		if len(left) == 0 {
			return yield(d)
		}
		f := left[0]
		for _, content := range []string{f.now, f.durable, strings.Repeat("\x00", len(f.now)), f.now[:len(f.now)/2]} {
			d := maps.Clone(d)
			for name := range d {
				if names[name] == f {
					d[name] = content
				}
			}
			if !vary(left[1:], d) {
				return false
			}
		}
		return true
	}
	return vary(unsure, d)
}
