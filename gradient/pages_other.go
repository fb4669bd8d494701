//go:build !linux

package gradient

// preferLargePages does nothing: elsewhere the system decides.
func preferLargePages([]float32) {}
