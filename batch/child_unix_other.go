//go:build unix && !linux

package batch

import "syscall"

func endWithParent(*syscall.SysProcAttr) {}
