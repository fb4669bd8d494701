// Package filelock locks files against other processes. A lock ends with the last
// process that has the file open, however it ends.
//
// Files in this package:
//
//	filelock.go          the error
//	filelock_unix.go     Try by flock
//	filelock_windows.go  Try by LockFileEx
package filelock

import "errors"

// ErrHeld means that another process holds the lock.
var ErrHeld = errors.New("held by another process")
