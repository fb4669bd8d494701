//go:build !(linux && amd64)

package faults

import (
	"os/exec"
	"syscall"
)

// Run is ErrUnsupported.
func Run(*exec.Cmd, string, func(n int, c *Call) Fault) (calls []Call, status syscall.WaitStatus, err error) {
	return nil, status, ErrUnsupported
}
