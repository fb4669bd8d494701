package batch

import (
	"os"
	"os/exec"
	"syscall"
)

// prepare keeps interrupts at the console away from a child. The lock cannot be
// handed on.
func prepare(cmd *exec.Cmd, _ *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func terminate(p *os.Process) error { return p.Kill() }

func killed(*os.ProcessState) bool { return false }

func peakMemory(*os.ProcessState) int64 { return 0 }
