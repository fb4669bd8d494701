//go:build unix

package batch

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// prepare puts a child into a session of its own and hands it the lock. Interrupts at
// the terminal then reach the batch only, which passes them on, and children cannot
// ask for passphrases.
func prepare(cmd *exec.Cmd, lock *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	endWithParent(cmd.SysProcAttr)
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock}
	}
}

// terminate tells a process to stop.
func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// killed reports whether a process was ended by SIGKILL, which somebody else must
// have sent.
func killed(state *os.ProcessState) bool {
	s, ok := state.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// peakMemory returns the largest resident size of a process in bytes; 0 if it is not
// known.
func peakMemory(state *os.ProcessState) int64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" || runtime.GOOS == "ios" {
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) << 10
}
