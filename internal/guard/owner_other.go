//go:build !unix

package guard

import "io/fs"

const nonblock = 0

// Ours is true: the folder for temporary files is the user's own on such systems.
func Ours(fs.FileInfo) bool { return true }

// sameOwner is true, as Ours is.
func sameOwner(a, b fs.FileInfo) bool { return true }

// permitted is 0: permission bits say nothing on such systems.
func permitted(fs.FileInfo) fs.FileMode { return 0 }
