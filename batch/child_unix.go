//go:build unix

package batch

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// prepare puts a child into a session of its own and hands it the lock. An
// interrupt at the terminal is for us to pass on, and nobody is to be asked for
// a passphrase by several programs at a time.
func prepare(cmd *exec.Cmd, lock *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	endWithParent(cmd.SysProcAttr)
	if lock != nil {
		cmd.ExtraFiles = []*os.File{lock}
	}
}

func terminate(p *os.Process) error { return p.Signal(syscall.SIGTERM) }

// killed reports whether a process was ended by a signal that no program raises
// against itself.
func killed(state *os.ProcessState) bool {
	s, ok := state.Sys().(syscall.WaitStatus)
	return ok && s.Signaled() && s.Signal() == syscall.SIGKILL
}

// peakMemory returns the largest resident size in bytes.
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
