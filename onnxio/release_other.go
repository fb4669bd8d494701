//go:build !unix

package onnxio

// release does nothing: systems other than Unix drop pages when they need memory.
func release([]byte) {}
