package atomicfile

import (
	"os"

	"golang.org/x/sys/unix"
)

// beginWriteback asks for bytes to be written to the disk, and does not wait. Errors come
// back from Sync.
func beginWriteback(f *os.File, at, size int64) {
	raw, err := f.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SyncFileRange(int(fd), at, size, unix.SYNC_FILE_RANGE_WRITE)
	})
}
