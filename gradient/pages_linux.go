package gradient

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// preferLargePages asks the system for pages of 2 MiB under a large new buffer:
// values are passed through from end to end, and the processor neither looks up nor
// prefetches across pages for nothing. It is advice; the system may have none.
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
