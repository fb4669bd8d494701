//go:build !linux

package gradient

// preferLargePages does nothing: other systems choose page sizes themselves.
func preferLargePages([]float32) {}
