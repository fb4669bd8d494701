//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignorePipes makes writing to a pipe that nobody reads an error. The signal would end
// the process before it could tidy up.
func ignorePipes() { signal.Ignore(syscall.SIGPIPE) }
