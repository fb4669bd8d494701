package gradient

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// preferLargePages asks the system for pages of 2 MiB for a large new buffer.
// Values are read from end to end, and larger pages mean fewer page lookups and
// longer prefetches. This is advice, which the system may ignore.
func preferLargePages(x []float32) {
	const least = 1 << 20 // elements: so that a large page lies inside
	if len(x) < least {
		return
	}
	bytes := unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
	page := os.Getpagesize()
	first := -int(uintptr(unsafe.Pointer(unsafe.SliceData(x)))) & (page - 1)
	whole := (len(bytes) - first) &^ (page - 1)
	_ = unix.Madvise(bytes[first:first+whole], unix.MADV_HUGEPAGE)
}
