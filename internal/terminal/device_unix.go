//go:build !windows

package terminal

// device is the terminal of the process, whatever its streams are.
const device = "/dev/tty"
