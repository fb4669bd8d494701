//go:build unix

package guard

import (
	"io/fs"
	"os"
	"syscall"
)

// nonblock keeps the opening of a pipe from waiting.
const nonblock = syscall.O_NONBLOCK

// Ours reports whether a file belongs to the user who runs this process.
func Ours(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(s.Uid) == os.Geteuid()
}

// sameOwner reports whether two files belong to one user.
func sameOwner(a, b fs.FileInfo) bool {
	s, ok1 := a.Sys().(*syscall.Stat_t)
	t, ok2 := b.Sys().(*syscall.Stat_t)
	return ok1 && ok2 && s.Uid == t.Uid
}

// permitted returns the permission bits.
func permitted(info fs.FileInfo) fs.FileMode { return info.Mode().Perm() }
