//go:build unix

package objects

import (
	"os/exec"
	"syscall"
)

// detach keeps an interrupt at the terminal from the program: what is under way
// is put in order first. It ends with its standard input.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
