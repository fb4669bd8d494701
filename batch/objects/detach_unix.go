//go:build unix

package objects

import (
	"os/exec"
	"syscall"
)

// detach keeps an interrupt at the terminal away from the program. The program ends
// when its standard input does, after what is under way has been put in order.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
