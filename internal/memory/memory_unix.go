//go:build unix

package memory

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

func allocate(n int64) ([]byte, error) {
	if n > math.MaxInt {
		return nil, fmt.Errorf("%d bytes are too many for this machine's addresses", n)
	}
	data, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return nil, fmt.Errorf("%d bytes of memory: %w", n, err)
	}
	advise(data)
	return data, nil
}

func free(data []byte) error { return unix.Munmap(data) }
