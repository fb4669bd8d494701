//go:build !unix

package onnxio

import "io/fs"

// hardLinks returns 1: this system does not say how many names a file has.
func hardLinks(fs.FileInfo) uint64 { return 1 }
