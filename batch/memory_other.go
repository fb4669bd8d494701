//go:build !linux

package batch

func availableMemory() int64 { return 0 }
