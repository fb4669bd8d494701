package memory

import "golang.org/x/sys/unix"

// advise leaves memory out of core dumps, and asks for large pages. Both are hints.
func advise(data []byte) {
	_ = unix.Madvise(data, unix.MADV_DONTDUMP)
	_ = unix.Madvise(data, unix.MADV_HUGEPAGE)
}
