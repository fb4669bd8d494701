//go:build !linux

package batch

func sacrifice(int) {}
