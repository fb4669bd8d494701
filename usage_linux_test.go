package advparams_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// cpuTime returns the CPU time of the process in seconds.
func cpuTime() float64 {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// peakMemory returns how much memory the process holds at most while f runs, beyond what
// it held before.
func peakMemory(f func()) (int64, bool) {
	debug.FreeOSMemory()
	before, ok1 := status("VmRSS:")
	ok2 := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) == nil // sets VmHWM to VmRSS
	f()
	after, ok3 := status("VmHWM:")
	return after - before, ok1 && ok2 && ok3
}

// status returns a figure of /proc/self/status in bytes.
func status(name string) (size int64, ok bool) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, false
	}
	_, rest, ok := bytes.Cut(text, []byte("\n"+name))
	n, err := fmt.Sscanf(string(rest), "%d kB", &size)
	return size << 10, ok && n == 1 && err == nil
}
