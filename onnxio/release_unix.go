//go:build unix

package onnxio

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// release drops the whole pages of mapped bytes.
func release(data []byte) {
	page := uintptr(os.Getpagesize())
	if len(data) == 0 {
		return
	}
	at := uintptr(unsafe.Pointer(&data[0]))
	skip := -at & (page - 1)
	if uintptr(len(data)) < skip+page {
		return
	}
	whole := (uintptr(len(data)) - skip) &^ (page - 1)
	_ = unix.Madvise(data[skip:skip+whole], unix.MADV_DONTNEED) // a hint
}
