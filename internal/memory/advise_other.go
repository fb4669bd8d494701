//go:build unix && !linux

package memory

// advise does nothing where systems have no such advice.
func advise([]byte) {}
