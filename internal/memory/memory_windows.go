package memory

import (
	"fmt"
	"math"
	"unsafe"

	"golang.org/x/sys/windows"
)

func allocate(n int64) ([]byte, error) {
	if n > math.MaxInt {
		return nil, fmt.Errorf("%d bytes are too many for this machine's addresses", n)
	}
	at, err := windows.VirtualAlloc(0, uintptr(n), windows.MEM_RESERVE|windows.MEM_COMMIT, windows.PAGE_READWRITE)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory: %w", n, err)
	}
	// The conversion through a pointer to the number tells vet that this is no Go memory.
	return unsafe.Slice(*(**byte)(unsafe.Pointer(&at)), int(n)), nil
}

func free(data []byte) error {
	return windows.VirtualFree(uintptr(unsafe.Pointer(&data[0])), 0, windows.MEM_RELEASE)
}
