//go:build amd64 && !noasm

package simd

import "golang.org/x/sys/unix"

// mayUseTiles asks Linux for the registers of the matrix unit, which a process has only then:
// they make what a signal handler finds on its stack ten times as large, for which not every
// stack has the room.
func mayUseTiles() bool {
	const request, tileData = 0x1023, 18 // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
	_, _, err := unix.RawSyscall(unix.SYS_ARCH_PRCTL, request, tileData, 0)
	return err == 0
}
