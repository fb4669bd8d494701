//go:build !unix

package advparams

import "io/fs"

// ours is true: the folder for temporary files is the user's own on this system.
func ours(fs.FileInfo) bool { return true }
